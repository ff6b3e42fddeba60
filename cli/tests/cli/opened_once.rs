//! `gleaner index` reads the files of an index once.
//!
//! The settings of the model are a pipe here. A run opens the index first and waits at the pipe then; a
//! file of the index is damaged meanwhile. A run that checks its files a second time would find that.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use crate::harness::{Desk, copy_folder, fails, fixture, gleaner, runtime_is_here, succeeds, text};

/// For a run to come to the pipe.
const PATIENCE: Duration = Duration::from_secs(120);

fn write_texts(path: &str, ids: std::ops::Range<u32>) {
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
    let desk = Desk::new();
    let (index, input, model) = (desk.path("index"), desk.path("texts.jsonl"), desk.path("model"));
    copy_folder(fixture("splade-max"), &model);
    let args = ["index", "--index", &index, "--input", &input, "--model", &model, "--threads", "1"];
    write_texts(&input, 0..60);
    succeeds(gleaner(&args));
    let files = fs::read_dir(&index).unwrap().map(|entry| entry.unwrap().path());
    let stored = files.filter(|file| file.extension().is_some_and(|name| name == "store"));
    let [stored] = &stored.collect::<Vec<_>>()[..] else { panic!("one segment") };
    // So few that the run leaves the segment as it is.
    write_texts(&input, 60..62);

    let run = gleaner(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut pipe, settings) = reader_of(&Path::new(&model).join("gleaner.toml"));
    let mut damaged = fs::read(stored).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x11;
    fs::write(stored, &damaged).unwrap();
    pipe.write_all(&settings).unwrap();
    drop(pipe);
    let second = run.wait_with_output().unwrap();
    assert!(second.status.success(), "{}", text(&second.stderr));

    // The damage is such that the next run, which reads the files again, finds it.
    fails(&args, 4, "store: its checksum does not match");
}
