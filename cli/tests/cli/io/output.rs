//! Output that cannot be written: a full disk behind stdout or stderr, a reader that has gone.
//!
//! Stderr is about the work and may be lost; stdout is the work, so that an error there is one.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{Desk, copy_folder, fixture, gleaner, model, ok, runtime_is_here, text};

/// A place that takes no byte.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A model folder's path as an argument.
fn splade() -> String {
    model().to_str().unwrap().to_owned()
}

/// A BEIR folder, an index of it, and a run.
fn desk() -> Desk {
    let desk = Desk::new();
    let text = |i: usize| format!("water and stone, the {i}th of its kind");
    let documents: Vec<_> =
        (0..8).map(|i| json!({"_id": format!("d{i}"), "text": text(i)})).collect();
    desk.lines("corpus.jsonl", &documents);
    desk.lines("queries.jsonl", &[json!({"_id": "q", "text": "water"})]);
    fs::create_dir(desk.path("qrels")).unwrap();
    desk.write("qrels/test.tsv", "q\td1\t1\n");
    let (index, corpus) = (desk.path("index"), desk.path("corpus.jsonl"));
    ok(&["index", "--index", &index, "--input", &corpus, "--model", &splade()]);
    let (queries, run) = (desk.path("queries.jsonl"), desk.path("a.run"));
    ok(&["batch-search", "--index", &index, "--queries", &queries, "--run", &run]);
    desk
}

/// Commands that write to stdout.
fn printing(desk: &Desk) -> Vec<Vec<String>> {
    let (index, run, folder) = (desk.path("index"), desk.path("a.run"), desk.path(""));
    let (queries, models) = (desk.path("queries.jsonl"), splade());
    let above = Path::new(&models).parent().unwrap().to_str().unwrap().to_owned();
    let of = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
    vec![
        of(&["--help"]),
        of(&["--version"]),
        of(&["search", "--help"]),
        of(&["search", "--index", &index, "water"]),
        of(&["search", "--index", &index, "water", "--json", "--explain"]),
        of(&["inspect", "--index", &index]),
        of(&["inspect", "--index", &index, "--json"]),
        of(&["doctor", "--index", &index]),
        of(&["export", "--index", &index, "--format", "vectors-jsonl", "--out", "-"]),
        of(&["eval", "--index", &index, "--dataset", &folder]),
        of(&["compare", &run, &run, "--dataset", &folder]),
        of(&["compare", &run, &run, "--dataset", &folder, "--json"]),
        of(&["encode", "--model", &models, "--input", &queries, "--out", "-"]),
        of(&["model", "list", &above]),
        of(&["model", "inspect", &models]),
        of(&["model", "selftest", &fixture("splade-max"), "--json"]),
    ]
}

/// Commands that say something on stderr, with the codes they end with.
fn talking(desk: &Desk) -> Vec<(Vec<String>, i32)> {
    let (index, run) = (desk.path("index"), desk.path("b.run"));
    let (corpus, queries) = (desk.path("corpus.jsonl"), desk.path("queries.jsonl"));
    let of = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
    let index_again =
        ["index", "--index", &index, "--input", &corpus, "--model", &splade()].map(String::from);
    let mut talking = vec![
        (index_again.to_vec(), 0),
        ([&index_again[..], &of(&["--progress", "json"])].concat(), 0),
        (of(&["merge", "--index", &index]), 0),
        (of(&["export", "--index", &index, "--format", "ciff", "--out", &desk.path("ciff")]), 0),
        (of(&["batch-search", "--index", &index, "--queries", &queries, "--run", &run]), 0),
        (of(&["encode", "--model", &splade(), "--input", &queries, "--out", &desk.path("v")]), 0),
        (of(&["model", "list", &desk.path("qrels")]), 0),
        (of(&["search", "--index", &index, " "]), 2),
        (of(&["search", "--no-such-flag"]), 2),
        (of(&["search", "--index", &desk.path("nowhere"), "water"]), 1),
        (of(&["compare", &run, "/no/such/run", "--dataset", &desk.path("")]), 1),
    ];
    talking.extend(printing(desk).into_iter().map(|args| (args, 0)));
    talking
}

#[test]
fn a_stderr_that_cannot_be_written_changes_nothing() {
    if !runtime_is_here() {
        return;
    }
    let desk = desk();
    for (args, code) in talking(&desk) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = gleaner(&args).stderr(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        let closed = std::io::pipe().unwrap().1;
        let output = gleaner(&args).stderr(closed).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}, and a reader that has gone");
    }
}

#[test]
fn a_stdout_that_cannot_be_written_is_an_error_with_a_name() {
    if !runtime_is_here() {
        return;
    }
    let desk = desk();
    for args in printing(&desk) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = gleaner(&args).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("cannot write to stdout"), "{args:?}: {said}");
        assert!(said.contains("No space left") && !said.contains("panicked"), "{args:?}: {said}");
        let output = gleaner(&args).stdout(full()).stderr(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}, and nowhere to say so");
    }
}

