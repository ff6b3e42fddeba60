//! Starting, listening and stopping.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use gleaner_api::{ServeError, serve, serve_on};
use tokio::{net::TcpListener, sync::oneshot};

use super::*;

/// Sends bytes and reads until the server closes.
async fn exchange(addr: SocketAddr, request: &'static str) -> String {
    let blocking = move || {
        let mut client = TcpStream::connect(addr).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).unwrap();
        response
    };
    tokio::task::spawn_blocking(blocking).await.unwrap()
}

fn refused(options: ServeOptions) -> ServeError {
    open(options).err().expect("this cannot be served")
}

#[test]
fn what_cannot_be_served_says_what_to_do() {
    let data = data();
    let error = refused(options(&data.path().join("words")));
    assert!(matches!(error, ServeError::DataIsIndex { .. }), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains(&format!("`--data {}`", data.path().canonicalize().unwrap().display()))
    );
    let error = refused(options(&data.path().join("missing")));
    assert!(matches!(error, ServeError::DataNotFound { .. }), "{error:?}");
    let empty = tempfile::tempdir().unwrap();
    let message = refused(options(empty.path())).to_string();
    assert!(message.contains("gleaner index --index"), "{message}");
}

#[test]
fn other_machines_need_a_key() {
    let data = data();
    for addr in ["0.0.0.0:7700", "[::]:7700", "192.168.1.1:80", "[::ffff:10.0.0.1]:80"] {
        let addr: SocketAddr = addr.parse().unwrap();
        let error = refused(ServeOptions { addr, ..options(data.path()) });
        assert!(error.to_string().contains("--api-key-file"), "{error}");
        let api_key = Some("a-key-of-16-signs".to_owned());
        assert!(open(ServeOptions { addr, api_key, ..options(data.path()) }).is_ok());
    }
    for addr in ["127.0.0.1:7700", "[::1]:7700", "127.1.2.3:1", "[::ffff:127.0.0.1]:80"] {
        let addr = addr.parse().unwrap();
        assert!(open(ServeOptions { addr, ..options(data.path()) }).is_ok());
    }
    let api_key = Some(String::new());
    let error = refused(ServeOptions { api_key, ..options(data.path()) });
    assert!(matches!(error, ServeError::InvalidKey), "{error:?}");
}

#[test]
fn a_key_that_can_be_guessed_is_refused_with_the_remedy() {
    let data = data();
    for (key, says) in [
        ("x", "1 characters"),
        ("secret", "6 characters"),
        ("123456789012345", "15 characters"),
        ("one two three four", "white space"),
        ("schlüssel-0123456789", "visible ASCII"),
    ] {
        let api_key = Some(key.to_owned());
        let error = refused(ServeOptions { api_key, ..options(data.path()) }).to_string();
        assert!(error.contains(says) && error.contains("openssl rand"), "{key}: {error}");
    }
}

#[tokio::test]
async fn missing_models_are_warnings_and_failed_checks() {
    let data = data();
    let server = server(data.path());
    let about: Vec<_> = server
        .warnings()
        .iter()
        .filter(|warning| warning.starts_with("words: model_loaded"))
        .collect();
    assert_eq!(about.len(), 1, "{:?}", server.warnings());
    let ready = get(&router(&server), "/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.body["status"]), (503, &json!("not_ready")));
    std::fs::remove_dir_all(data.path().join("words")).unwrap();
    let server = super::server(data.path());
    assert_eq!(server.warnings(), [] as [String; 0]);
    let ready = get(&router(&server), "/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.body["status"]), (200, &json!("ready")));
}

#[tokio::test]
async fn requests_end_before_the_server_does() {
    let data = data();
    let limits = Limits { timeout: Duration::from_millis(300), ..limits() };
    let server = open(ServeOptions { limits, ..options(data.path()) }).unwrap();
    let listener = TcpListener::bind(server.addr()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve_on(server, listener, async {
        let _ = stopped.await;
    }));
    let request = "GET /v1/indexes HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let response = exchange(addr, request).await;
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    assert!(response.contains("\"name\":\"words\""), "{response}");
    // A client that never finishes its request does not keep the server.
    let mut silent = TcpStream::connect(addr).unwrap();
    silent.write_all(b"POST /v1/encode HTTP/1.1\r\nhost: x\r\ncontent-le").unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), serving).await;
    ended.expect("the server ends").unwrap().unwrap();
    assert!(TcpStream::connect(addr).is_err());
}

#[tokio::test]
async fn a_body_that_never_comes_times_out() {
    let data = data();
    let limits = Limits { timeout: Duration::from_millis(200), ..limits() };
    let server = open(ServeOptions { limits, ..options(data.path()) }).unwrap();
    let listener = TcpListener::bind(server.addr()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(serve_on(server, listener, std::future::pending()));
    let head = "POST /v1/indexes/words/search HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let response = exchange(addr, head).await;
    assert!(response.starts_with("HTTP/1.1 504") && response.contains("timed_out"), "{response}");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let data = data();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = taken.local_addr().unwrap();
    let server = open(ServeOptions { addr, ..options(data.path()) }).unwrap();
    let error = serve(server, std::future::pending()).await.unwrap_err();
    assert!(error.to_string().contains(&addr.to_string()), "{error}");
}

/// Sends a request and keeps the connection, to hang up or to read the answer.
fn send(addr: SocketAddr, path: &str, body: &str) -> TcpStream {
    let mut client = TcpStream::connect(addr).unwrap();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    );
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(body.as_bytes()).unwrap();
    client
}

fn status(mut client: TcpStream) -> String {
    let mut response = String::new();
    client.read_to_string(&mut response).unwrap();
    response.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_for_a_client_that_hangs_up_ends() {
    const SEARCHES: usize = 20_000;
    let data = data();
    let limits = Limits {
        concurrency: 1,
        k: SEARCHES,
        batch_searches: SEARCHES,
        body_bytes: 16 << 20,
        timeout: Duration::from_secs(120),
        ..limits()
    };
    let server = open(ServeOptions { limits, ..options(data.path()) }).unwrap();
    let listener = TcpListener::bind(server.addr()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(serve_on(server, listener, std::future::pending()));
    let search = json!({"query": {"text": "red blue"}, "rank": "bm25", "k": 1, "explain": true});
    let many = json!({"searches": vec![search.clone(); SEARCHES]}).to_string();
    let one = search.to_string();
    let blocking = move || {
        let (batch, single) = ("/v1/indexes/words/search/batch", "/v1/indexes/words/search");
        let ask_until = |wanted: &str| {
            while status(send(addr, single, &one)) != wanted {
                std::thread::sleep(Duration::from_millis(2));
            }
        };
        // How long the work takes when somebody waits for it.
        let begin = Instant::now();
        assert_eq!(status(send(addr, batch, &many)), "200");
        let whole = begin.elapsed();
        let leaving = send(addr, batch, &many);
        // The only permit is taken: the work is under way.
        ask_until("503");
        let left = Instant::now();
        drop(leaving);
        ask_until("200");
        (whole, left.elapsed())
    };
    let (whole, rest) = tokio::task::spawn_blocking(blocking).await.unwrap();
    assert!(rest < whole / 3, "the work takes {whole:?}, and went on for {rest:?}");
}
