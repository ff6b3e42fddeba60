//! `gleaner index` reads the files of an index once.
//!
//! The settings of the model are a pipe here. A run opens the index first and waits at the pipe then; a
//! file of the index is damaged meanwhile. A run that checks its files a second time would find that.
#![allow(clippy::unwrap_used, missing_docs)]
#![cfg(unix)]

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

/// For a run to come to the pipe.
const PATIENCE: Duration = Duration::from_secs(120);

fn gleaner(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn fixture() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("data/fixtures");
    root.join("splade-max")
}

fn runtime_is_here() -> bool {
    let output = gleaner(&["model", "inspect", fixture().to_str().unwrap()]).output().unwrap();
    let required = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(output.status.success() || !required, "{}", said(&output));
    output.status.success()
}

fn write_texts(path: &Path, ids: std::ops::Range<u32>) {
    let lines = ids.map(|id| format!("{{\"_id\": \"{id}\", \"text\": \"the dog number {id}\"}}\n"));
    fs::write(path, lines.collect::<String>()).unwrap();
}

/// Puts a pipe in the place of a file, and waits until somebody reads it. Who reads the file from then on
/// finds it whole.
fn reader_of(file: &Path) -> (File, Vec<u8>) {
    let whole = fs::read(file).unwrap();
    let (kept, pipe) = (file.with_extension("kept"), file.with_extension("pipe"));
    fs::rename(file, &kept).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::rename(&pipe, file).unwrap();
    let (opened, reader) = mpsc::channel();
    let path = file.to_owned();
    std::thread::spawn(move || opened.send(OpenOptions::new().write(true).open(path)));
    let pipe = reader.recv_timeout(PATIENCE).expect("nobody reads the file").unwrap();
    fs::rename(&kept, file).unwrap();
    (pipe, whole)
}

#[test]
fn index_reads_the_files_of_an_index_once() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (index, input, model) = (path("index"), path("texts.jsonl"), path("model"));
    fs::create_dir(&model).unwrap();
    for entry in fs::read_dir(fixture()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    let args = [
        ["index", "--index", index.to_str().unwrap()],
        ["--input", input.to_str().unwrap(), "--model"],
        [model.to_str().unwrap(), "--threads", "1"],
    ];
    let args = args.concat();
    write_texts(&input, 0..60);
    let first = gleaner(&args).output().unwrap();
    assert!(first.status.success(), "{}", said(&first));
    let files = fs::read_dir(&index).unwrap().map(|entry| entry.unwrap().path());
    let stored = files.filter(|file| file.extension().is_some_and(|name| name == "store"));
    let [stored] = &stored.collect::<Vec<_>>()[..] else { panic!("one segment") };
    // So few that the run leaves the segment as it is.
    write_texts(&input, 60..62);

    let run = gleaner(&args).spawn().unwrap();
    let (mut pipe, settings) = reader_of(&model.join("gleaner.toml"));
    let mut damaged = fs::read(stored).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x11;
    fs::write(stored, &damaged).unwrap();
    pipe.write_all(&settings).unwrap();
    drop(pipe);
    let second = run.wait_with_output().unwrap();
    assert!(second.status.success(), "{}", said(&second));

    // The damage is such that the next run, which reads the files again, finds it.
    let third = gleaner(&args).output().unwrap();
    assert_eq!(third.status.code(), Some(4), "{}", said(&third));
    assert!(said(&third).contains("store: its checksum does not match"), "{}", said(&third));
}
