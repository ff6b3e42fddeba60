//! `gleaner encode` over streams: order, interruption and `--resume`, and memory that does not
//! grow.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::harness::{gleaner, model, refuses, runtime_is_here, succeeds, text};

fn encode(input: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = gleaner(&["encode", "--threads", "2", "--model"]);
    command.arg(model()).arg("--input").arg(input).arg("--out").arg(out).args(more);
    command
}

/// Documents whose ids are their places; every third has many words.
fn corpus(path: &Path, count: usize) {
    let line =
        |i: usize| {
            let text = format!("document number {i} of the corpus ")
                .repeat(if i.is_multiple_of(3) { 4 } else { 1 });
            format!("{{\"_id\":\"{i}\",\"text\":\"{text}\"}}\n")
        };
    fs::write(path, (0..count).map(line).collect::<String>()).unwrap();
}

/// Waits until a run has stated that some of its lines are whole.
fn until_committed(child: &mut Child, out: &Path) {
    let state = PathBuf::from(format!("{}.part.json", out.display()));
    let start = Instant::now();
    while !state.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended too soon");
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is written");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_goes_on_to_the_same_lines() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [input, whole, out] = ["in.jsonl", "whole", "out"].map(|name| folder.path().join(name));
    corpus(&input, 4_000);
    succeeds(encode(&input, &whole, &["--format", "vectors-jsonl"]));
    for signal in ["-INT", "-KILL"] {
        let _ = fs::remove_file(&out);
        let mut child = encode(&input, &out, &[]).stderr(Stdio::piped()).spawn().unwrap();
        until_committed(&mut child, &out);
        assert!(
            Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        let output = child.wait_with_output().unwrap();
        if signal == "-INT" {
            assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
            assert!(text(&output.stderr).contains("`--resume` goes on"));
        }
        assert!(!out.exists(), "half a file is not in its place");
        // A torn line, as a crash leaves it.
        let part = folder.path().join("out.part");
        let mut torn = fs::read(&part).unwrap();
        torn.extend(b"{\"id\":");
        fs::write(&part, torn).unwrap();
        refuses(encode(&input, &out, &["--resume", "--side", "query"]), 1, "--side document");
        refuses(
            encode(&input, &out, &["--resume", "--format", "tei"]),
            1,
            "--format vectors-jsonl",
        );
        let other = folder.path().join("other.jsonl");
        fs::write(&other, fs::read_to_string(&input).unwrap().replacen("corpus", "Corpus", 1))
            .unwrap();
        refuses(encode(&other, &out, &["--resume"]), 1, "are not those it had");
        let resumed = succeeds(encode(&input, &out, &["--resume"]));
        assert!(text(&resumed.stderr).contains("texts found encoded"), "{}", text(&resumed.stderr));
        refuses(encode(&input, &out, &["--resume", "--format", "tei"]), 1, "is whole already");
        assert!(fs::read(&out).unwrap() == fs::read(&whole).unwrap(), "after {signal}");
    }
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["in.jsonl", "other.jsonl", "out", "whole"]);
}

#[test]
fn streams_keep_their_order_and_a_bad_line_keeps_the_old_file() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [input, out] = ["in.jsonl", "out"].map(|name| folder.path().join(name));
    corpus(&input, 700);
    let mut streamed = encode(Path::new("-"), Path::new("-"), &["--format", "anserini"]);
    streamed.stdin(fs::File::open(&input).unwrap());
    let lines = text(&succeeds(streamed).stdout);
    let ids: Vec<String> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().into()
        })
        .collect();
    assert!(ids.iter().enumerate().all(|(place, id)| *id == place.to_string()) && ids.len() == 700);
    fs::write(&out, "old").unwrap();
    let mut lines = fs::read_to_string(&input).unwrap();
    lines.push_str("no JSON\n");
    fs::write(&input, lines).unwrap();
    refuses(encode(&input, &out, &["--format", "tei"]), 3, "in.jsonl:701");
    assert_eq!(fs::read_to_string(&out).unwrap(), "old");
    refuses(encode(&input, Path::new("-"), &["--resume"]), 2, "--out FILE");
    refuses(encode(&input, &out, &["--resume", "--format", "ciff"]), 2, "one line a text");
}

/// The most memory a run has held.
#[cfg(target_os = "linux")]
fn peak_bytes(mut command: Command) -> usize {
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
        peak = peak.max(kib.unwrap_or_default() << 10);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    peak
}

#[cfg(target_os = "linux")]
#[test]
fn memory_follows_the_batch_and_not_the_corpus() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [input, out] = ["in.jsonl", "out"].map(|name| folder.path().join(name));
    let peaks = [2_000, 8_000].map(|count| {
        corpus(&input, count);
        peak_bytes(encode(&input, &out, &["--format", "tei"]))
    });
    assert!(peaks[1] < peaks[0] + (32 << 20), "{peaks:?}");
    // Texts as long as the model reads, which is what fills a batch.
    let long = format!("{{\"_id\":\"a\",\"text\":\"{}\"}}\n", "retrieval ".repeat(600));
    fs::write(&input, long.repeat(60)).unwrap();
    let peak = peak_bytes(encode(&input, &out, &["--format", "tei"]));
    assert!(peak < 1 << 30, "{peak}");
}
