//! What becomes of the folder of an index while a server has it open, or before.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::{Arc, Mutex},
};

use gleaner_catalog::Analyzer;

use super::*;

/// How long a refresh is not repeated, and a little more.
const REFRESH: Duration = Duration::from_millis(1_100);

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Puts another folder in the place of an index.
fn exchange(index: &Path, other: &Path) {
    fs::rename(index, index.with_extension("old")).unwrap();
    fs::rename(other, index).unwrap();
}

/// The outcome and detail of a check, and the status of the page.
async fn check(app: &Router, subject: &str, name: &str) -> (u16, String, String) {
    let ready = get(app, "/readyz").await;
    let checks = ready.body["checks"].as_array().unwrap().clone();
    let found = checks.iter().find(|it| it["subject"] == subject && it["check"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name} of {subject} in {checks:?}"));
    let text = |member: &str| found[member].as_str().unwrap_or_default().to_owned();
    (ready.status.as_u16(), text("outcome"), text("detail"))
}

/// A data folder whose one index needs no model, so that all checks pass.
fn given() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(&folder.path().join("given"), &documents(0, 20), None, WordCounts);
    add(&folder.path().join("beside"), &documents(0, 9), None, WordCounts);
    folder
}

/// What is done to a folder or a file.
type Spoil = fn(&Path);
/// What is put in the place of an index.
type Replace<'a> = &'a dyn Fn(&Path, &Path);

#[tokio::test]
async fn readyz_sees_at_once_what_is_gone_or_emptied() {
    let spoil: [(&str, Spoil); 6] = [
        ("missing", |index| fs::remove_dir_all(index).unwrap()),
        ("meta.json", |index| fs::write(index.join("meta.json"), "").unwrap()),
        ("missing", |index| fs::remove_file(index.join("meta.json")).unwrap()),
        ("not a regular file", |index| {
            fs::remove_file(index.join("meta.json")).unwrap();
            fs::create_dir(index.join("meta.json")).unwrap();
        }),
        ("missing", |index| fs::remove_file(impacts(index)).unwrap()),
        ("symbolic link", |index| {
            fs::remove_dir_all(index).unwrap();
            symlink(index, index).unwrap();
        }),
    ];
    for (says, spoil) in spoil {
        let data = given();
        let app = app(data.path());
        assert_eq!(get(&app, "/readyz").await.status, 200);
        spoil(&data.path().join("given"));
        let (status, outcome, detail) = check(&app, "given", "index_refreshed").await;
        assert_eq!((status, &*outcome), (503, "fail"), "{says}: {detail}");
        assert!(detail.contains(says), "{says}: {detail}");
        assert_eq!(check(&app, "beside", "index_refreshed").await.1, "pass");
        // What was opened is still whole in memory.
        let body = json!({"query": query("red")});
        assert_eq!(post(&app, "/v1/indexes/given/search", &body).await.status, 200);
    }
}

fn impacts(index: &Path) -> PathBuf {
    let mut files = fs::read_dir(index).unwrap().map(|entry| entry.unwrap().path());
    files.find(|file| file.extension().is_some_and(|name| name == "imp")).unwrap()
}

