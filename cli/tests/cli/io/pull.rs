//! `model pull` against a server of our own: what is fetched, resumed, refused, and left behind.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use sha2::{Digest, Sha256};

use crate::harness::{gleaner, ok, refuses, succeeds, text};

/// What the server does; tests change it between commands.
#[derive(Default)]
struct Site {
    files: HashMap<String, Vec<u8>>,
    etag: String,
    /// Bytes after which each of the next connections breaks off.
    breaks: Vec<usize>,
    /// Whether `Range` is understood.
    ranges: bool,
    /// Bytes that an answer promises beyond those it has.
    promised_more: usize,
    /// Every request, its lines.
    seen: Vec<Vec<String>>,
}

#[derive(Clone)]
struct Server {
    site: Arc<Mutex<Site>>,
    url: String,
}

impl Server {
    fn start(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let files = files.iter().map(|(path, bytes)| (format!("/{path}"), bytes.to_vec()));
        let site = Site {
            files: files.collect(),
            etag: "\"one\"".into(),
            ranges: true,
            ..Site::default()
        };
        let site = Arc::new(Mutex::new(site));
        let shared = Arc::clone(&site);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away is no failure of the server.
                let _ = answer(stream.unwrap(), &shared);
            }
        });
        Self { site, url }
    }

    fn change(&self, change: impl FnOnce(&mut Site)) {
        change(&mut self.site.lock().unwrap());
    }

    fn seen(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.site.lock().unwrap().seen)
    }
}

fn answer(mut stream: TcpStream, site: &Mutex<Site>) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines();
    let lines: Vec<String> =
        lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let mut site = site.lock().unwrap();
    let path = lines[0].split(' ').nth(1).unwrap().to_owned();
    let header = |name: &str| {
        let line = lines.iter().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        line.map(|line| line.split_once(':').unwrap().1.trim().to_owned())
    };
    let (range, if_range) = (header("range"), header("if-range"));
    site.seen.push(lines.clone());
    if let Some(target) = path.strip_prefix("/moved") {
        let head = "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nconnection: close\r\n";
        return write!(stream, "{head}location: {target}\r\n\r\n");
    }
    let Some(file) = site.files.get(&path) else {
        return write!(
            stream,
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    };
    let start = range.filter(|_| site.ranges && if_range.as_ref() == Some(&site.etag));
    let start = start.map(|range| range[6..range.len() - 1].parse::<usize>().unwrap());
    let (status, body) = match start {
        Some(start) if start >= file.len() => ("416 Range Not Satisfiable".to_owned(), Vec::new()),
        Some(start) => {
            let (last, all) = (file.len() - 1, file.len());
            let status =
                format!("206 Partial Content\r\ncontent-range: bytes {start}-{last}/{all}");
            (status, file[start..].to_vec())
        }
        None => ("200 OK".to_owned(), file.clone()),
    };
    let (etag, length) = (&site.etag, body.len());
    let promised = length + if status.starts_with("416") { 0 } else { site.promised_more };
    write!(
        stream,
        "HTTP/1.1 {status}\r\netag: {etag}\r\ncontent-length: {promised}\r\nconnection: close\r\n\r\n"
    )?;
    let until = if site.breaks.is_empty() { length } else { site.breaks.remove(0).min(length) };
    stream.write_all(&body[..until])
}

/// `model pull`, past no proxy.
fn pull(args: &[&str]) -> Command {
    let mut command = gleaner(&[&["model", "pull"], args].concat());
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command
}

/// What a pull that must succeed says.
fn pulls(args: &[&str]) -> String {
    text(&succeeds(pull(args)).stderr)
}

