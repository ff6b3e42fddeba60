//! `gleaner serve`: the HTTP interface over a folder of indexes.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use gleaner_api::{BatchLimits, Limits, ServeOptions};

use crate::{
    args::{ServeArgs, threads_or_cores},
    failure::Failure,
};

/// Tokens that are encoded together: what the encoder's own batches hold.
const BATCH_TOKENS: usize = 512;

/// `gleaner serve`
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let api_key = args
        .api_key_file
        .as_ref()
        .map(|path| {
            let key = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            match key.trim() {
                "" => Err(Failure::Usage(format!("{} is empty", path.display())).into()),
                key => anyhow::Ok(key.to_owned()),
            }
        })
        .transpose()?;
    let threads = threads_or_cores(args.threads);
    let options = ServeOptions {
        data: args.data.clone(),
        addr: args.addr,
        models: args.model.models(),
        api_key,
        cors_origins: args.cors_origin.clone(),
        encoder_threads: threads,
        limits: Limits {
            body_bytes: 1 << 20,
            k: 10_000,
            query_terms: 4_096,
            encode_inputs: 128,
            text_bytes: 256 << 10,
            batch_searches: args.max_batch_searches,
            timeout: Duration::from_secs(30),
            concurrency: 64,
        },
        batching: BatchLimits {
            texts: args.batch_texts,
            tokens: BATCH_TOKENS,
            wait: Duration::from_micros(args.batch_wait_us),
            queue_texts: args.queue_texts,
            share_searches: args.batch_searches,
        },
    };
    let server = gleaner_api::open(options)?;
    let server = server.on_trouble(|message| say!("warning: {message}"));
    server.warnings().iter().for_each(|warning| say!("warning: {warning}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.addr)
            .await
            .map_err(|error| cannot_listen(error, args.addr))?;
        let address = listener.local_addr()?;
        say!("serving {} on http://{address}; Ctrl-C stops", args.data.display());
        anyhow::Ok(gleaner_api::serve_on(server, listener, stop_signal()).await?)
    });
    // A search that outlived its request must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served?;
    say!("stopped");
    Ok(())
}

/// Ends at Ctrl-C or SIGTERM.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}

/// Why an address cannot be listened on, and what to do where another program has it.
fn cannot_listen(error: std::io::Error, addr: SocketAddr) -> anyhow::Error {
    let said = match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "cannot listen on {addr}: another program listens there; give another port, such as \
             --addr {}:{}",
            addr.ip(),
            addr.port().checked_add(1).unwrap_or(7700)
        ),
        _ => format!("cannot listen on {addr}"),
    };
    anyhow::Error::new(error).context(said)
}
