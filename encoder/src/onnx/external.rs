//! Which files beside a graph hold its weights, read from the graph itself.
//!
//! Exporters put large weights into files that the graph names by a path. That path is somebody
//! else's word: one that leaves the model folder is refused before the runtime sees it. Reads just
//! enough of the protobuf encoding to find the names, and passes over everything else.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use crate::error::EncodeError;
use crate::files::regular;

/// Messages within messages; a graph within a node's attribute is three deeper than its graph.
const DEPTH: usize = 64;
/// Longest path that is believed.
const PATH_BYTES: u64 = 4096;

/// What the fields of a message hold, as far as they matter here.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    Function,
    Entry,
}

impl Message {
    /// The message in a field, where one is of interest.
    fn field(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) => Some(Self::Graph),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Graph, 5) => Some(Self::Tensor),
            (Self::Graph, 15) => Some(Self::SparseTensor),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::Attribute, 5 | 10) => Some(Self::Tensor),
            (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Attribute, 22 | 23) => Some(Self::SparseTensor),
            (Self::SparseTensor, 1 | 2) => Some(Self::Tensor),
            (Self::Tensor, 13) => Some(Self::Entry),
            _ => None,
        }
    }
}

/// The files that hold weights of a graph, by the names the graph gives them, each once.
///
/// Errors: `ExternalData` for a path that is absolute, leaves the folder (also by a link), or names
/// nothing; `Read` when the graph cannot be read. A graph that does not parse has none: the runtime
/// will say so.
pub(crate) fn external_files(
    graph: &Path,
    folder: &Path,
) -> Result<Vec<(String, PathBuf)>, EncodeError> {
    let failed = |source| EncodeError::Read { path: graph.to_owned(), source };
    let file = regular(graph).and_then(|()| File::open(graph)).map_err(failed)?;
    let end = file.metadata().map_err(failed)?.len();
    let mut walk = Walk { file: BufReader::new(file), at: 0, found: BTreeSet::new() };
    // What does not parse is left to the runtime, which says so.
    if let Err(error) = walk.message(Message::Model, end, 0)
        && error.kind() != io::ErrorKind::InvalidData
        && error.kind() != io::ErrorKind::UnexpectedEof
    {
        return Err(failed(error));
    }
    let beside = graph.parent().unwrap_or(folder);
    let check =
        |location: String| confined(&location, beside, folder, graph).map(|path| (location, path));
    walk.found.into_iter().map(check).collect()
}

fn confined(
    location: &str,
    beside: &Path,
    folder: &Path,
    graph: &Path,
) -> Result<PathBuf, EncodeError> {
    let refuse = |reason| EncodeError::ExternalData {
        graph: graph.to_owned(),
        location: location.to_owned(),
        reason,
    };
    let leaves = |part: Component<'_>| !matches!(part, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || Path::new(location).components().any(leaves) {
        return Err(refuse("it leaves the model folder"));
    }
    let path = beside.join(location);
    let (Ok(real), Ok(home)) = (path.canonicalize(), folder.canonicalize()) else {
        return Err(refuse("there is no such file"));
    };
    // A cache of models links to files elsewhere by plain names; what a link in the folder points
    // to was the user's doing, but a linked folder could be anybody's.
    let inside = real.starts_with(&home)
        || path.parent().is_some_and(|parent| {
            parent.canonicalize().is_ok_and(|parent| parent.starts_with(&home))
        });
    match (inside, real.is_file()) {
        (false, _) => Err(refuse("it leaves the model folder")),
        (true, false) => Err(refuse("it is not a file")),
        (true, true) => Ok(path),
    }
}

struct Walk {
    file: BufReader<File>,
    at: u64,
    found: BTreeSet<String>,
}

impl Walk {
    fn message(&mut self, message: Message, end: u64, depth: usize) -> io::Result<()> {
        if depth > DEPTH {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (mut key, mut value) = (String::new(), String::new());
        while self.at < end {
            let tag = self.varint()?;
            match tag & 7 {
                0 => drop(self.varint()?),
                1 => self.skip(8, end)?,
                5 => self.skip(4, end)?,
                2 => {
                    let length = self.varint()?;
                    let stop = self.at.checked_add(length).filter(|&stop| stop <= end);
                    let stop = stop.ok_or(io::ErrorKind::InvalidData)?;
                    match (message, tag >> 3) {
                        (Message::Entry, 1) => key = self.text(length)?,
                        (Message::Entry, 2) => value = self.text(length)?,
                        (message, field) => match message.field(field) {
                            Some(inner) => self.message(inner, stop, depth + 1)?,
                            None => self.skip(length, end)?,
                        },
                    }
                }
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        if key == "location" {
            self.found.insert(value);
        }
        Ok(())
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.file.read_exact(&mut byte)?;
            self.at += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }

    fn text(&mut self, length: u64) -> io::Result<String> {
        if length > PATH_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        self.at += length;
        String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    fn skip(&mut self, length: u64, end: u64) -> io::Result<()> {
        if self.at.checked_add(length).is_none_or(|stop| stop > end) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.at += length;
        match i64::try_from(length) {
            Ok(length) => self.file.seek_relative(length),
            Err(_) => self.file.seek(SeekFrom::Start(self.at)).map(drop),
        }
    }
}