#[test]
fn a_reader_that_has_gone_ends_every_command_in_silence() {
    if !runtime_is_here() {
        return;
    }
    let desk = desk();
    for args in printing(&desk) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let closed = std::io::pipe().unwrap().1;
        let output = gleaner(&args).stdout(closed).stderr(Stdio::piped()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        assert!(!said.contains("error") && !said.contains("panicked"), "{args:?}: {said}");
    }
}

#[test]
fn a_server_without_a_stderr_serves_and_stops() {
    if !runtime_is_here() {
        return;
    }
    let desk = desk();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let data = desk.path("");
    let serve = ["serve", "--data", &data, "--addr", &address.to_string()];
    let mut child = gleaner(&serve).stderr(full()).spawn().unwrap();
    let start = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(_) => {
                let ended = child.try_wait().unwrap();
                assert!(ended.is_none() && start.elapsed() < Duration::from_secs(60), "{ended:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    };
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let stop = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(stop.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Files of a model folder that have no end: they are refused, where they would be read for ever.
#[test]
fn pipes_and_devices_in_a_model_folder_are_refused_at_once() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    for (name, settings) in [
        ("golden.json", ""),
        ("tokenizer.json", ""),
        ("gleaner.toml", ""),
        ("config.json", ""),
        ("idf.json", "[query]\nencoder = \"idf\"\n"),
    ] {
        for device in [true, false] {
            let folder = desk.folder().join(format!("{name}-{device}"));
            copy_folder(fixture("splade-max"), &folder);
            let file = folder.join(name);
            let _ = fs::remove_file(&file);
            match device {
                true => std::os::unix::fs::symlink("/dev/zero", &file).unwrap(),
                false => assert!(Command::new("mkfifo").arg(&file).status().unwrap().success()),
            }
            if !settings.is_empty() {
                let kept = fs::read_to_string(folder.join("gleaner.toml")).unwrap();
                fs::write(folder.join("gleaner.toml"), format!("{settings}{kept}")).unwrap();
            }
            let folder = folder.to_str().unwrap();
            let child = gleaner(&["model", "selftest", folder])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            let mut child = child.unwrap();
            let start = Instant::now();
            let status = loop {
                if let Some(status) = child.try_wait().unwrap() {
                    break status;
                }
                if start.elapsed() > Duration::from_secs(30) {
                    child.kill().unwrap();
                    panic!("{name}, device {device}: it hangs");
                }
                std::thread::sleep(Duration::from_millis(10));
            };
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert_eq!(status.code(), Some(1), "{name}, device {device}: {said}");
            assert!(said.contains(name), "{name}, device {device}: {said}");
        }
    }
}

/// Commands that write a file, without the file's name.
fn writing(desk: &Desk) -> Vec<Vec<String>> {
    let (index, run, folder) = (desk.path("index"), desk.path("a.run"), desk.path(""));
    let queries = desk.path("queries.jsonl");
    let of = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
    vec![
        of(&["export", "--index", &index, "--format", "vectors-jsonl", "--out"]),
        of(&["export", "--index", &index, "--format", "ciff", "--out"]),
        of(&["batch-search", "--index", &index, "--queries", &queries, "--run"]),
        of(&["eval", "--index", &index, "--dataset", &folder, "--run"]),
        of(&["eval", "--from-run", &run, "--dataset", &folder, "--json"]),
        of(&["encode", "--model", &splade(), "--input", &queries, "--out"]),
    ]
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    if !runtime_is_here() {
        return;
    }
    let desk = desk();
    for args in writing(&desk) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        for (place, says) in [("/dev/full", "No space left"), ("/no/such/folder/x", "No such file")]
        {
            let output = gleaner(&[&args[..], &[place]].concat()).output().unwrap();
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{args:?} {place}: {said}");
            assert!(said.contains(place) && said.contains(says), "{args:?}: {said}");
            assert!(!said.contains("panicked"), "{args:?}: {said}");
        }
        let output = gleaner(&[&args[..], &["x.gz"]].concat()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains("output is not compressed"), "{args:?}: {said}");
    }
}

/// Whenever the process dies, the file is whole or what stood there before.
#[test]
fn a_killed_command_leaves_no_half_file() {
    if !runtime_is_here() {
        return;
    }
    let desk = desk();
    let out = desk.path("out");
    // `encode` keeps what it has beside a note of where it ends, to go on from there.
    for args in writing(&desk).into_iter().filter(|args| args[0] != "encode") {
        let args: Vec<&str> = args.iter().map(String::as_str).chain([&out[..]]).collect();
        ok(&args);
        let whole = fs::read(&out).unwrap();
        let mut killed = 0;
        for delay_ms in [0, 1, 2, 4, 8, 16, 32, 64, 128] {
            fs::write(&out, "before").unwrap();
            let mut child =
                gleaner(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(delay_ms));
            child.kill().unwrap();
            killed += usize::from(child.wait().unwrap().code().is_none());
            let found = fs::read(&out).unwrap();
            assert!(found == whole || found == b"before", "{args:?} after {delay_ms} ms");
        }
        assert!(killed > 0, "{args:?}: it was never killed");
    }
}
