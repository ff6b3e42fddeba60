//! What other programs call our flags and commands.

/// Flags by the names that other programs give them. The first of ours that the command has is meant.
const FLAGS: [(&[&str], &[&str]); 20] = [
    (
        &["topk", "top-k", "top_k", "limit", "n", "num", "size", "hits", "count", "max-results"],
        &["k"],
    ),
    (&["measure", "metric", "m"], &["metrics"]),
    (&["output", "output-file", "outfile", "o", "out"], &["out", "run", "index", "json"]),
    (&["query", "q", "text", "topics"], &["queries", "input"]),
    (&["model-path", "model-dir", "model-name", "encoder"], &["model"]),
    (&["documents", "corpus", "docs", "files", "file", "f", "data", "source"], &["input"]),
    (&["index-dir", "index-path", "i"], &["index"]),
    (&["run", "runs"], &["from-run"]),
    (&["from-run"], &["run"]),
    (&["ranker", "ranking", "mode", "method", "fusion"], &["rank"]),
    (&["hybrid", "sparse", "bm25"], &["rank"]),
    (&["full", "deep", "quick", "fast"], &["level"]),
    (&["filters", "where"], &["filter"]),
    (&["from", "start", "skip"], &["offset"]),
    (&["port", "host", "bind", "listen", "address"], &["addr"]),
    (&["jobs", "j", "workers", "num-threads", "t"], &["threads"]),
    (&["timeout", "time-limit"], &["timeout-ms"]),
    (&["qrel", "judgements", "judgments"], &["qrels", "dataset"]),
    (&["vector", "embedding"], &["dense-vector"]),
    (&["knee"], &["until-knee"]),
];

/// Commands by the names that other programs give them.
const COMMANDS: [(&[&str], &str); 10] = [
    (&["query", "find", "ask", "retrieve"], "search"),
    (&["add", "ingest", "build", "create", "insert", "upsert"], "index"),
    (&["evaluate", "measure", "metrics", "trec_eval"], "eval"),
    (&["batch", "batchsearch", "run", "msearch"], "batch-search"),
    (&["server", "http", "start"], "serve"),
    (&["embed", "vectors"], "encode"),
    (&["pull", "download", "fetch"], "model pull"),
    (&["info", "stats", "show", "describe"], "inspect"),
    (&["check", "verify", "fsck", "validate"], "doctor"),
    (&["compact", "optimize", "optimise"], "merge"),
];

/// Our flags, without dashes, that a flag of other programs may mean.
pub(super) fn flags_of(flag: &str) -> &'static [&'static str] {
    let name = flag.trim_start_matches('-');
    let found = FLAGS.iter().find(|(names, _)| names.contains(&name));
    found.map_or(&[], |(_, ours)| ours)
}

/// Our command that a command of other programs means.
pub(super) fn command_of(name: &str) -> Option<&'static str> {
    let found = COMMANDS.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, ours)| *ours)
}
