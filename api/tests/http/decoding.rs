//! What arrives and leaves beyond plain JSON: compression, charsets, addresses, origins, `OPTIONS`.

use std::io::{Read, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use gleaner_api::ServeError;
use ruzstd::{
    decoding::StreamingDecoder,
    encoding::{CompressionLevel, compress_to_vec},
};

use super::*;

const WORDS: &str = "/v1/indexes/words/search";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn encoded(path: &str, coding: &str, body: Vec<u8>) -> Request<Body> {
    let mut request = post_request(path, body);
    request.headers_mut().insert("content-encoding", coding.parse().unwrap());
    request
}

/// A body of a search, of as many bytes.
fn search_of(bytes: usize) -> String {
    let body = json!({"query": {"text": "red apple"}, "rank": "bm25", "k": 3}).to_string();
    format!("{body}{}", " ".repeat(bytes - body.len()))
}

#[tokio::test]
async fn compressed_bodies_are_read_and_the_limit_counts_what_comes_out() {
    let data = data();
    let app = app(data.path());
    let plain = ask(&app, post_request(WORDS, search_of(100))).await.hits();
    assert_eq!(plain.len(), 3);
    type Encode = fn(&[u8]) -> Vec<u8>;
    let codings: [(&str, Encode); 3] = [("gzip", gzip), ("x-gzip", gzip), ("zstd", zstd)];
    for (coding, encode) in codings {
        let body = encode(search_of(4096).as_bytes());
        assert_eq!(ask(&app, encoded(WORDS, coding, body)).await.hits(), plain, "{coding}");
        let batch = format!(r#"{{"searches": [{}]}}"#, search_of(100));
        let answer =
            ask(&app, encoded("/v1/indexes/words/search/batch", coding, encode(batch.as_bytes())));
        assert_eq!(answer.await.body["responses"][0]["hits"].as_array().unwrap().len(), 3);
        // One byte beyond the limit, and a bomb.
        for bytes in [4097, 50_000_000] {
            let body = encode(search_of(bytes).as_bytes());
            if bytes == 4097 {
                assert!(body.len() < 1000, "{coding}: it passes the limit of what arrives");
            }
            for path in [WORDS, "/v1/encode", "/v1/indexes/words/search/batch"] {
                let answer = ask(&app, encoded(path, coding, body.clone())).await;
                let found = (answer.status.as_u16(), answer.code());
                assert_eq!(found, (413, "body_too_large"), "{coding} {bytes}: {}", answer.body);
            }
        }
        for body in [&b"{}"[..], b"", &encode(b"{}")[..5]] {
            let answer = ask(&app, encoded(WORDS, coding, body.to_vec())).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code()),
                (400, "malformed_body"),
                "{coding}"
            );
            assert!(
                answer.body["detail"].as_str().unwrap().contains(coding.trim_start_matches("x-"))
            );
        }
    }
    let tei = ask(&app, encoded("/embed_sparse", "gzip", b"{}".to_vec())).await;
    assert_eq!((tei.status.as_u16(), &tei.body["error_type"]), (413, &json!("Validation")));
}

#[tokio::test]
async fn other_encodings_charsets_and_types_are_refused() {
    let data = data();
    let app = app(data.path());
    for (header, value) in [
        ("content-encoding", "br"),
        ("content-encoding", "deflate"),
        ("content-encoding", "gzip, zstd"),
        ("content-type", "application/json; charset=utf-16"),
        ("content-type", "application/json;charset=\"latin1\""),
        ("content-type", "application/jsonp"),
        ("content-type", "multipart/form-data"),
    ] {
        for path in [WORDS, "/v1/encode"] {
            let mut request = post_request(path, search_of(100));
            request.headers_mut().insert(header, value.parse().unwrap());
            let answer = ask(&app, request).await;
            let found = (answer.status.as_u16(), answer.code());
            assert_eq!(found, (415, "unsupported_media_type"), "{value}: {}", answer.body);
            assert!(answer.body["hint"].is_string(), "{}", answer.body);
            assert_eq!(answer.headers["accept-encoding"], "gzip, zstd");
        }
    }
    for value in ["application/json; charset=UTF-8", "application/vnd.search+json"] {
        let mut request = post_request(WORDS, search_of(100));
        request.headers_mut().insert("content-type", value.parse().unwrap());
        assert_eq!(ask(&app, request).await.status, 200, "{value}");
    }
}

