//! Running the binary: its output, its exit codes, files of a test, and what ships in `data`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// A path below `data`.
pub(crate) fn data(path: &str) -> String {
    root().join("data").join(path).to_str().unwrap().to_owned()
}

/// The tiny model of a family.
pub(crate) fn fixture(name: &str) -> String {
    data(&format!("fixtures/{name}"))
}

/// The shipped sparse model.
pub(crate) fn model() -> PathBuf {
    root().join("data/models/splade-tiny")
}

/// The sample corpus, a BEIR folder.
pub(crate) fn sample() -> PathBuf {
    root().join("data/sample")
}

/// The path of the binary.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_gleaner");

/// A command that has not begun; its stdin is empty.
pub(crate) fn gleaner(args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    gleaner(args).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command that must succeed.
pub(crate) fn succeeds(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    output
}

/// Runs a command that must fail with `code`, saying `says` and nothing of a panic.
pub(crate) fn refuses(mut command: Command, code: i32, says: &str) {
    let output = command.output().unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {stderr}");
    assert!(stderr.contains(says), "{command:?} should say {says:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
}

/// Runs a command that must succeed and returns its stdout.
pub(crate) fn ok(args: &[&str]) -> String {
    text(&succeeds(gleaner(args)).stdout)
}

/// Runs a command that must succeed and returns what it prints as JSON.
pub(crate) fn ok_json(args: &[&str]) -> Value {
    serde_json::from_str(&ok(args)).unwrap()
}

/// Runs a command that must fail with `code`, saying `says` and nothing of a panic.
pub(crate) fn fails(args: &[&str], code: i32, says: &str) {
    refuses(gleaner(args), code, says);
}

/// The JSON of a file.
pub(crate) fn read_json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Ids and scores of an answer.
pub(crate) fn hits(answer: &Value) -> Vec<(String, f64)> {
    let hit =
        |hit: &Value| (hit["id"].as_str().unwrap().to_owned(), hit["score"].as_f64().unwrap());
    answer["hits"].as_array().unwrap().iter().map(hit).collect()
}

/// Whether the ONNX Runtime is there. CI must have it.
pub(crate) fn runtime_is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| {
        let output = run(&["model", "inspect", model().to_str().unwrap()]);
        let here = output.status.success();
        // Only a missing library is a reason to skip, and not in CI.
        let is_missing = text(&output.stderr).contains("make setup");
        assert!(here || is_missing && std::env::var_os("CI").is_none(), "{}", text(&output.stderr));
        if !here {
            eprintln!("SKIPPED: no ONNX Runtime; run `make setup`");
        }
        here
    })
}

/// A copy of a folder without subfolders.
pub(crate) fn copy_folder(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    fs::create_dir_all(to.as_ref()).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(entry.path(), to.as_ref().join(entry.file_name())).unwrap();
    }
}

/// Makes a copy of the shipped model compute something else, if only for long queries.
pub(crate) fn change_model(folder: &Path) {
    let settings = fs::read_to_string(folder.join("gleaner.toml")).unwrap();
    let shorter = settings.replace("query = 256", "query = 128");
    assert_ne!(settings, shorter);
    fs::write(folder.join("gleaner.toml"), shorter).unwrap();
}

/// Files of one test, by short names; they go with it.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The folder of all its files.
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Writes a JSON object a line.
    pub(crate) fn lines(&self, name: &str, lines: &[Value]) -> String {
        self.write(name, lines.iter().map(|line| format!("{line}\n")).collect::<String>())
    }
}
