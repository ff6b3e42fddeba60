//! The files of an index folder: what is in the way of reading or writing them, and what is damage.
//!
//! Tests may run as root, whom no right keeps from a file. So a file gives way to what cannot be read by
//! anybody: a folder, a pipe, a link that leads nowhere or to itself.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::harness::{BINARY, Desk, copy_folder, fails, gleaner, ok, run, succeeds, text};

/// For a command that must not wait for anything.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Makes an index of `count` vectors, with a few documents that were replaced.
fn index_of(desk: &Desk, name: &str, count: u32) -> String {
    let index = desk.path(name);
    for (file, from) in [("first.jsonl", 0), ("second.jsonl", count - count / 20)] {
        let line = |id: u32| {
            let (a, b) = (id % 7 + 1, id % 11 + 10);
            let vector =
                serde_json::json!({a.to_string(): 1.5, b.to_string(): f64::from(id % 9 + 1)});
            serde_json::json!({"_id": format!("d{id}"), "vector": vector})
        };
        let lines: Vec<_> = (from..count + from / 20).map(line).collect();
        let input = desk.lines(file, &lines);
        ok(&["index", "--index", &index, "--input", &input, "--format", "vectors-jsonl"]);
    }
    index
}

fn files_of(index: &str) -> Vec<PathBuf> {
    let hidden = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().starts_with('.');
    let files = fs::read_dir(index).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|file| !hidden(file)).collect();
    files.sort();
    files
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|found| found == extension)
}

