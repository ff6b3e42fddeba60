//! What a body is by its headers, and its bytes with their coding undone.
//!
//! A body is JSON in UTF-8, as it stands or compressed by gzip or zstd. The limit is on what comes
//! out: a few bytes can stand for very many, so decoding stops at the limit.

use std::io::Read;

use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use crate::error::{Code, Problem, innermost, quoted};

/// Memory that a zstd frame may ask for: what RFC 9659 has every receiver offer.
const ZSTD_WINDOW_BYTES: u64 = 8 << 20;

/// How the bytes of a body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// As they are.
    Identity,
    Gzip,
    Zstd,
}

/// The names of charsets whose bytes are UTF-8.
const UTF_8: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];

fn unsupported(detail: String, hint: &str) -> Problem {
    Problem::new(Code::UnsupportedMediaType, detail).hint(hint)
}

/// Checks that the body is said to be JSON in UTF-8, and finds its coding.
///
/// Errors: `unsupported_media_type`, which names the header.
pub(super) fn check(headers: &HeaderMap) -> Result<Coding, Problem> {
    check_type(headers)?;
    let mut coding = Coding::Identity;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        for name in String::from_utf8_lossy(value.as_bytes()).split(',').map(str::trim) {
            let named = Coding::read(name)?;
            match (coding, named) {
                (_, Coding::Identity) => {}
                (Coding::Identity, named) => coding = named,
                (Coding::Gzip | Coding::Zstd, _) => {
                    let detail = "the body has several content encodings".to_owned();
                    return Err(unsupported(detail, "encode the body once: `gzip` or `zstd`"));
                }
            }
        }
    }
    Ok(coding)
}

/// Checks that a body without a coding is not encoded all the same.
///
/// Errors: `unsupported_media_type`, which names the coding.
pub(super) fn check_bytes(body: &[u8]) -> Result<(), Problem> {
    let coding = match body {
        [0x1f, 0x8b, ..] => "gzip",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        _ => return Ok(()),
    };
    let detail = format!("the body is encoded by {coding}, and no header says so");
    Err(unsupported(detail, &format!("send `Content-Encoding: {coding}`")))
}

/// Checks `Content-Type`: its type is JSON, and its charset, if it has one, is UTF-8.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let hint = "send `Content-Type: application/json`";
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Err(unsupported("the body has no Content-Type".to_owned(), hint));
    };
    let value = String::from_utf8_lossy(value.as_bytes());
    let mut parts = value.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let subtype = kind.strip_prefix("application/").unwrap_or_default();
    if subtype != "json" && !subtype.ends_with("+json") {
        return Err(unsupported(format!("the Content-Type is {}", quoted(&value)), hint));
    }
    for part in parts {
        let Some((name, charset)) = part.split_once('=') else { continue };
        let charset = charset.trim().trim_matches('"').to_ascii_lowercase();
        if name.trim().eq_ignore_ascii_case("charset") && !UTF_8.contains(&charset.as_str()) {
            let detail = format!("the charset of the body is {}", quoted(&charset));
            return Err(unsupported(detail, "JSON is sent in UTF-8"));
        }
    }
    Ok(())
}

