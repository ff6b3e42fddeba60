//! Load on a running server: requests per second and latencies at several numbers of clients.
//!
//! Every client is a thread with one connection that sends its next request when it has read the
//! answer. Texts come from a BEIR queries or corpus file, in turn; `--route` says what is done with
//! them. Starts no server, and says nothing of the quality of what comes back beyond its status.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

/// Load on a running `gleaner serve`.
#[derive(Parser)]
struct LoadArgs {
    /// Where the server listens
    #[arg(long, default_value = "127.0.0.1:7700")]
    addr: SocketAddr,
    /// JSONL with `text`
    #[arg(long)]
    texts: PathBuf,
    /// What is asked for
    #[arg(long, value_enum)]
    route: Route,
    /// The index to search
    #[arg(long, required_if_eq("route", "search"))]
    index: Option<String>,
    /// Texts per request, where vectors are asked for
    #[arg(long, default_value_t = 1)]
    inputs: usize,
    /// Clients at the same time
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    clients: Vec<usize>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Route {
    /// Search with a text
    Search,
    /// `/v1/encode`, query side
    Query,
    /// `/v1/encode`, document side
    Document,
}

fn main() -> anyhow::Result<()> {
    let args = LoadArgs::parse();
    let requests = requests(&args)?;
    println!("clients  requests/s  texts/s   p50 ms   p95 ms   p99 ms  refused");
    for &clients in &args.clients {
        let (mut times, refused, seconds) = measure(&args, &requests, clients)?;
        times.sort();
        let at = |share: f64| match times.len() {
            0 => f64::NAN,
            count => times[(share * (count - 1) as f64) as usize].as_secs_f64() * 1e3,
        };
        let rate = times.len() as f64 / seconds;
        println!(
            "{clients:7}  {rate:10.0}  {:7.0}  {:7.2}  {:7.2}  {:7.2}  {refused:7}",
            rate * args.inputs as f64,
            at(0.5),
            at(0.95),
            at(0.99)
        );
    }
    Ok(())
}

/// Every request that will be sent, as bytes.
fn requests(args: &LoadArgs) -> anyhow::Result<Vec<Vec<u8>>> {
    let file = std::fs::File::open(&args.texts)
        .with_context(|| format!("cannot read {}", args.texts.display()))?;
    let mut texts = Vec::new();
    for line in BufReader::new(file).lines().take(20_000) {
        let line: Value = serde_json::from_str(&line?).context("a line is not JSON")?;
        texts.push(line["text"].as_str().context("a line has no text")?.to_owned());
    }
    let bodies: Vec<(String, Value)> = match (args.route, &args.index) {
        (Route::Search, index) => {
            let path = format!("/v1/indexes/{}/search", index.as_deref().unwrap_or_default());
            let body = |text: &String| (path.clone(), json!({"query": {"text": text}, "k": 10}));
            texts.iter().map(body).collect()
        }
        (route, _) => {
            let side = if route == Route::Query { "query" } else { "document" };
            let body = |inputs: &[String]| {
                ("/v1/encode".to_owned(), json!({"inputs": inputs, "side": side}))
            };
            texts.chunks(args.inputs.max(1)).map(body).collect()
        }
    };
    let bytes = bodies.iter().map(|(path, body)| {
        let body = body.to_string();
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    });
    Ok(bytes.collect())
}

/// The times of the requests that were answered, how many were refused, and the seconds it took.
fn measure(
    args: &LoadArgs,
    requests: &[Vec<u8>],
    clients: usize,
) -> anyhow::Result<(Vec<Duration>, usize, f64)> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let start = Instant::now();
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..clients)
            .map(|_| scope.spawn(|| client(args.addr, requests, &next, &stop)))
            .collect();
        std::thread::sleep(Duration::from_secs_f64(args.seconds));
        stop.store(true, Ordering::Relaxed);
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect::<anyhow::Result<Vec<_>>>()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let refused = parts.iter().map(|(_, refused)| refused).sum();
    Ok((parts.into_iter().flat_map(|(times, _)| times).collect(), refused, seconds))
}

/// One client: the times of its requests, and how many were refused.
fn client(
    addr: SocketAddr,
    requests: &[Vec<u8>],
    next: &AtomicUsize,
    stop: &AtomicBool,
) -> anyhow::Result<(Vec<Duration>, usize)> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut times, mut refused) = (Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        let request = &requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()];
        let start = Instant::now();
        stream.write_all(request)?;
        match answer(&mut reader)? {
            200 => times.push(start.elapsed()),
            429 | 503 => refused += 1,
            status => bail!("the server answered {status}"),
        }
    }
    Ok((times, refused))
}

/// Reads one response; its status.
fn answer(reader: &mut impl BufRead) -> anyhow::Result<u16> {
    let (mut status, mut length, mut line) = (None, 0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        if status.is_none() {
            status = header.split(' ').nth(1).and_then(|status| status.parse().ok());
        } else if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        } else if header.is_empty() {
            break;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    status.context("the server answers no HTTP")
}
