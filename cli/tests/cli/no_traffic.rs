//! Nothing that Gleaner runs speaks to the network, or keeps files that nobody asked for.
//!
//! The ONNX Runtime has telemetry of its own. It sends by HTTPS, so a proxy is named to it here that only
//! counts who comes; left alone, it comes 9 seconds after the start of a server. Its device id and its
//! queue of events lie in the user's cache, which is an empty folder here.

use std::{
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use crate::harness::{Desk, data, gleaner, model, runtime_is_here, succeeds, text};

/// More than twice the time after which telemetry is first sent.
const WATCHED: Duration = Duration::from_secs(20);

/// A proxy that answers nobody and counts its callers.
struct Proxy {
    url: String,
    callers: Arc<AtomicUsize>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let callers = Arc::new(AtomicUsize::new(0));
        let count = callers.clone();
        std::thread::spawn(move || {
            for _caller in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let proxy = Self { url: format!("http://{address}"), callers };
        // It counts: else the test could not fail.
        drop(TcpStream::connect(address).unwrap());
        while proxy.callers.swap(0, Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5));
        }
        proxy
    }

    /// The command as a user runs it who has nothing but this proxy and an empty home. Tests and CI set
    /// variables that silence telemetry; a user has none of them.
    fn watches(&self, command: &mut Command, home: &Path) {
        let library = command_library();
        command.env_clear().env("HOME", home).env("ORT_DYLIB_PATH", library);
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
            command.env(name, &self.url);
        }
    }
}

/// The library that a command finds in the environment of this test.
fn command_library() -> PathBuf {
    let shown = succeeds(gleaner(&["model", "inspect", model().to_str().unwrap(), "--json"]));
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    PathBuf::from(shown["runtime"].as_str().unwrap())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

fn until_it_serves(server: &mut Child) {
    let mut said = String::new();
    let mut lines = BufReader::new(server.stderr.take().unwrap());
    while !said.contains("serving ") {
        said.clear();
        assert!(lines.read_line(&mut said).unwrap() > 0, "the server ended");
    }
}

#[test]
fn nothing_is_sent_and_no_file_is_left() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let (home, served) = (desk.folder().join("home"), desk.folder().join("served"));
    std::fs::create_dir(&home).unwrap();
    std::fs::create_dir(&served).unwrap();
    let index = served.join("sample");
    let proxy = Proxy::start();
    let mut indexing = gleaner(&["index", "--index", index.to_str().unwrap(), "--input"]);
    indexing.args([&data("sample"), "--model", model().to_str().unwrap()]);
    proxy.watches(&mut indexing, &home);
    let output = indexing.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));

    let mut serving = gleaner(&["serve", "--data", served.to_str().unwrap()]);
    serving.args(["--addr", "127.0.0.1:0"]).stderr(Stdio::piped()).stdout(Stdio::null());
    proxy.watches(&mut serving, &home);
    let mut server = serving.spawn().unwrap();
    until_it_serves(&mut server);
    sleep(WATCHED);
    assert_eq!(server.try_wait().unwrap(), None, "the server ended");
    server.kill().unwrap();
    server.wait().unwrap();

    assert_eq!(proxy.callers.load(Ordering::SeqCst), 0, "something was sent");
    assert_eq!(files_below(&home), Vec::<PathBuf>::new(), "files nobody asked for");
}
