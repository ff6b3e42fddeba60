//! What is written is read, and what contradicts itself is refused.
#![allow(clippy::unwrap_used)]
use super::{
    protobuf::{put_bytes, put_number, write_message},
    *,
};
use crate::SparseVector;

type Lists = Vec<(String, Vec<(u32, i32)>)>;

fn read(bytes: &[u8]) -> Result<(Lists, Vec<CiffDocument>), CiffError> {
    let mut reader = CiffReader::open(bytes)?;
    let (mut lists, mut documents, mut postings) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(term) = reader.next_list(&mut postings)? {
        lists.push((term, postings.clone()));
    }
    while let Some(document) = reader.next_document()? {
        documents.push(document);
    }
    assert_eq!(reader.consumed_bytes(), bytes.len() as u64);
    Ok((lists, documents))
}

fn sample() -> Vec<u8> {
    let mut builder = CiffBuilder::new();
    for (id, pairs) in [("a", vec![(7, 1.5), (9, 0.001)]), ("b", vec![]), ("c", vec![(7, 2.0)])] {
        builder.push(id.to_owned(), &SparseVector::from_pairs(pairs).unwrap()).unwrap();
    }
    let mut bytes = Vec::new();
    builder.write(|term| term.to_string(), "test", &mut bytes).unwrap();
    bytes
}

#[test]
fn reading_inverts_writing_up_to_rounding() {
    let (lists, documents) = read(&sample()).unwrap();
    assert_eq!(lists, [("7".to_owned(), vec![(0, 150), (2, 200)])]);
    let ids: Vec<&str> = documents.iter().map(|document| &document.id[..]).collect();
    assert_eq!((ids, documents[2].number), (vec!["a", "b", "c"], 2));
}

#[test]
fn the_bytes_are_protobuf_as_specified() {
    let mut builder = CiffBuilder::new();
    builder.push("d".to_owned(), &SparseVector::from_pairs([(5, 3.0)]).unwrap()).unwrap();
    let mut bytes = Vec::new();
    builder.write(|_| "t".to_owned(), "", &mut bytes).unwrap();
    // Posting: docid 0 is absent, tf 300 is two bytes; the list says df 1 and cf 300.
    let list = [0x0a, 1, b't', 0x10, 1, 0x18, 0xac, 2, 0x22, 3, 0x10, 0xac, 2];
    let at = bytes.windows(list.len()).position(|window| window == list).unwrap();
    assert_eq!(bytes[at - 1] as usize, list.len());
    assert_eq!(&bytes[at + list.len()..], [6, 0x12, 1, b'd', 0x18, 0xac, 2]);
}

#[test]
fn truncated_and_extended_files_are_refused() {
    let bytes = sample();
    for cut in 0..bytes.len() {
        assert!(matches!(read(&bytes[..cut]), Err(CiffError::Truncated { .. })), "{cut}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(read(&longer), Err(CiffError::Longer { documents: 3 })));
}

#[test]
fn damaged_bytes_are_an_error_or_another_file_but_never_a_panic() {
    let bytes = sample();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let _ = read(&damaged);
        }
    }
}

/// A file of one list with the postings given, over `documents` documents.
fn one_list(announced: u64, postings: &[(i64, i64)], documents: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut header = Vec::new();
    for (field, number) in [(1, 1), (2, 1), (3, documents)] {
        put_number(&mut header, field, number);
    }
    write_message(&mut out, &header).unwrap();
    let mut list = Vec::new();
    put_bytes(&mut list, 1, b"t");
    put_number(&mut list, 2, announced);
    for &(gap, weight) in postings {
        let mut posting = Vec::new();
        put_number(&mut posting, 1, gap as u64);
        put_number(&mut posting, 2, weight as u64);
        put_bytes(&mut list, 4, &posting);
    }
    write_message(&mut out, &list).unwrap();
    for number in 0..documents {
        let mut document = Vec::new();
        put_number(&mut document, 1, number);
        put_bytes(&mut document, 2, format!("d{number}").as_bytes());
        write_message(&mut out, &document).unwrap();
    }
    out
}

#[test]
fn lists_that_contradict_themselves_are_refused_by_name() {
    let says = |file: Vec<u8>, reason: &str| {
        let found = read(&file).unwrap_err().to_string();
        assert!(found.contains(reason), "{found:?} should say {reason:?}");
    };
    let (lists, _) = read(&one_list(2, &[(1, 5), (2, -3)], 4)).unwrap();
    assert_eq!(lists[0].1, [(1, 5), (3, -3)]);
    says(one_list(3, &[(1, 5), (2, 3)], 4), "2 postings, said 3");
    says(one_list(2, &[(1, 5), (0, 3)], 4), "document 1 twice");
    says(one_list(2, &[(3, 5), (-1, 3)], 4), "the gap -1");
    says(one_list(1, &[(4, 5)], 4), "document 4 of 4");
    says(vec![2, 0x08, 9], "version 9");
    says(vec![0xff, 0xff, 0xff, 0xff, 0xff], "32-bit");
    says(vec![1, 0x08], "it ends inside a field");
    says(vec![2, 0x0b, 0], "unknown kind 3");
}