/// Runs a search and `doctor`, which must end at once with one code, and say so without a panic.
fn all_end(index: &str, code: i32, what: &str) -> String {
    let search = ["search", "--index", index, "--tokens", "{\"1\":1}"];
    let mut said = String::new();
    for args in [&search[..], &["doctor", "--index", index, "--level", "full"]] {
        let begin = Instant::now();
        let output = run(args);
        let stderr = text(&output.stderr) + &text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{what}: {args:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{what}: {stderr}");
        assert!(begin.elapsed() < AT_ONCE, "{what}: {args:?} took {:?}", begin.elapsed());
        said += &stderr;
    }
    said
}

#[test]
fn what_cannot_be_read_is_no_damage() {
    let desk = Desk::new();
    let sound = index_of(&desk, "sound", 60);
    type Put = fn(&Path);
    let put: [(&str, Put); 5] = [
        ("a folder", |file| fs::create_dir(file).unwrap()),
        ("a link to nothing", |file| symlink("nowhere", file).unwrap()),
        ("a link to itself", |file| symlink(file, file).unwrap()),
        ("a link through a file", |file| symlink("/etc/passwd/x", file).unwrap()),
        ("nothing", |_| ()),
    ];
    for (number, name) in files_of(&sound).iter().enumerate() {
        let name = name.file_name().unwrap();
        for (what, put) in put {
            let index = desk.path(&format!("broken-{number}"));
            copy_folder(&sound, &index);
            let file = Path::new(&index).join(name);
            fs::remove_file(&file).unwrap();
            put(&file);
            let said = all_end(&index, 1, &format!("{what} for {name:?}"));
            assert!(said.contains(name.to_str().unwrap()), "{what} for {name:?}: {said}");
            assert!(!said.contains("is damaged"), "{what} for {name:?}: {said}");
            fs::remove_dir_all(&index).unwrap();
        }
    }
}

#[test]
fn pipes_and_devices_in_the_place_of_files_are_not_waited_for() {
    let desk = Desk::new();
    let sound = index_of(&desk, "sound", 60);
    let mut names: Vec<_> = files_of(&sound);
    names.push(Path::new(&sound).join(".managed.json"));
    for name in names.iter().map(|file| file.file_name().unwrap()) {
        for device in [None, Some("/dev/zero"), Some("/dev/null")] {
            let index = desk.path("piped");
            copy_folder(&sound, &index);
            let file = Path::new(&index).join(name);
            fs::remove_file(&file).unwrap();
            match device {
                Some(device) => symlink(device, &file).unwrap(),
                None => assert!(Command::new("mkfifo").arg(&file).status().unwrap().success()),
            }
            let said = all_end(&index, 1, &format!("{device:?} for {name:?}"));
            assert!(said.contains("not a regular file"), "{said}");
            fs::remove_dir_all(&index).unwrap();
        }
    }
    // The writer's lock is opened for writing, which would wait for a reader.
    let lock = Path::new(&sound).join(".tantivy-writer.lock");
    let _ = fs::remove_file(&lock);
    assert!(Command::new("mkfifo").arg(&lock).status().unwrap().success());
    assert!(fs::metadata(&lock).unwrap().file_type().is_fifo());
    fails(&["merge", "--index", &sound], 1, "not a regular file");
}

#[test]
fn files_of_any_other_length_are_damage() {
    let desk = Desk::new();
    let index = index_of(&desk, "index", 60);
    for file in files_of(&index) {
        let sound = fs::read(&file).unwrap();
        let lengths = (0..10).chain([sound.len() / 2, sound.len() - 1]);
        let cut = lengths.filter(|len| *len < sound.len()).map(|len| sound[..len].to_vec());
        for bytes in cut.chain([[&sound[..], b"x"].concat()]) {
            // The list ends in a line's end, which says nothing.
            if sound.trim_ascii_end() == bytes.trim_ascii_end() {
                continue;
            }
            fs::write(&file, &bytes).unwrap();
            all_end(&index, 4, &format!("{} bytes of {}", bytes.len(), file.display()));
        }
        fs::write(&file, sound).unwrap();
    }
    all_end(&index, 0, "all as it was");
}

/// Every file has a right checksum of its own, and belongs to another segment or another index.
#[test]
fn a_file_of_another_index_is_damage() {
    let desk = Desk::new();
    let (first, other) = (index_of(&desk, "first", 80), desk.path("other"));
    // As many documents, so that no number of rows gives it away.
    let lines = (0..80u32).map(|id| {
        serde_json::json!({"_id": format!("e{id}"), "vector": {(id % 5 + 1).to_string(): 2.5}})
    });
    let input = desk.lines("other.jsonl", &lines.collect::<Vec<_>>());
    ok(&["index", "--index", &other, "--input", &input, "--format", "vectors-jsonl"]);
    for file in files_of(&first) {
        let Some(extension) = file.extension().and_then(|name| name.to_str()) else { continue };
        if ["json", "del"].contains(&extension) {
            continue;
        }
        let others = files_of(&other);
        let from = others.iter().find(|other| has_extension(other, extension)).unwrap();
        let sound = fs::read(&file).unwrap();
        if sound == fs::read(from).unwrap() {
            continue;
        }
        fs::copy(from, &file).unwrap();
        let said = all_end(&first, 4, &format!("{extension} of another index"));
        assert!(said.contains(&format!(".{extension}")), "{said}");
        fs::write(&file, sound).unwrap();
    }
    all_end(&first, 0, "all as it was");
}

#[test]
fn files_have_the_rights_that_the_umask_leaves() {
    let desk = Desk::new();
    for (mask, mode) in [("022", 0o644), ("027", 0o640), ("077", 0o600)] {
        let index = desk.path(mask);
        let input = desk.lines("one.jsonl", &[serde_json::json!({"_id": "1", "vector": {"3": 1}})]);
        let script = format!("umask {mask}; exec \"$0\" \"$@\"");
        for _ in 0..2 {
            let mut command = Command::new("sh");
            command.args(["-c", &script, BINARY, "index", "--index", &index, "--input", &input]);
            succeeds({
                command.args(["--format", "vectors-jsonl"]).stdin(Stdio::null());
                command
            });
        }
        for entry in fs::read_dir(&index).unwrap().map(|entry| entry.unwrap()) {
            let found = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "umask {mask}: {}", entry.path().display());
        }
    }
}

