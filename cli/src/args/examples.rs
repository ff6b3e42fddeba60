//! The examples of `--help` and of docs/cli.md.
//!
//! All work in the folder of the repository, in the order of this file. A test runs them.

/// A command line, and what it does.
pub(crate) struct Example {
    pub(crate) line: &'static str,
    pub(crate) does: &'static str,
}

/// The examples of a command by its path, such as `gleaner model list`; the simplest comes first.
pub(crate) fn examples(path: &str) -> &'static [Example] {
    let found = EXAMPLES.iter().find(|(of, _)| *of == path);
    found.map_or(&[], |(_, examples)| examples)
}

const fn example(line: &'static str, does: &'static str) -> Example {
    Example { line, does }
}

const INDEX: Example = example(
    "gleaner index --index my.index --input data/sample --model data/models/splade-tiny",
    "makes the index my.index of the sample documents",
);
const SEARCH: Example = example(
    "gleaner search --index my.index \"pink eye contagious\"",
    "shows the ten best documents for a question",
);

const EXAMPLES: [(&str, &[Example]); 20] = [
    ("gleaner", &[INDEX, SEARCH, example("gleaner search --help", "explains the command search")]),
    (
        "gleaner demo",
        &[example("gleaner demo", "makes the index out/demo.index, searches and measures")],
    ),
    (
        "gleaner index",
        &[
            INDEX,
            example(
                "gleaner index --index hybrid.index --input data/sample --model data/models/splade-tiny \
                 --dense-model data/models/minilm",
                "the same with dense vectors, so that `hybrid` fuses all three legs",
            ),
            example(
                "gleaner index --index my.index --input data/sample --resume",
                "goes on after a run that was interrupted",
            ),
        ],
    ),
    (
        "gleaner search",
        &[
            SEARCH,
            example(
                "gleaner search --index my.index \"how warm is a living room\" -k 3 --explain",
                "shows three documents, and where their scores come from",
            ),
            example(
                "gleaner search --index my.index \"energy\" --filter 'year:>=2015' --json --fields title",
                "searches documents of certain years, and prints JSON",
            ),
            example(
                "gleaner search --index my.index \"energy\" --rank rrf:sparse,bm25",
                "fuses two legs",
            ),
        ],
    ),
    (
        "gleaner batch-search",
        &[
            example(
                "gleaner batch-search --index my.index --queries data/sample/queries.jsonl --run hybrid.run",
                "writes the hits of every query to hybrid.run",
            ),
            example(
                "gleaner batch-search --index my.index --queries data/sample/queries.jsonl --run bm25.run \
                 --rank bm25 -k 100",
                "the same by bm25, 100 hits each",
            ),
        ],
    ),
    (
        "gleaner eval",
        &[
            example(
                "gleaner eval --index my.index --dataset data/sample",
                "measures every leg of the index, and hybrid",
            ),
            example(
                "gleaner eval --from-run bm25.run --dataset data/sample --metrics nDCG@10",
                "measures a run that is there already",
            ),
            example(
                "gleaner eval --index my.index --dataset data/sample --rank bm25 --fail-if 'nDCG@10<0.1'",
                "exits with code 5 if the quality is too low",
            ),
        ],
    ),
    (
        "gleaner compare",
        &[example(
            "gleaner compare bm25.run hybrid.run --qrels data/sample/qrels/test.tsv",
            "says how much better or worse hybrid.run is than bm25.run",
        )],
    ),
    (
        "gleaner serve",
        &[example(
            "gleaner serve --data .",
            "answers at http://127.0.0.1:7700 for every index in this folder",
        )],
    ),
    (
        "gleaner encode",
        &[
            example(
                "echo '{\"_id\": \"1\", \"text\": \"a text\"}' | \
                 gleaner encode --model data/models/splade-tiny --input -",
                "shows the tokens of a text with their weights",
            ),
            example(
                "gleaner encode --model data/models/splade-tiny --side query \
                 --input data/sample/queries.jsonl --format vectors --out queries.bin",
                "writes the vectors of a file of queries",
            ),
        ],
    ),
    (
        "gleaner export",
        &[
            example(
                "gleaner export --index my.index --format vectors-jsonl --out vectors.jsonl",
                "writes the sparse vectors of all documents",
            ),
            example(
                "gleaner export --index hybrid.index --dense dense --out dense.jsonl",
                "writes the dense vectors of the field `dense`",
            ),
        ],
    ),
    (
        "gleaner model inspect",
        &[example(
            "gleaner model inspect data/models/splade-tiny --text \"pink eye\"",
            "shows the model, and the heaviest tokens of a text",
        )],
    ),
    (
        "gleaner model selftest",
        &[example(
            "gleaner model selftest data/models/splade-tiny",
            "says `passed` if the model still makes the vectors stored with it",
        )],
    ),
    (
        "gleaner model optimize",
        &[example(
            "gleaner model optimize data/fixtures/splade-max --out faster-model",
            "makes the model folder faster-model",
        )],
    ),
    (
        "gleaner model pull",
        &[example(
            "gleaner model pull https://example.org/model --file model.onnx=HASH --out my-model",
            "fetches a file and keeps it if its hash is HASH",
        )],
    ),
    ("gleaner model list", &[example("gleaner model list", "lists the models in data/models")]),
    (
        "gleaner inspect",
        &[
            example("gleaner inspect --index my.index", "shows documents, models and sizes"),
            example(
                "gleaner inspect --index my.index --queries data/sample/queries.jsonl",
                "shows what less effort costs and saves with these queries",
            ),
        ],
    ),
    (
        "gleaner get",
        &[
            example("gleaner get --index my.index travel-03", "shows a document"),
            example(
                "gleaner get --index my.index travel-03 travel-04 --vectors",
                "shows two documents with their vectors",
            ),
        ],
    ),
    (
        "gleaner delete",
        &[
            example("gleaner delete --index my.index --id travel-03", "deletes a document"),
            example(
                "gleaner delete --index my.index --filter 'year:<2000' --dry-run",
                "counts the documents that it would delete without --dry-run",
            ),
        ],
    ),
    (
        "gleaner doctor",
        &[
            example(
                "gleaner doctor --index my.index",
                "checks the files; exit code 4 means damage",
            ),
            example("gleaner doctor --index my.index --level full", "checks every value, too"),
        ],
    ),
    (
        "gleaner merge",
        &[example("gleaner merge --index my.index", "merges all parts that can be merged")],
    ),
];