#[tokio::test]
async fn bodies_of_editors_and_of_forgotten_headers_are_understood() {
    let data = data();
    let app = app(data.path());
    let marked = format!("\u{feff}{}", search_of(100));
    assert_eq!(ask(&app, post_request(WORDS, marked)).await.hits().len(), 3);
    for (coding, body) in [("gzip", gzip(b"{}")), ("zstd", zstd(b"{}"))] {
        for path in [WORDS, "/v1/encode", "/v1/indexes/words/search/batch"] {
            let answer = ask(&app, post_request(path, body.clone())).await;
            assert_eq!(answer.status, 415, "{}", answer.body);
            let hint = answer.body["hint"].as_str().unwrap();
            assert!(hint.contains(&format!("Content-Encoding: {coding}")), "{hint}");
        }
    }
}

#[tokio::test]
async fn malformed_json_is_told_where_it_goes_wrong() {
    let data = data();
    let app = app(data.path());
    for (body, says) in [
        ("{\"k\": 1,}", "there is a comma before an end, at column 9"),
        ("{'k': 1}", "in double quotes, at column 2"),
        ("{\n  \"k\": 1\n  \"rank\": 2}", "a `,` or `}`, at line 3, column 3"),
        ("{\"k\": Infinity}", "NaN and Infinity are none"),
        ("{\"k\": 1", "it ends too early, at column 7"),
    ] {
        let answer = ask(&app, post_request(WORDS, body)).await;
        assert_eq!(answer.code(), "malformed_json");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("not JSON: ") && detail.contains(says), "{body}: {detail}");
    }
}