/// A pull that must fail.
fn fails(args: &[&str], code: i32, says: &str) {
    refuses(pull(args), code, says);
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes in which every part is unlike the others.
fn bytes(count: usize) -> Vec<u8> {
    (0..count as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

/// The names in a folder, hidden ones too.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder to pull into, with the path of a model folder in it.
fn place() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model").to_str().unwrap().to_owned();
    (folder, out)
}

#[test]
fn a_name_means_what_the_catalogue_says() {
    let (graph, tokenizer) = (bytes(300_000), bytes(1_000));
    let server = Server::start(&[("m/onnx/model.onnx", &graph), ("m/tokenizer.json", &tokenizer)]);
    let (folder, out) = place();
    let catalogue = folder.path().join("sources.toml");
    let text = format!(
        "[tiny]\nurl = \"{}/m/\"\nlicence = \"MIT\"\nsource = \"us\"\nfolder = \"models/tiny\"\n\
         files = {{ \"onnx/model.onnx\" = \"{}\", \"tokenizer.json\" = \"{}\" }}\n\
         [given]\nlicence = \"MIT\"\nsource = \"us\"\nfolder = \"given\"\nfiles = {{}}\n",
        server.url,
        hash(&graph),
        hash(&tokenizer)
    );
    fs::write(&catalogue, text).unwrap();
    let catalogue = catalogue.to_str().unwrap();
    let pull = ["tiny", "--catalogue", catalogue, "--out", &out];
    assert!(pulls(&pull).contains("licence: MIT"));
    assert_eq!(fs::read(Path::new(&out).join("onnx/model.onnx")).unwrap(), graph);
    assert_eq!(names(Path::new(&out)), ["onnx", "tokenizer.json"]);
    assert_eq!(names(folder.path()), ["model", "sources.toml"]);
    assert_eq!(server.seen().len(), 2);
    assert!(pulls(&pull).contains("already there"));
    assert!(server.seen().is_empty(), "what is there is not asked for");
    fs::write(Path::new(&out).join("tokenizer.json"), "other").unwrap();
    fails(&pull, 1, "is there already and is not what would be pulled");
    for name in ["given", "absent"] {
        fails(&[name, "--catalogue", catalogue], 1, "the catalogue has tiny");
    }
    fails(&["absent"], 1, "--sha256");
    fails(&["splade-tiny"], 1, "it ships with Gleaner, in data/models/splade-tiny");
    fails(&["tiny", "--catalogue", catalogue, "--unverified"], 2, "for URLs");
}

#[test]
fn a_broken_transfer_goes_on_where_it_broke() {
    let graph = bytes(500_000);
    let server = Server::start(&[("model.onnx", &graph)]);
    server.change(|site| site.breaks = vec![200_000, 100_000]);
    let (_folder, out) = place();
    let url = format!("{}/model.onnx", server.url);
    pulls(&[&url, "--sha256", &hash(&graph), "--out", &out]);
    assert_eq!(fs::read(Path::new(&out).join("model.onnx")).unwrap(), graph);
    assert_eq!(names(Path::new(&out)), ["model.onnx"]);
    let seen = server.seen();
    let ranges: Vec<bool> =
        seen.iter().map(|lines| lines.iter().any(|line| line.starts_with("range: "))).collect();
    assert_eq!(ranges, [false, true, true]);
    assert!(seen[2].contains(&"range: bytes=300000-".to_owned()), "{:?}", seen[2]);
    assert!(seen[2].contains(&"if-range: \"one\"".to_owned()), "{:?}", seen[2]);
}

#[test]
fn the_next_command_goes_on_unless_the_file_has_changed() {
    for changed in [false, true] {
        let (mut graph, tokenizer) = (bytes(400_000), bytes(10));
        let server = Server::start(&[("m/model.onnx", &graph), ("m/tokenizer.json", &tokenizer)]);
        server.change(|site| site.breaks = vec![150_000, 0, 0, 0]);
        let (folder, out) = place();
        if changed {
            graph.reverse();
        }
        let files = [("model.onnx", &graph), ("tokenizer.json", &tokenizer)]
            .map(|(name, bytes)| format!("{name}={}", hash(bytes)));
        let url = format!("{}/m", server.url);
        let pull = [&url, "--out", &out, "--file", &files[0], "--file", &files[1]];
        fails(&pull, 1, "broke off after 150000 of 400000 bytes; the same command goes on");
        assert_eq!(names(folder.path()), [".model.pull"], "nothing half-done is in its place");
        server.seen();
        if changed {
            server.change(|site| {
                site.files.insert("/m/model.onnx".into(), graph.clone());
                site.etag = "\"two\"".into();
            });
        }
        pulls(&pull);
        assert!(server.seen()[0].contains(&"range: bytes=150000-".to_owned()));
        assert_eq!(fs::read(Path::new(&out).join("model.onnx")).unwrap(), graph);
        assert_eq!(names(folder.path()), ["model"]);
    }
}

#[test]
fn a_server_without_ranges_is_asked_for_the_whole_file() {
    let graph = bytes(300_000);
    let server = Server::start(&[("model.onnx", &graph)]);
    server.change(|site| (site.ranges, site.breaks) = (false, vec![100_000]));
    let (_folder, out) = place();
    pulls(&[&format!("{}/model.onnx", server.url), "--sha256", &hash(&graph), "--out", &out]);
    assert_eq!(fs::read(Path::new(&out).join("model.onnx")).unwrap(), graph);
}

#[test]
fn other_bytes_are_refused_and_what_was_proven_stays() {
    let graph = bytes(1_000);
    let server = Server::start(&[("m/a", &bytes(10)), ("m/b", &graph)]);
    let (folder, out) = place();
    let (right, wrong) = (format!("a={}", hash(&bytes(10))), format!("b={}", hash(b"other")));
    let url = format!("{}/m", server.url);
    fails(&[&url, "--out", &out, "--file", &right, "--file", &wrong], 1, &hash(&graph));
    assert_eq!(names(&folder.path().join(".model.pull")), [".lock", "a"]);
    server.change(|site| drop(site.files.insert("/m/b".into(), b"other".to_vec())));
    server.seen();
    pulls(&[&url, "--out", &out, "--file", &right, "--file", &wrong]);
    assert_eq!(server.seen().len(), 1, "what was proven is not asked for again");
    assert_eq!(names(folder.path()), ["model"]);
    assert_eq!(names(Path::new(&out)), ["a", "b"], "and no lock");
    let (folder, out) = place();
    fails(&[&url, "--out", &out, "--file", &format!("a={}", hash(b"other"))], 1, "SHA-256");
    assert_eq!(names(folder.path()), [] as [String; 0], "nothing is left of nothing");
}

/// What comes again is nothing new: a server whose length is wrong is not asked for ever.
#[test]
fn a_length_that_is_wrong_ends() {
    let graph = bytes(100_000);
    for (ranges, promised_more) in [(true, 1), (true, 50_000), (false, 1), (false, 1 << 40)] {
        let server = Server::start(&[("model.onnx", &graph)]);
        server.change(|site| (site.ranges, site.promised_more) = (ranges, promised_more));
        let (_folder, out) = place();
        let url = format!("{}/model.onnx", server.url);
        fails(&[&url, "--sha256", &hash(b"other"), "--out", &out], 1, "broke off");
        let asked = server.seen().len();
        assert!((2..=5).contains(&asked), "{ranges}, {promised_more}: asked {asked} times");
    }
}

#[test]
fn what_is_not_there_is_named_and_what_has_moved_is_followed() {
    let graph = bytes(200_000);
    let server = Server::start(&[("model.onnx", &graph)]);
    let (_folder, out) = place();
    let missing = format!("{}/missing.onnx", server.url);
    let hash = hash(&graph);
    fails(&[&missing, "--sha256", &hash, "--out", &out], 1, "missing.onnx` answered 404 Not Found");
    assert_eq!(server.seen().len(), 1, "asking again would not help");
    assert!(!Path::new(&out).exists());
    server.change(|site| site.breaks = vec![50_000]);
    let moved = format!("{}/moved/model.onnx", server.url);
    pulls(&[&moved, "--sha256", &hash, "--out", &out]);
    assert_eq!(fs::read(Path::new(&out).join("model.onnx")).unwrap(), graph);
    let last = server.seen().pop().unwrap();
    assert!(last.contains(&"range: bytes=50000-".to_owned()), "{last:?}");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{port}/model.onnx");
    let (_folder, out) = place();
    fails(&[&nobody, "--sha256", &hash, "--out", &out], 1, "cannot reach");
}

#[test]
fn nothing_is_asked_for_without_a_hash_unless_that_is_said() {
    let graph = bytes(1_000);
    let server = Server::start(&[("model.onnx", &graph)]);
    let (folder, out) = place();
    let url = format!("{}/model.onnx", server.url);
    let hash = hash(&graph);
    fails(&[&url, "--out", &out], 2, "--unverified");
    fails(&[&url, "--sha256", &hash], 2, "--out DIR");
    fails(&[&url, "--sha256", "abc", "--out", &out], 2, "64 hexadecimal digits");
    fails(&[&url, "--sha256", &hash, "--file", "a", "--out", &out], 2, "NAME=SHA256");
    fails(&["ftp://x/y", "--out", &out], 2, "https://");
    for name in ["../a", "/etc/a", "a/../../b", "", "a?b"] {
        let file = format!("{name}={hash}");
        fails(&[&server.url, "--out", &out, "--file", &file], 2, "no name of a file");
    }
    assert!(server.seen().is_empty() && names(folder.path()).is_empty());
    assert!(pulls(&[&url, "--out", &out, "--unverified"]).contains("NOT VERIFIED"));
    assert_eq!(fs::read(Path::new(&out).join("model.onnx")).unwrap(), graph);
}

#[test]
fn models_are_listed_and_half_pulled_ones_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: usize| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![0; bytes]).unwrap();
    };
    write("b/tokenizer.json", 1);
    write("b/onnx/model.onnx", 5);
    write("b/gleaner.toml", 1);
    write(".a.pull/model.onnx.part", 3);
    write("notes/readme.md", 1);
    let list = |args: &[&str]| {
        let path = folder.path().to_str().unwrap();
        ok(&[&["model", "list", path], args].concat())
    };
    let listed: serde_json::Value = serde_json::from_str(&list(&["--json"])).unwrap();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|model| &model["name"]).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(listed[1]["graphs"], serde_json::json!(["onnx/model.onnx"]));
    assert_eq!((&listed[0]["is_incomplete"], &listed[1]["graph_bytes"]), (&true.into(), &5.into()));
    let lines = list(&[]);
    assert!(lines.contains("incomplete") && lines.contains("onnx/model.onnx"), "{lines}");
}