#[test]
fn a_full_disk_names_the_file_and_says_that_what_was_committed_is_safe() {
    let desk = Desk::new();
    let index = index_of(&desk, "index", 60);
    let before = ok(&["search", "--index", &index, "--tokens", "{\"1\":1}", "--json"]);
    let vector: serde_json::Map<_, _> =
        (0..400).map(|term: u32| (term.to_string(), serde_json::json!(1.5))).collect();
    let lines: Vec<_> =
        (0..400).map(|id| serde_json::json!({"_id": format!("n{id}"), "vector": vector})).collect();
    let input = desk.lines("large.jsonl", &lines);
    // No file may have more than 32 KiB: the system refuses as it does when a disk is full.
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, BINARY, "index", "--index", &index, "--input", &input]);
    let output = command.args(["--format", "vectors-jsonl"]).output().unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for says in ["cannot write", &index, "what was committed before is safe", "File too large"] {
        assert!(stderr.contains(says), "{says:?} is not in {stderr}");
    }
    assert_eq!(
        ids(&ok(&["search", "--index", &index, "--tokens", "{\"1\":1}", "--json"])),
        ids(&before)
    );
    ok(&["doctor", "--index", &index, "--level", "full"]);
}

fn ids(answer: &str) -> Vec<serde_json::Value> {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["id"].clone()).collect()
}

#[test]
fn of_two_that_create_one_index_the_other_is_told() {
    for round in 0..5 {
        let desk = Desk::new();
        let index = desk.path("index");
        let lines: Vec<_> = (0..2000)
            .map(|id| serde_json::json!({"_id": format!("d{id}"), "vector": {"3": 1}}))
            .collect();
        let input = desk.lines("many.jsonl", &lines);
        let args = ["index", "--index", &index, "--input", &input, "--format", "vectors-jsonl"];
        let begin = || {
            let mut command = gleaner(&args);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let running = [begin(), begin(), begin()];
        let ended = running.map(|child| child.wait_with_output().unwrap());
        let good = ended.iter().filter(|output| output.status.success()).count();
        assert!(good >= 1, "round {round}: {ended:?}");
        for output in ended.iter().filter(|output| !output.status.success()) {
            let stderr = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{stderr}");
            assert!(stderr.contains("another program is writing to"), "{stderr}");
        }
        ok(&["doctor", "--index", &index, "--level", "full"]);
        let left = fs::read_dir(desk.folder()).unwrap().count();
        assert_eq!(left, 2, "nothing unfinished is left");
    }
}

#[test]
fn an_index_folder_may_be_a_link() {
    let desk = Desk::new();
    let input = desk.lines("one.jsonl", &[serde_json::json!({"_id": "1", "vector": {"3": 1}})]);
    let index_into = |index: &str| {
        ok(&["index", "--index", index, "--input", &input, "--format", "vectors-jsonl"]);
    };
    // To an empty folder, to nothing yet, over another link, and to an index.
    fs::create_dir(desk.path("empty")).unwrap();
    for (link, target) in [("a", "empty"), ("b", "nothing"), ("c", "b"), ("d", "a")] {
        symlink(target, desk.path(link)).unwrap();
        index_into(&desk.path(link));
        assert!(fs::symlink_metadata(desk.path(link)).unwrap().is_symlink());
        ok(&["search", "--index", &desk.path(link), "--tokens", "{\"3\":1}"]);
        ok(&["doctor", "--index", &(desk.path(link) + "/"), "--level", "full"]);
    }
    assert!(Path::new(&desk.path("empty")).join("meta.json").is_file());
    assert!(Path::new(&desk.path("nothing")).join("meta.json").is_file());
    // A circle is said to be one.
    symlink("circle", desk.path("circle")).unwrap();
    let circle = desk.path("circle");
    let args = ["index", "--index", &circle, "--input", &input, "--format", "vectors-jsonl"];
    fails(&args, 1, "ymbolic link");
}
