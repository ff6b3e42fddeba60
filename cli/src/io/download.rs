//! One file over HTTP: resumed where it broke off, and proven by its hash.
//!
//! A file grows as `FILE.part`. Beside it, `FILE.part.validator` keeps the ETag (or the date) that
//! the file had when it was begun. A server whose file has changed since sends it from the start.
//! What is asked for, and where it goes in the end, is the business of `model pull`.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use ureq::{
    Agent, Body,
    http::{HeaderMap, Response, header},
};

use super::{hash::hash_of, output::with_suffix};

/// Attempts in a row that bring nothing.
const ATTEMPTS: u32 = 3;
/// Pause before the second attempt, doubled before each further one.
const PAUSE: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
/// A transfer that brings nothing for so long is taken to hang; what has come is kept. A server that
/// promises more bytes than it has, and holds the connection, would be waited for without end.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// After this a transfer is begun again, from where it is.
const BODY_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const BUFFER_BYTES: usize = 1 << 16;
/// Buffers that are read before they are written.
const PIECES_AHEAD: usize = 4;

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DownloadError {
    #[error("`{url}` answered {status}")]
    Status { url: String, status: ureq::http::StatusCode },
    #[error("cannot reach `{url}`")]
    Unreachable { url: String, source: Box<ureq::Error> },
    #[error(
        "the transfer of `{url}` broke off after {}; the same command goes on from there",
        of(*got_bytes, *total_bytes)
    )]
    BrokenOff { url: String, got_bytes: u64, total_bytes: Option<u64> },
    #[error("`{url}` has the SHA-256 {found}, expected {expected}; nothing of it was kept")]
    WrongHash { url: String, expected: String, found: String },
    #[error("cannot write `{}`{}", path.display(), remedy(source))]
    Write { path: PathBuf, source: std::io::Error },
}

fn of(got_bytes: u64, total_bytes: Option<u64>) -> String {
    match total_bytes {
        Some(total) => format!("{got_bytes} of {total} bytes"),
        None => format!("{got_bytes} bytes"),
    }
}

fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "; the disk is full: make room, and the same command goes on"
        }
        _ => "",
    }
}

impl DownloadError {
    /// Whether asking again may help.
    fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => status.is_server_error() || status.as_u16() == 429,
            Self::Unreachable { source, .. } => !matches!(
                **source,
                ureq::Error::BadUri(_)
                    | ureq::Error::HostNotFound
                    | ureq::Error::TooManyRedirects
                    | ureq::Error::RequireHttpsOnly(_)
                    | ureq::Error::Tls(_)
            ),
            Self::BrokenOff { .. } => true,
            Self::WrongHash { .. } | Self::Write { .. } => false,
        }
    }
}