impl Coding {
    /// Reads its name. Errors: `unsupported_media_type`.
    fn read(name: &str) -> Result<Self, Problem> {
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(unsupported(
                format!("the Content-Encoding is {}", quoted(name)),
                "send the body as it is, or encode it by `gzip` or `zstd`",
            )),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The bytes behind the coding, of at most `limit` bytes.
    ///
    /// Errors: `malformed_body`, `body_too_large`. Memory: the limit, and a window of a frame.
    pub(super) fn decode(self, bytes: &[u8], limit: usize) -> Result<Vec<u8>, Problem> {
        let decoded = match self {
            Self::Identity => Ok(bytes.to_vec()),
            Self::Gzip => read(MultiGzDecoder::new(bytes), Vec::new(), limit),
            Self::Zstd => unzstd(bytes, limit),
        };
        let decoded = decoded.map_err(|reason| {
            let detail = format!("the body is not {}: {reason}", self.name());
            Problem::new(Code::MalformedBody, detail)
        })?;
        match decoded.len() > limit {
            true => Err(too_large(limit)),
            false => Ok(decoded),
        }
    }
}

/// A body beyond the limit.
pub(super) fn too_large(limit: usize) -> Problem {
    let detail = format!("the body is larger than the limit, {limit} bytes");
    let hint = "the limit counts bytes as they are before compression";
    Problem::new(Code::BodyTooLarge, detail).hint(hint)
}

/// Reads behind what there is, to one byte beyond the limit at most.
fn read(reader: impl Read, mut decoded: Vec<u8>, limit: usize) -> Result<Vec<u8>, String> {
    let room = (limit + 1).saturating_sub(decoded.len()) as u64;
    reader.take(room).read_to_end(&mut decoded).map_err(|error| error.to_string())?;
    Ok(decoded)
}

/// All frames, one after the other.
fn unzstd(mut bytes: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    let mut decoded = Vec::new();
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    while !bytes.is_empty() && decoded.len() <= limit {
        let mut frame = StreamingDecoder::new_with_max_window_size(&mut bytes, ZSTD_WINDOW_BYTES)
            .map_err(|error| innermost(&error))?;
        decoded = read(&mut frame, decoded, limit)?;
        let frame = frame.into_frame_decoder();
        let (stated, found) = (frame.get_checksum_from_data(), frame.get_calculated_checksum());
        if decoded.len() <= limit && stated.is_some() && stated != found {
            return Err("its checksum is wrong".to_owned());
        }
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn code(result: Result<Vec<u8>, Problem>) -> Code {
        result.unwrap_err().code()
    }

    #[test]
    fn what_was_encoded_comes_back_to_the_byte_of_the_limit() {
        let bytes = b"red apples and green ones ".repeat(40);
        for (coding, coded) in [(Coding::Gzip, gzip(&bytes)), (Coding::Zstd, zstd(&bytes))] {
            assert_eq!(coding.decode(&coded, bytes.len()).unwrap(), bytes);
            assert_eq!(code(coding.decode(&coded, bytes.len() - 1)), Code::BodyTooLarge);
            let twice = coded.repeat(2);
            assert_eq!(coding.decode(&twice, 2 * bytes.len()).unwrap(), bytes.repeat(2));
            assert_eq!(code(coding.decode(&twice, 2 * bytes.len() - 1)), Code::BodyTooLarge);
        }
    }

    #[test]
    fn a_body_that_is_cut_or_flipped_is_malformed() {
        let bytes: Vec<u8> =
            (0..2000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for (coding, coded) in [(Coding::Gzip, gzip(&bytes)), (Coding::Zstd, zstd(&bytes))] {
            for end in [0, 1, 3, 10, coded.len() / 2, coded.len() - 1] {
                assert_eq!(
                    code(coding.decode(&coded[..end], 10_000)),
                    Code::MalformedBody,
                    "{end}"
                );
            }
            let mut flipped = coded.clone();
            flipped[coded.len() / 2] ^= 1;
            assert_eq!(code(coding.decode(&flipped, 10_000)), Code::MalformedBody);
            assert_eq!(
                code(coding.decode(&[&coded[..], b"more"].concat(), 10_000)),
                Code::MalformedBody
            );
        }
    }

    /// A frame that asks for a window of 2 GiB gets none.
    #[test]
    fn a_frame_that_wants_much_memory_is_refused() {
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
        assert_eq!(code(Coding::Zstd.decode(&frame, 1000)), Code::MalformedBody);
    }

    #[test]
    fn headers_say_what_a_body_is() {
        let of = |pairs: &[(header::HeaderName, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name, value);
            }
            check(&headers).map_err(|problem| problem.code())
        };
        let kind = |kind| (header::CONTENT_TYPE, kind);
        let coding = |coding| (header::CONTENT_ENCODING, coding);
        for right in [
            "application/json",
            "APPLICATION/JSON; charset=UTF-8",
            "application/ld+json;charset=\"utf-8\"",
            "application/json; q=1; charset=us-ascii",
        ] {
            assert_eq!(of(&[kind(right)]), Ok(Coding::Identity), "{right}");
        }
        for wrong in [
            "application/json; charset=utf-16",
            "application/json;charset=latin1",
            "application/json; charset=\"\"",
            "application/jsonx",
            "text/json",
            "",
        ] {
            assert_eq!(of(&[kind(wrong)]), Err(Code::UnsupportedMediaType), "{wrong}");
        }
        let json = kind("application/json");
        for (name, expected) in [
            ("gzip", Ok(Coding::Gzip)),
            ("X-GZIP", Ok(Coding::Gzip)),
            ("zstd", Ok(Coding::Zstd)),
            ("identity, zstd", Ok(Coding::Zstd)),
            ("br", Err(Code::UnsupportedMediaType)),
            ("deflate", Err(Code::UnsupportedMediaType)),
            ("gzip, zstd", Err(Code::UnsupportedMediaType)),
            ("gzip, gzip", Err(Code::UnsupportedMediaType)),
        ] {
            assert_eq!(of(&[json.clone(), coding(name)]), expected, "{name}");
        }
        let twice = [json, coding("gzip"), coding("gzip")];
        assert_eq!(of(&twice), Err(Code::UnsupportedMediaType));
    }
}
