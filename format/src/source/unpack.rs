//! Packed bytes to plain ones; how they are packed is known by their first bytes.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::{READ_BUFFER_BYTES, zstd::ZstdReader};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Enough to know a format by.
const HEAD_LEN_BYTES: u64 = 1 << 10;

/// A reader of what is packed, or of the bytes themselves if they are plain.
pub(super) fn unpack(
    mut packed: impl BufRead + Send + 'static,
) -> io::Result<Box<dyn BufRead + Send>> {
    let mut first = Vec::new();
    // A pipe may give one byte at a time, so `fill_buf` alone may see too little.
    (&mut packed).take(HEAD_LEN_BYTES).read_to_end(&mut first)?;
    let (is_gzip, is_zstd) = (first.starts_with(GZIP), first.starts_with(ZSTD));
    let whole = Cursor::new(first).chain(packed);
    let buffered = |reader: Box<dyn Read + Send>| {
        Box::new(BufReader::with_capacity(READ_BUFFER_BYTES, reader))
    };
    Ok(match (is_gzip, is_zstd) {
        (true, _) => buffered(Box::new(PlainErrors(MultiGzDecoder::new(whole)))),
        (_, true) => buffered(Box::new(ZstdReader::new(whole))),
        _ => Box::new(whole),
    })
}

/// A reader of gzip whose errors are in plain words.
struct PlainErrors<R>(R);

impl<R: Read> Read for PlainErrors<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.raw_os_error() {
            Some(_) => error,
            None => {
                let reason = match error.kind() {
                    io::ErrorKind::UnexpectedEof => "the gzip file is cut off",
                    _ => "the bytes behind its beginning are no gzip; is it cut off or damaged?",
                };
                io::Error::new(error.kind(), reason)
            }
        })
    }
}

/// Whether a file with these first bytes is packed.
pub(super) fn is_packed(first: &[u8]) -> bool {
    first.starts_with(GZIP) || first.starts_with(ZSTD)
}