/// Told how many bytes there are, and of how many where that is known.
pub(crate) type OnBytes<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// The agent for a URL: what begins encrypted is not redirected to what is not.
pub(crate) fn agent(url: &str) -> Agent {
    Agent::config_builder()
        .https_only(url.starts_with("https:"))
        .http_status_as_error(false)
        .user_agent(concat!("gleaner/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(RESPONSE_TIMEOUT))
        .timeout_recv_body(Some(BODY_TIMEOUT))
        .build()
        .new_agent()
}

/// Brings `url` to `target`, through `target.part`. Goes on with a part that is there.
///
/// Errors: all of [`DownloadError`]; after `WrongHash` the part is gone, otherwise it is kept.
pub(crate) fn download(
    agent: &Agent,
    url: &str,
    target: &Path,
    sha256: Option<&str>,
    on_bytes: OnBytes<'_>,
) -> Result<(), DownloadError> {
    let part = with_suffix(target, ".part");
    let is_whole = |hash: &str| part.is_file() && hash_of(&part).is_ok_and(|found| found == hash);
    if !sha256.is_some_and(is_whole) {
        fetch(agent, url, &part, on_bytes)?;
    }
    let failed = |source| DownloadError::Write { path: part.clone(), source };
    if let Some(expected) = sha256 {
        let found = hash_of(&part).map_err(failed)?;
        if found != expected {
            let _ = fs::remove_file(&part);
            let _ = fs::remove_file(with_suffix(&part, ".validator"));
            let (url, expected) = (url.to_owned(), expected.to_owned());
            return Err(DownloadError::WrongHash { url, expected, found });
        }
    }
    let _ = fs::remove_file(with_suffix(&part, ".validator"));
    fs::rename(&part, target).map_err(failed)
}

/// Asks until the file is whole, or until several attempts in a row brought nothing new. Bytes that
/// come again are not new: a server whose lengths are wrong could send them for ever.
fn fetch(
    agent: &Agent,
    url: &str,
    part: &Path,
    on_bytes: OnBytes<'_>,
) -> Result<(), DownloadError> {
    let (mut vain, mut pause, mut most) = (0, PAUSE, length(part));
    loop {
        let error = match attempt(agent, url, part, on_bytes) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let reached = length(part);
        vain = if reached > most { 0 } else { vain + 1 };
        most = most.max(reached);
        if !error.is_passing() || vain >= ATTEMPTS {
            return Err(error);
        }
        std::thread::sleep(pause);
        pause = if vain == 0 { PAUSE } else { pause * 2 };
    }
}

fn attempt(
    agent: &Agent,
    url: &str,
    part: &Path,
    on_bytes: OnBytes<'_>,
) -> Result<(), DownloadError> {
    let (have, validator) =
        (length(part), fs::read_to_string(with_suffix(part, ".validator")).ok());
    let mut request = agent.get(url);
    if let Some(validator) = validator.filter(|_| have > 0) {
        request = request.header(header::RANGE, format!("bytes={have}-"));
        request = request.header(header::IF_RANGE, validator);
    }
    let unreachable =
        |source| DownloadError::Unreachable { url: url.to_owned(), source: Box::new(source) };
    let response = request.call().map_err(unreachable)?;
    let start = match response.status().as_u16() {
        200 => 0,
        206 if range_start(response.headers()) == Some(have) => have,
        // The server does not have what was asked for: from the start, next time.
        206 | 416 => {
            let _ = fs::remove_file(part);
            let (url, got_bytes) = (url.to_owned(), 0);
            return Err(DownloadError::BrokenOff { url, got_bytes, total_bytes: None });
        }
        _ => {
            return Err(DownloadError::Status { url: url.to_owned(), status: response.status() });
        }
    };
    receive(response, url, part, start, on_bytes)
}

/// Writes a body behind the first `start` bytes of the part.
fn receive(
    response: Response<Body>,
    url: &str,
    part: &Path,
    start: u64,
    on_bytes: OnBytes<'_>,
) -> Result<(), DownloadError> {
    let failed = |source| DownloadError::Write { path: part.to_owned(), source };
    let open = || -> std::io::Result<File> {
        let file = OpenOptions::new().create(true).append(true).open(part)?;
        file.set_len(start)?;
        if start == 0 {
            fs::write(with_suffix(part, ".validator"), validator(response.headers()))?;
        }
        Ok(file)
    };
    let mut file = open().map_err(failed)?;
    let total_bytes = total_bytes(response.headers(), start);
    let mut got_bytes = start;
    let reader = response.into_body().into_reader();
    let mut tell = |bytes: usize| {
        got_bytes += bytes as u64;
        on_bytes(got_bytes, total_bytes);
    };
    let is_whole = copy(reader, &mut file, SILENCE_TIMEOUT, &mut tell).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    match is_whole && total_bytes.is_none_or(|total| got_bytes >= total) {
        true => Ok(()),
        false => Err(DownloadError::BrokenOff { url: url.to_owned(), got_bytes, total_bytes }),
    }
}

/// Copies until the end, or until the reader fails or says nothing for `silence`, which is `false`;
/// errors are the writer's.
///
/// A reader that says nothing cannot be stopped. So it has a thread of its own, which ends with the
/// next bytes, with the connection, or with the process.
fn copy(
    mut reader: impl Read + Send + 'static,
    writer: &mut impl Write,
    silence: Duration,
    tell: &mut impl FnMut(usize),
) -> std::io::Result<bool> {
    let (sender, pieces) = mpsc::sync_channel(PIECES_AHEAD);
    std::thread::spawn(move || {
        loop {
            let mut buffer = vec![0; BUFFER_BYTES];
            let read = reader.read(&mut buffer);
            let is_last = match &read {
                Ok(bytes) => *bytes == 0,
                Err(error) => error.kind() != std::io::ErrorKind::Interrupted,
            };
            // Nobody listens when the copy has ended.
            if sender.send(read.map(|bytes| (buffer, bytes))).is_err() || is_last {
                return;
            }
        }
    });
    loop {
        match pieces.recv_timeout(silence) {
            Ok(Ok((_, 0))) => return Ok(true),
            Ok(Ok((buffer, bytes))) => {
                writer.write_all(&buffer[..bytes])?;
                tell(bytes);
            }
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(Err(_)) | Err(_) => return Ok(false),
        }
    }
}

/// Bytes of the whole file, as `Content-Range: bytes 5-9/10` says, or the length of this body.
fn total_bytes(headers: &HeaderMap, start: u64) -> Option<u64> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let of_range = text(header::CONTENT_RANGE);
    let of_range = of_range.and_then(|range| range.rsplit_once('/')?.1.trim().parse().ok());
    let of_body = || text(header::CONTENT_LENGTH)?.parse::<u64>().ok()?.checked_add(start);
    of_range.or_else(of_body)
}

/// What `If-Range` may be asked with: a strong ETag, or the date, or nothing.
fn validator(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let strong = text(header::ETAG).filter(|tag| !tag.starts_with("W/"));
    strong.or(text(header::LAST_MODIFIED)).unwrap_or_default().to_owned()
}

/// The first byte of `Content-Range: bytes 5-9/10`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Error, ErrorKind};

    use gleaner::chain;

    use super::*;

    /// A disk with room for a few bytes.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_named() {
        let data = &[7u8; 100_000][..];
        let copied = copy(data, &mut Disk(70_000), Duration::MAX, &mut |_| {});
        let source = copied.unwrap_err();
        let message = chain(&DownloadError::Write { path: "m/model.onnx.part".into(), source });
        assert!(
            message.contains("m/model.onnx.part") && message.contains("disk is full"),
            "{message}"
        );
        let source = Error::from(ErrorKind::PermissionDenied);
        let message = chain(&DownloadError::Write { path: "m".into(), source });
        assert!(!message.contains("disk is full"), "{message}");
    }

    /// Some bytes, then nothing, and no end.
    struct Silent(usize);

    impl Read for Silent {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                std::thread::sleep(Duration::from_secs(3600));
            }
            let bytes = self.0.min(buffer.len());
            self.0 -= bytes;
            Ok(bytes)
        }
    }

    #[test]
    fn a_server_that_says_nothing_more_is_not_waited_for() {
        let mut got = 0;
        let silence = Duration::from_millis(200);
        let is_whole =
            copy(Silent(100_000), &mut std::io::sink(), silence, &mut |bytes| got += bytes);
        assert_eq!((is_whole.unwrap(), got), (false, 100_000));
    }

    #[test]
    fn the_length_of_the_whole_is_the_range_s_or_the_body_s() {
        let of = |pairs: &[(header::HeaderName, &str)], start| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            total_bytes(&HeaderMap::from_iter(pairs), start)
        };
        let (range, length) = (header::CONTENT_RANGE, header::CONTENT_LENGTH);
        let body = (length.clone(), "5");
        assert_eq!(of(&[(range.clone(), "bytes 5-9/100"), body.clone()], 5), Some(100));
        assert_eq!(of(&[(range.clone(), "bytes 5-9/*"), body.clone()], 5), Some(10));
        assert_eq!(of(&[body], 0), Some(5));
        assert_eq!(of(&[(length, "18446744073709551615")], 5), None);
        assert_eq!(of(&[(range, "nonsense")], 5), None);
    }

    #[test]
    fn validators_are_strong_tags_or_dates() {
        let of = |pairs: &[(header::HeaderName, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            validator(&HeaderMap::from_iter(pairs))
        };
        let date = (header::LAST_MODIFIED, "Sun, 22 Nov 2026 08:00:00 GMT");
        assert_eq!(of(&[(header::ETAG, "\"a\""), date.clone()]), "\"a\"");
        assert_eq!(of(&[(header::ETAG, "W/\"a\""), date.clone()]), date.1);
        assert_eq!(of(&[(header::ETAG, "W/\"a\"")]), "");
    }

    #[test]
    fn ranges_are_read_by_their_first_byte() {
        let of = |range: &str| {
            let range = (header::CONTENT_RANGE, range.parse().unwrap());
            range_start(&HeaderMap::from_iter([range]))
        };
        assert_eq!(of("bytes 5-9/10"), Some(5));
        assert_eq!([of("bytes */10"), of("lines 5-9/10"), of("")], [None; 3]);
    }
}
