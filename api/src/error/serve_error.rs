//! What goes wrong before the first request, or ends the server.
//!
//! The reader is the operator at a terminal: messages name flags and folders. What goes wrong in
//! answer to a request is a `Problem`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use gleaner::{EncodeError, Error, Named};

/// The remedy for a key that is refused.
const NEW_KEY: &str = "`openssl rand -hex 32 > FILE` makes one for `--api-key-file FILE`";

/// Why a server could not be started, or stopped serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The data folder is missing or not a folder.
    #[error("no data folder at `{}`; `--data` takes the folder that holds the indexes", path.display())]
    DataNotFound {
        /// The folder asked for.
        path: PathBuf,
    },
    /// The data folder is an index instead of holding some.
    #[error(
        "`{}` is itself an index; `--data` takes the folder that holds it: `--data {}`",
        path.display(), parent.display()
    )]
    DataIsIndex {
        /// The folder asked for.
        path: PathBuf,
        /// The folder that holds it.
        parent: PathBuf,
    },
    /// There is nothing to serve.
    #[error(
        "no index in `{}`; create one with `gleaner index --index {} --input …`",
        path.display(), path.join("NAME").display()
    )]
    NoIndexes {
        /// The data folder.
        path: PathBuf,
    },
    /// A folder could not be listed.
    #[error("cannot list `{}`", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Other machines could reach the server, and nothing would ask them for a key.
    #[error(
        "{addr} can be reached from other machines, which needs a key: pass `--api-key-file FILE`, \
         or an address such as 127.0.0.1:{}", addr.port()
    )]
    KeyRequired {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The key cannot be sent in a header.
    #[error(
        "the API key is empty, or has white space or other characters than visible ASCII; {NEW_KEY}"
    )]
    InvalidKey,
    /// The key is short enough to be guessed.
    #[error("the API key has {found} characters, and at least {least} are needed; {NEW_KEY}")]
    ShortKey {
        /// Its characters.
        found: usize,
        /// The fewest.
        least: usize,
    },
    /// An origin that no browser would name.
    #[error(
        "`{origin}` is no origin; `--cors-origin` takes `*`, or a scheme and a host in small letters, \
         with a port where it has one: https://example.org, http://localhost:8080"
    )]
    InvalidOrigin {
        /// What was given.
        origin: String,
    },
    /// The model or the runtime that was asked for by name does not load.
    #[error("cannot use {asked_for}")]
    Model {
        /// The flag and what it named.
        asked_for: String,
        /// What is wrong with it.
        source: EncodeError,
    },
    /// The models of the indexes could not be opened.
    #[error(transparent)]
    Models(Error),
    /// The address could not be listened at.
    #[error("cannot listen at {addr}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The listener failed.
    #[error("the server stopped")]
    Stopped {
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl ServeError {
    /// What was named by a flag does not load.
    pub(crate) fn asked_for(what: Named, path: &Path, source: EncodeError) -> Self {
        let flag = match what {
            Named::SparseModel => "--model",
            Named::DenseModel => "--dense-model",
            Named::RuntimeLibrary => "--ort-lib",
        };
        Self::Model { asked_for: format!("`{flag} {}`", path.display()), source }
    }
}

impl From<Error> for ServeError {
    fn from(error: Error) -> Self {
        match error {
            Error::Named { what, path, source } => Self::asked_for(what, &path, *source),
            other => Self::Models(other),
        }
    }
}