/// A replaced folder is no newer commit, whatever it has in common with the index that was opened.
#[tokio::test]
async fn an_index_that_was_replaced_answers_with_an_error_of_its_own() {
    let german = IndexSettings {
        analyzer: Some("german".parse::<Analyzer>().unwrap()),
        ..Default::default()
    };
    let replace: [(&str, Replace<'_>); 4] = [
        ("its id", &|_, other| {
            add_with(other, &documents(0, 30), None, WordCounts, &german);
        }),
        ("its id", &|_, other| add(other, &documents(5, 25), None, WordCounts)),
        ("generation", &|index, other| {
            // An earlier copy of the same index.
            copy(index, other);
            add(index, &documents(20, 40), None, WordCounts);
        }),
        ("generation", &|index, other| {
            // Two copies that went on, each for itself, as far.
            copy(index, other);
            add(other, &documents(20, 30), None, WordCounts);
            add(index, &documents(30, 40), None, WordCounts);
        }),
    ];
    for (number, (says, make)) in replace.into_iter().enumerate() {
        let data = given();
        let (index, other) = (data.path().join("given"), data.path().join("given.new"));
        make(&index, &other);
        let log = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&log);
        let server = server(data.path())
            .on_trouble(move |message| heard.lock().unwrap().push(message.to_owned()));
        let app = router(&server);
        let body = json!({"query": query("red")});
        let before = post(&app, "/v1/indexes/given/search", &body).await.hits();
        exchange(&index, &other);
        tokio::time::sleep(REFRESH).await;
        let answer = post(&app, "/v1/indexes/given/search", &body).await;
        let found = (answer.status.as_u16(), answer.code());
        assert_eq!(found, (503, "index_unavailable"), "{number}: {}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("was replaced") && detail.contains(says), "{number}: {detail}");
        let (status, outcome, detail) = check(&app, "given", "index_refreshed").await;
        assert_eq!((status, &*outcome), (503, "fail"), "{detail}");
        let list = get(&app, "/v1/indexes").await.body;
        let given = list["indexes"].as_array().unwrap().iter().find(|it| it["name"] == "given");
        assert_eq!(given.unwrap()["problem"], "index_unavailable", "{list}");
        // Once in the log, however often it is asked.
        let lines = || {
            let lines = log.lock().unwrap().clone();
            lines.into_iter().filter(|line| line.starts_with("given: ")).collect::<Vec<_>>()
        };
        assert_eq!(lines().len(), 1, "{:?}", lines());
        assert_eq!(post(&app, "/v1/indexes/beside/search", &body).await.status, 200);
        // Put back, it is served again.
        fs::rename(&index, &other).unwrap();
        fs::rename(index.with_extension("old"), &index).unwrap();
        tokio::time::sleep(REFRESH).await;
        assert_eq!(post(&app, "/v1/indexes/given/search", &body).await.hits(), before);
        assert_eq!(lines().len(), 2, "{:?}", lines());
    }
}

#[tokio::test]
async fn a_bad_index_is_named_at_start_and_the_others_are_served() {
    let spoil: [(&str, u16, Spoil); 7] = [
        ("index_damaged", 500, |index| fs::write(index.join("meta.json"), "").unwrap()),
        ("index_damaged", 500, |index| fs::write(impacts(index), "1234567").unwrap()),
        ("index_damaged", 500, |index| {
            let other = index.with_file_name("beside");
            fs::copy(impacts(&other), impacts(index)).unwrap();
        }),
        ("index_unavailable", 503, |index| fs::remove_file(index.join("meta.json")).unwrap()),
        ("index_unavailable", 503, |index| {
            fs::remove_file(index.join("meta.json")).unwrap();
            fs::create_dir(index.join("meta.json")).unwrap();
        }),
        ("index_unavailable", 503, |index| {
            let file = impacts(index);
            fs::remove_file(&file).unwrap();
            symlink(&file, &file).unwrap();
        }),
        ("index_unavailable", 503, |index| {
            let file = impacts(index);
            fs::remove_file(&file).unwrap();
            symlink("/dev/zero", &file).unwrap();
        }),
    ];
    for (number, (code, status, spoil)) in spoil.into_iter().enumerate() {
        let data = given();
        spoil(&data.path().join("given"));
        let server = server(data.path());
        let named = server.warnings().iter().any(|it| it.starts_with("given: index_open"));
        assert!(named, "{number}: {:?}", server.warnings());
        let app = router(&server);
        let body = json!({"query": query("red")});
        let answer = post(&app, "/v1/indexes/given/search", &body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{number}");
        let secret = data.path().to_str().unwrap();
        assert!(!answer.body.to_string().contains(secret), "{number}: {}", answer.body);
        assert_eq!(check(&app, "given", "index_open").await.1, "fail");
        assert_eq!(post(&app, "/v1/indexes/beside/search", &body).await.status, 200);
    }
}
