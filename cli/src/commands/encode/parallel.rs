//! A chunk of texts on all encoders at once.

use gleaner::{EncodeError, exchange::Document};

/// Texts of a chunk for each thread: enough that those of one length find each other.
pub(super) const CHUNK_TEXTS: usize = 256;

/// Encodes a chunk on all encoders at once; what each of them made, in the order of the documents.
pub(super) fn encode_all<E: Send, R: Send>(
    encoders: &mut [E],
    documents: &[Document],
    encode: impl Fn(&mut E, &[&str]) -> Result<R, EncodeError> + Sync,
) -> anyhow::Result<Vec<R>> {
    let (share, encode) = (documents.len().div_ceil(encoders.len()).max(1), &encode);
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = documents
            .chunks(share)
            .zip(encoders)
            .map(|(part, encoder)| {
                let texts: Vec<&str> = part.iter().map(|document| &document.text[..]).collect();
                scope.spawn(move || encode(encoder, &texts))
            })
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(parts)
}
