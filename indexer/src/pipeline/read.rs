//! Inputs to chunks: opened where an earlier run stopped, and read in order.

use std::{
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
};

use gleaner_catalog::{InputProgress, Manifest};
use gleaner_format::SparseVector;

use super::chunk::Chunk;
use crate::{
    document::InputDocument,
    error::IndexError,
    input::{Input, InputFile},
    store::EarlierDocuments,
};

/// Documents per chunk.
pub const CHUNK_DOCUMENTS: usize = 1_024;

/// Postings per chunk of given vectors, above which it ends early.
const CHUNK_POSTINGS: usize = 1 << 20;

/// Numbers of given dense vectors per chunk, above which it ends early.
const CHUNK_NUMBERS: usize = 4 << 20;

/// Bytes of text per chunk, above which it ends early. A commit falls on the end of a chunk, and a
/// model of a hundred million parameters reads about ten thousand bytes a second: so a run that is
/// stopped every few seconds gets on nevertheless. The number is fixed, because what is encoded
/// together may move a weight by 2.4e-7.
const CHUNK_TEXT_BYTES: usize = 64 << 10;

/// Inputs ready to be read, and what earlier runs say of them and of others.
pub(super) struct OpenInputs {
    pub(super) inputs: Vec<Input>,
    /// Files of earlier runs that are complete and not read by this one.
    pub(super) earlier: Vec<InputProgress>,
    pub(super) found: u64,
    pub(super) rejected: u64,
}

impl OpenInputs {
    /// Opens all inputs, moved on to where the interrupted run stopped if `resume` is set.
    ///
    /// # Errors
    /// `OtherInputs`, and those of opening and resuming inputs.
    pub(super) fn open(
        manifest: &Manifest,
        files: &[InputFile],
        resume: bool,
    ) -> Result<Self, IndexError> {
        let mut earlier = if resume { manifest.inputs.clone() } else { Vec::new() };
        let mut opened = Self { inputs: Vec::new(), earlier: Vec::new(), found: 0, rejected: 0 };
        let fields = manifest.dense.clone().into();
        for file in files {
            let mut input = Input::open_with(file, &fields)?;
            let name = input.progress().path.clone();
            if let Some(at) = earlier.iter().position(|earlier| earlier.path == name) {
                let earlier = earlier.remove(at);
                input.resume(&earlier)?;
                opened.found += earlier.documents;
                opened.rejected += earlier.rejected;
            }
            opened.inputs.push(input);
        }
        if let Some(missing) = earlier.iter().find(|earlier| !earlier.complete) {
            return Err(IndexError::OtherInputs { path: PathBuf::from(&missing.path) });
        }
        opened.earlier = earlier;
        Ok(opened)
    }
}

/// Reads all inputs to their ends, chunk by chunk, until nobody wants more.
pub(super) fn read_chunks(
    mut inputs: Vec<Input>,
    mut earlier: Option<EarlierDocuments>,
    stop_at_rejection: bool,
    out: &SyncSender<Result<Chunk, IndexError>>,
    stop: &AtomicBool,
) {
    let mut sequence = 0;
    for current in 0..inputs.len() {
        while !inputs[current].progress().complete {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let chunk =
                read_chunk(&mut inputs, current, sequence, (stop_at_rejection, earlier.as_mut()));
            let is_last = match &chunk {
                Ok(chunk) => stop_at_rejection && !chunk.rejections.is_empty(),
                Err(_) => true,
            };
            // A closed queue means that the other side stopped on an error of its own.
            if out.send(chunk).is_err() || is_last {
                return;
            }
            sequence += 1;
        }
    }
    if sequence == 0 {
        // Everything was complete already; say so with an empty chunk.
        let read_bytes = inputs.iter().map(Input::read_bytes).sum();
        let chunk = Chunk {
            sequence,
            file: PathBuf::new(),
            first_line: 0,
            documents: Vec::new(),
            given: None,
            dense: Vec::new(),
            rejections: Vec::new(),
            unchanged: 0,
            blank: 0,
            inputs: inputs.iter_mut().map(Input::mark).collect(),
            read_bytes,
        };
        let _ = out.send(Ok(chunk));
    }
}

/// Reads up to a chunk's number of entries, or up to the first bad one if that ends the run. The
/// bad entry itself then stays unread as far as the next run is concerned.
fn read_chunk(
    inputs: &mut [Input],
    current: usize,
    sequence: u64,
    (stop_at_rejection, mut earlier): (bool, Option<&mut EarlierDocuments>),
) -> Result<Chunk, IndexError> {
    let input = &mut inputs[current];
    let file = input.path().to_path_buf();
    let first_line = input.progress().lines + 1;
    let (mut documents, mut rejections) = (Vec::new(), Vec::new());
    let (mut vectors, mut dense_vectors) = (Vec::new(), Vec::new());
    let mut before_rejection = None;
    let mut unchanged = 0;
    let (mut postings, mut numbers, mut text_bytes) = (0, 0, 0);
    while documents.len() + rejections.len() + unchanged < CHUNK_DOCUMENTS
        && postings < CHUNK_POSTINGS
        && numbers < CHUNK_NUMBERS
        && text_bytes < CHUNK_TEXT_BYTES
    {
        let before = stop_at_rejection.then(|| input.position());
        match input.next()? {
            None => break,
            Some(Ok(InputDocument { document, vector, dense })) => {
                // Of a vector that was given, what is stored says nothing.
                let is_text = vector.is_none() && dense.iter().all(Option::is_none);
                if let Some(earlier) = earlier.as_deref_mut()
                    && earlier.has(&document)?
                    && is_text
                {
                    unchanged += 1;
                    continue;
                }
                postings += vector.as_ref().map_or(0, SparseVector::len);
                numbers += dense.iter().flatten().map(Vec::len).sum::<usize>();
                vectors.extend(vector);
                dense_vectors.push(dense);
                text_bytes += document.text.len();
                documents.push(document);
            }
            Some(Err(reason)) => rejections.push(input.rejection(reason)),
        }
        if stop_at_rejection && !rejections.is_empty() {
            before_rejection = before;
            break;
        }
    }
    if let Some(position) = before_rejection {
        input.forget_after(position);
    } else {
        input.progress().rejected += rejections.len() as u64;
    }
    input.progress().documents += (documents.len() + unchanged) as u64;
    let blank = std::mem::take(&mut input.tally.blank);
    let read_bytes = inputs.iter().map(Input::read_bytes).sum();
    let inputs = inputs.iter_mut().map(Input::mark).collect();
    let given = (vectors.len() == documents.len()).then_some(vectors);
    Ok(Chunk {
        sequence,
        file,
        first_line,
        documents,
        given,
        dense: dense_vectors,
        rejections,
        unchanged: unchanged as u64,
        blank,
        inputs,
        read_bytes,
    })
}