#[tokio::test]
async fn addresses_that_do_not_decode_are_refused_with_the_place() {
    let data = data();
    let app = app(data.path());
    for (query, field, says) in [
        ("rank=bm25&q=caf%C3", "q", "byte 3"),
        ("rank=bm25&q=%zz", "q", "byte 0"),
        ("rank=bm25&q=50%", "q", "byte 2"),
        ("rank=bm25&q=%ED%A0%80", "q", "byte 0"),
        ("q=red&rank=bm25&filter=a%FF", "filter", "byte 1"),
    ] {
        let answer = get(&app, &format!("{WORDS}?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "malformed_address"), "{query}");
        assert_eq!(answer.body["field"], field, "{}", answer.body);
        assert!(answer.body["detail"].as_str().unwrap().contains(says), "{}", answer.body);
    }
    for path in ["/v1/indexes/%FF/search?q=a&rank=bm25", "/v1/indexes/w%zz/search", "/%C3"] {
        assert_eq!(get(&app, path).await.code(), "malformed_address", "{path}");
    }
    let right = get(&app, &format!("{WORDS}?rank=bm25&q=r%65d+%C3%A9")).await;
    assert_eq!(right.hits(), get(&app, &format!("{WORDS}?rank=bm25&q=red")).await.hits());
}

/// The status, the coding and the bytes of an answer.
async fn bytes_of(app: &Router, path: &str, accepted: &str) -> (Option<String>, Vec<u8>) {
    let request = Request::get(path).header("accept-encoding", accepted).body(Body::empty());
    let response = app.clone().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let coding = response.headers().get("content-encoding");
    let coding = coding.map(|coding| coding.to_str().unwrap().to_owned());
    (coding, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

#[tokio::test]
async fn answers_are_compressed_where_that_is_asked_for_and_worth_it() {
    let data = data();
    let app = app(data.path());
    let many = format!("{WORDS}?q=red&rank=bm25&k=60");
    let hits = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap()["hits"].clone();
    let (none, plain) = bytes_of(&app, &many, "identity").await;
    assert_eq!(none, None);
    for accepted in ["gzip", "zstd", "br;q=0.1, gzip", "zstd;q=0.9, gzip;q=0.1"] {
        let (coding, bytes) = bytes_of(&app, &many, accepted).await;
        let mut decoded = Vec::new();
        match coding.as_deref() {
            Some("gzip") => drop(GzDecoder::new(&bytes[..]).read_to_end(&mut decoded).unwrap()),
            Some("zstd") => {
                let mut frame = StreamingDecoder::new(&bytes[..]).unwrap();
                frame.read_to_end(&mut decoded).unwrap();
            }
            other => panic!("{accepted}: {other:?}"),
        }
        assert!(bytes.len() < plain.len() / 2, "{accepted}");
        assert_eq!(hits(&decoded), hits(&plain), "{accepted}");
    }
    for (path, accepted) in [(&many[..], "br"), ("/livez", "gzip, zstd")] {
        assert_eq!(bytes_of(&app, path, accepted).await.0, None, "{path} {accepted}");
    }
}

async fn options_of(app: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::options(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    ask(app, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn options_are_answered_and_head_goes_where_get_does() {
    let data = data();
    let app = app(data.path());
    for (path, allowed) in [
        (WORDS, "GET,HEAD,POST"),
        ("/v1/encode", "POST"),
        ("/livez", "GET,HEAD"),
        ("/v1/indexes", "GET,HEAD"),
    ] {
        let answer = options_of(&app, path, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.body), (204, Value::Null), "{path}");
        assert_eq!(answer.headers["allow"], allowed, "{path}");
    }
    assert_eq!(options_of(&app, "/nothing", &[]).await.status, 404);
    for path in ["/livez", "/v1/indexes", "/metrics", &format!("{WORDS}?q=red&rank=bm25")] {
        let request = Request::head(path).body(Body::empty()).unwrap();
        let answer = ask(&app, request).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, Value::Null), "{path}");
    }
}

/// What a browser asks before a POST of JSON.
const QUESTION: [(&str, &str); 3] = [
    ("origin", "https://example.org"),
    ("access-control-request-method", "POST"),
    ("access-control-request-headers", "content-type,authorization"),
];

#[tokio::test]
async fn pages_of_other_origins_ask_only_where_they_were_named() {
    let data = data();
    let with = |origins: &[&str]| {
        let cors_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let api_key = Some("s3cret-0123456789".to_owned());
        open(ServeOptions { cors_origins, api_key, ..options(data.path()) })
    };
    let named = router(&with(&["https://example.org", "http://localhost:80"]).unwrap());
    let any = router(&with(&["*"]).unwrap());
    let off = router(&with(&[]).unwrap());
    for (app, allowed) in [(&named, Some("https://example.org")), (&any, Some("*")), (&off, None)] {
        let preflight = options_of(app, WORDS, &QUESTION).await;
        let origin = |answer: &Answer| {
            let origin = answer.headers.get("access-control-allow-origin");
            origin.map(|origin| origin.to_str().unwrap().to_owned())
        };
        assert_eq!(origin(&preflight).as_deref(), allowed);
        // The question needs no key; what is asked does, and even its refusal can be read.
        assert_eq!(preflight.status, if allowed.is_some() { 200 } else { 401 });
        let mut request = post_request(WORDS, search_of(100));
        request.headers_mut().insert("origin", "https://example.org".parse().unwrap());
        let refused = ask(app, request).await;
        assert_eq!((refused.status.as_u16(), origin(&refused).as_deref()), (401, allowed));
    }
    let other = [("origin", "https://example.com"), QUESTION[1], QUESTION[2]];
    let refused = options_of(&named, WORDS, &other).await;
    assert_eq!(refused.headers.get("access-control-allow-origin"), None);
    let plain = [("authorization", "Bearer s3cret-0123456789")];
    assert_eq!(options_of(&named, WORDS, &plain).await.headers["allow"], "GET,HEAD,POST");
    for wrong in ["example.org", "https://example.org/", "https://*.example.org", ""] {
        let error = with(&[wrong]).err().unwrap();
        assert!(matches!(error, ServeError::InvalidOrigin { .. }), "{wrong}: {error}");
        assert!(error.to_string().contains("--cors-origin"), "{error}");
    }
}
