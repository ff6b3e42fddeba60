//! What a path stands for, and how it is unpacked.

#![allow(clippy::unwrap_used)]
use std::io::Write;

use super::*;

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    Source::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A zip with one stored file for each name.
fn zip_of(path: &Path, files: &[(&str, &[u8])]) {
    let mut zip = ::zip::ZipWriter::new(File::create(path).unwrap());
    let options = ::zip::write::SimpleFileOptions::default()
        .compression_method(::zip::CompressionMethod::Stored);
    for (name, text) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(text).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn plain_and_packed_files_read_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let text = "one\ntwo\n".repeat(50_000);
    let (first, second) = text.as_bytes().split_at(100_001);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    for packed in [
        text.clone().into_bytes(),
        gzip(text.as_bytes()),
        [gzip(first), gzip(second)].concat(),
        zstd(text.as_bytes()),
        [zstd(first), skippable, zstd(second)].concat(),
    ] {
        std::fs::write(&path, packed).unwrap();
        assert!(text_of(&path).unwrap() == text);
        let mut seekable = String::new();
        open_seekable(&path).unwrap().read_to_string(&mut seekable).unwrap();
        assert!(seekable == text);
        assert_eq!(head(&path, 5).unwrap(), b"one\nt");
    }
}

#[test]
fn cut_and_changed_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let text: String = (0..20_000).map(|number| format!("{} ", number * number)).collect();
    for packed in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        assert!(text_of(&path).is_err());
    }
    zip_of(&path, &[("a", b"some text")]);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|four| four == b"some").unwrap();
    bytes[at] = b'S';
    std::fs::write(&path, bytes).unwrap();
    assert!(text_of(&path.join("a")).unwrap_err().to_string().contains("checksum"));
}

#[test]
fn a_path_leads_into_a_zip() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.zip");
    let packed = gzip(b"packed");
    zip_of(
        &path,
        &[
            ("set/corpus.jsonl", b"corpus"),
            ("set/qrels/test.tsv", b"test"),
            ("set/qrels/dev.tsv", b"dev"),
            ("set/queries.jsonl.gz", &packed),
        ],
    );
    assert!(is_zip(&path) && is_source(&path.join("corpus.jsonl")));
    assert!(!is_source(&path.join("none")));
    for (member, text) in [
        ("set/corpus.jsonl", "corpus"),
        ("corpus.jsonl", "corpus"),
        ("qrels/test.tsv", "test"),
        ("queries.jsonl.gz", "packed"),
    ] {
        assert_eq!(text_of(&path.join(member)).unwrap(), text);
    }
    let found = find_source(&path, "queries.jsonl").unwrap();
    assert_eq!(found, path.join("queries.jsonl.gz"));
    assert_eq!(source_names(&path.join("qrels")).unwrap(), ["dev.tsv", "test.tsv"]);
    assert!(text_of(&path.join("none")).is_err());
    assert!(text_of(&path).unwrap_err().to_string().contains("name a file in it"));
}

#[test]
fn known_formats_are_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let mut tar = vec![b'a'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    for (bytes, says) in [
        (b"PAR1\x15\x04".to_vec(), "a Parquet file, which is not read; convert it to JSONL"),
        (b"BZh91AY".to_vec(), "packed by bzip2"),
        (b"%PDF-1.7".to_vec(), "a PDF"),
        (gzip(&tar), "a tar archive"),
        (tar, "a tar archive"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = text_of(&path).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn lines_have_a_limit() {
    let read = |text: &str, buffer: usize| {
        let mut reader = BufReader::with_capacity(buffer, text.as_bytes());
        let (mut line, mut seen, mut found) = (Vec::new(), 0, Vec::new());
        loop {
            match read_line(&mut reader, 4, &mut line, |bytes| seen += bytes.len()).unwrap() {
                LineRead::End => return (found, seen),
                LineRead::Whole => found.push(String::from_utf8(line.clone()).unwrap()),
                LineRead::TooLong => found.push("too long".to_owned()),
            }
        }
    };
    let text = "four\nfive5\n\nmuch too long\nx";
    let expected = ["four\n", "too long", "\n", "too long", "x"].map(str::to_owned).to_vec();
    for buffer in [1, 3, 100] {
        assert_eq!(read(text, buffer), (expected.clone(), text.len()));
    }
    assert_eq!(read("", 1), (Vec::new(), 0));
}
