//! The file's promises: vectors survive, codes bound, damage is found, the document is true.
#![allow(clippy::unwrap_used)]

mod document;
mod lies;
mod prepare;

use proptest::prelude::*;

use super::{
    layout::header_at,
    part::Part,
    quantize::{code_of, error_of, norm_of, scale_of},
    *,
};
use crate::{FormatError, MAX_WEIGHT, map_file};

fn spec(name: &str, dims: usize, metric: Metric, storage: DenseStorage) -> DenseSpec {
    DenseSpec { name: name.to_owned(), dims, metric, storage }
}

/// A field of every storage, named after it.
fn every_storage(dims: usize) -> Vec<DenseSpec> {
    let names = ["f32", "f16", "int8", "int8-f32"];
    let named = names.into_iter().zip(DenseStorage::ALL);
    named.map(|(name, storage)| spec(name, dims, Metric::Dot, storage)).collect()
}

type Row = Vec<Option<Vec<f32>>>;

fn push(builder: &mut DenseBuilder, row: &Row) {
    let row: Vec<Option<&[f32]>> = row.iter().map(Option::as_deref).collect();
    builder.push(&row).unwrap();
}

fn written(builder: DenseBuilder) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert_eq!(builder.write(&mut bytes).unwrap(), bytes.len() as u64);
    bytes
}

fn build(specs: &[DenseSpec], rows: &[Row]) -> Vec<u8> {
    let mut builder = DenseBuilder::new(specs);
    rows.iter().for_each(|row| push(&mut builder, row));
    assert_eq!(builder.len(), rows.len());
    written(builder)
}

/// Rows of every storage: one field complete, the others with gaps of their own.
fn every_kind() -> (Vec<DenseSpec>, Vec<Row>) {
    let mut specs = every_storage(5);
    specs[1].metric = Metric::Cosine;
    let vector = |row: usize, field: usize| {
        let value = |at: usize| ((row * 7 + at * 3 + field) % 23) as f32 / 4.0 - 2.5;
        Some((0..5).map(value).collect::<Vec<f32>>())
    };
    let row = |row: usize| {
        let has = [true, row % 3 != 1, row % 7 < 4, row > 3 && row != 66];
        (0..4).map(|field| vector(row, field).filter(|_| has[field])).collect()
    };
    (specs, (0..70).map(row).collect())
}

fn vectors_of(field: DenseFieldView<'_>) -> Vec<Option<Vec<f32>>> {
    let read = |ordinal| {
        let mut vector = vec![9.0];
        field.read(ordinal, &mut vector);
        vector
    };
    (0..field.rows()).map(|row| field.ordinal(row).map(read)).collect()
}

/// Values such as there are in embeddings, and others.
fn value() -> impl Strategy<Value = f32> {
    prop_oneof![
        12 => -1f32..1.0,
        2 => -300f32..300.0,
        2 => Just(0.0),
        1 => Just(-0.0),
        1 => Just(f32::from_bits(1)),
        1 => Just(-1e-39),
        1 => Just(F16_LIMIT),
    ]
}

/// Rows of fields of every storage, present in none to eight of eight rows.
fn rows(max_rows: usize) -> impl Strategy<Value = (usize, Vec<Row>)> {
    let sizes = (1usize..10, 0..max_rows, prop::array::uniform4(0u8..=8));
    sizes.prop_flat_map(|(dims, rows, eighths)| {
        let vector = move |eighths: u8| {
            let vector = (0u8..8, prop::collection::vec(value(), dims));
            vector.prop_map(move |(draw, vector)| (draw < eighths).then_some(vector))
        };
        let row = Vec::from(eighths.map(vector));
        (Just(dims), prop::collection::vec(row, rows))
    })
}

/// What a vector is read back as.
fn stored(storage: DenseStorage, vector: &[f32]) -> Vec<f32> {
    let scale = scale_of(vector);
    let value = |&value: &f32| match storage {
        DenseStorage::F32 | DenseStorage::Int8WithF32 => value,
        DenseStorage::F16 => half::f16::from_f32(value).to_f32(),
        DenseStorage::Int8 => f32::from(code_of(value, scale)) * scale,
    };
    vector.iter().map(value).collect()
}

fn bits(vectors: &[Option<Vec<f32>>]) -> Vec<Option<Vec<u32>>> {
    let bits = |vector: &Vec<f32>| vector.iter().map(|value| value.to_bits()).collect();
    vectors.iter().map(|vector| vector.as_ref().map(bits)).collect()
}

#[test]
fn a_row_takes_the_bytes_of_its_parts() {
    let (specs, rows) = every_kind();
    let file = DenseFile::open(build(&specs, &rows)).unwrap();
    for field in file.view().fields() {
        let parts = Part::of_vectors(field.spec().storage).iter();
        let stored: usize = parts.map(|&part| field.part(part).len()).sum();
        assert_eq!(stored, field.vectors() * field.spec().row_len_bytes());
    }
    let bytes_of = |storage| spec("v", 100, Metric::Dot, storage).row_len_bytes();
    assert_eq!(DenseStorage::ALL.map(bytes_of), [400, 200, 112, 512]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_stored_is_read((dims, rows) in rows(200)) {
        let specs = every_storage(dims);
        let file = DenseFile::open(build(&specs, &rows)).unwrap();
        let view = file.view();
        prop_assert_eq!((view.rows(), view.fields().len()), (rows.len(), specs.len()));
        for (at, spec) in specs.iter().enumerate() {
            let field = view.field(&spec.name).unwrap();
            prop_assert_eq!(field.spec(), spec);
            let truth = rows.iter().map(|row| row[at].as_ref());
            let truth: Vec<Option<Vec<f32>>> =
                truth.map(|vector| vector.map(|vector| stored(spec.storage, vector))).collect();
            prop_assert_eq!(bits(&vectors_of(field)), bits(&truth));
        }
    }

    #[test]
    fn places_are_those_of_the_rows_with_a_vector((dims, rows) in rows(300)) {
        let file = DenseFile::open(build(&every_storage(dims), &rows)).unwrap();
        for (at, field) in file.view().fields().enumerate() {
            let mut vectors = 0;
            for (row, vectors_of_row) in rows.iter().enumerate() {
                let has = vectors_of_row[at].is_some();
                if row % 64 == 0 {
                    prop_assert_eq!(field.first_ordinal(row / 64), vectors);
                }
                prop_assert_eq!(field.ordinal(row), has.then_some(vectors));
                prop_assert_eq!(field.has(row), has);
                prop_assert_eq!(field.present_word(row / 64) >> (row % 64) & 1 == 1, has);
                vectors += usize::from(has);
            }
            prop_assert_eq!(field.vectors(), vectors);
            let groups = rows.len().div_ceil(64);
            let bits = (0..groups).map(|group| field.present_word(group).count_ones() as usize);
            prop_assert_eq!(bits.sum::<usize>(), vectors);
            prop_assert_eq!(field.first_ordinal(groups), vectors);
            prop_assert_eq!((field.ordinal(rows.len()), field.has(rows.len())), (None, false));
        }
    }

    #[test]
    fn copied_rows_give_the_same_bytes((dims, rows) in rows(150)) {
        let specs = every_storage(dims);
        let bytes = build(&specs, &rows);
        let file = DenseFile::open(&bytes).unwrap();
        let mut copy = DenseBuilder::new(&specs);
        (0..rows.len()).for_each(|row| copy.push_row(file.view(), row).unwrap());
        prop_assert_eq!(bytes, written(copy));
    }

    /// Rows of two files, some left out and some pushed between, are as if all had been pushed.
    #[test]
    fn merged_rows_are_as_if_pushed(
        (dims, rows) in rows(150), choice in prop::collection::vec(0u8..3, 150)
    ) {
        let specs = every_storage(dims);
        let file = DenseFile::open(build(&specs, &rows)).unwrap();
        let (mut merged, mut pushed) = (DenseBuilder::new(&specs), DenseBuilder::new(&specs));
        for (at, row) in rows.iter().enumerate().filter(|(at, _)| choice[*at] > 0) {
            match choice[at] {
                1 => merged.push_row(file.view(), at).unwrap(),
                _ => push(&mut merged, row),
            }
            push(&mut pushed, row);
        }
        prop_assert_eq!(written(merged), written(pushed));
    }

    #[test]
    fn codes_scales_norms_and_errors_bound(
        vector in prop::collection::vec(value(), 1..300), huge in any::<bool>()
    ) {
        let factor = if huge { MAX_WEIGHT / F16_LIMIT } else { 1.0 };
        let vector: Vec<f32> = vector.iter().map(|value| value * factor).collect();
        let scale = scale_of(&vector);
        let max = vector.iter().fold(0f32, |max, value| max.max(value.abs()));
        prop_assert!(f64::from(scale) * 127.0 >= f64::from(max));
        prop_assert!(f64::from(scale.next_down()) * 127.0 < f64::from(max) || max == 0.0);
        let codes: Vec<i8> = vector.iter().map(|&value| code_of(value, scale)).collect();
        let value_of = |code: i8| f64::from(scale) * f64::from(code);
        for (&value, &code) in vector.iter().zip(&codes) {
            prop_assert!(code > i8::MIN);
            let error = (f64::from(value) - value_of(code)).abs();
            prop_assert!(error <= f64::from(scale) * 0.500_000_1, "{value} {code} {scale}");
        }
        let root = |squares: f64| squares.sqrt();
        let norm = root(codes.iter().map(|&code| value_of(code).powi(2)).sum());
        let stated = f64::from(norm_of(&codes, scale));
        prop_assert!(stated >= norm && stated <= norm * 1.000_001 + 1e-44, "{stated} {norm}");
        let errors = vector.iter().zip(&codes);
        let error = root(errors.map(|(&v, &code)| (f64::from(v) - value_of(code)).powi(2)).sum());
        let stated = f64::from(error_of(&vector, &codes, scale));
        prop_assert!(stated >= error && stated <= error * 1.000_001 + 1e-44, "{stated} {error}");
    }
}

#[test]
fn files_without_fields_rows_or_vectors_open() {
    for specs in [vec![], every_storage(3)] {
        for rows in [0, 1, 64, 65] {
            let row: Row = vec![None; specs.len()];
            let bytes = build(&specs, &vec![row; rows]);
            let file = DenseFile::open(&bytes).unwrap();
            assert_eq!(file.view().rows(), rows);
            assert_eq!(file.view().fields().len(), specs.len());
            assert!(file.view().fields().all(|field| field.vectors() == 0 && !field.has(0)));
            assert!(specs.is_empty() == (bytes.len() == 64));
        }
    }
}

#[test]
fn a_zero_vector_has_scale_and_codes_zero() {
    let rows = [vec![Some(vec![0.0, -0.0]); 4]];
    let file = DenseFile::open(build(&every_storage(2), &rows)).unwrap();
    for name in ["int8", "int8-f32"] {
        let field = file.view().field(name).unwrap();
        let VectorData::Int8 { codes, scales, norms, errors, .. } = field.data() else {
            panic!("{:?}", field.data());
        };
        assert_eq!(codes.of(0..1), [0; 2]);
        assert_eq!([scales, norms, errors].map(|numbers| numbers.get(0).to_bits()), [0; 3]);
    }
}

#[test]
fn codes_of_vectors_lie_together_at_a_multiple_of_64() {
    let (specs, rows) = every_kind();
    let bytes = build(&specs, &rows);
    let file = DenseFile::open(&bytes).unwrap();
    for field in file.view().fields() {
        for part in Part::of_field(field.spec().storage) {
            let slice = field.part(part);
            let offset = slice.as_ptr().addr() - bytes.as_ptr().addr();
            assert_eq!(offset % 64, 0, "{}", part.name());
            let len = field.vectors() * part.stride_bytes(field.spec().dims);
            assert!(part == Part::Present || slice.len() == len, "{}", part.name());
        }
    }
    let field = file.view().field("int8-f32").unwrap();
    let VectorData::Int8 { codes, floats: Some(floats), .. } = field.data() else {
        panic!("{:?}", field.data());
    };
    assert_eq!(floats.len_bytes(), codes.len_bytes() * 4);
}

#[test]
fn every_flipped_byte_is_an_error() {
    let (specs, rows) = every_kind();
    for bytes in [build(&specs, &rows), build(&[], &[vec![], vec![]])] {
        for at in 0..bytes.len() {
            for bit in [at % 8, (at + 3) % 8] {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(DenseFile::open(damaged).is_err(), "byte {at} of {}", bytes.len());
            }
        }
    }
}

#[test]
fn truncated_extended_and_foreign_files_are_errors() {
    let (specs, rows) = every_kind();
    for bytes in [build(&specs, &rows), build(&[], &[])] {
        for cut in 0..bytes.len() {
            assert!(DenseFile::open(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let mut longer = bytes;
        longer.extend([0; 64]);
        assert!(matches!(DenseFile::open(longer), Err(FormatError::Corrupt { .. })));
    }
    assert!(matches!(DenseFile::open(b"PK\x03\x04 zip"), Err(FormatError::Foreign { .. })));
}

/// Version 1 was 24 bytes long.
#[test]
fn other_versions_are_refused_by_number() {
    for other in [0, 1, 3, 9] {
        let mut bytes = build(&[], &[]);
        bytes[header_at::VERSION] = other;
        for len in [24, bytes.len()] {
            match DenseFile::open(&bytes[..len]) {
                Err(FormatError::Version { found, supported: 2 }) => {
                    assert_eq!(found, u32::from(other));
                }
                found => panic!("version {other}: {:?}", found.map(|_| ())),
            }
        }
    }
}

#[test]
fn rows_of_other_fields_are_not_copied() {
    let specs = every_storage(2);
    let file = DenseFile::open(build(&specs, &[vec![None; 4]])).unwrap();
    let mut others = vec![vec![], specs[..3].to_vec(), specs.clone(), specs.clone(), specs.clone()];
    others[2].reverse();
    others[3][1].dims = 3;
    others[4][2].metric = Metric::Cosine;
    for other in others {
        let mut builder = DenseBuilder::new(&other);
        let refused = builder.push_row(file.view(), 0);
        assert!(
            matches!(refused, Err(FormatError::Corrupt { section: "fields", .. })),
            "{refused:?}"
        );
        assert!(builder.is_empty());
    }
}

#[test]
fn vectors_that_were_not_prepared_are_refused_and_nothing_is_kept() {
    let specs = every_storage(2);
    let mut builder = DenseBuilder::new(&specs);
    let good = [1.0, 2.0];
    for bad in [&[1.0][..], &[1.0, f32::NAN], &[f32::INFINITY, 0.0], &[0.0, 2e12]] {
        for field in 0..4 {
            let mut row = [Some(&good[..]); 4];
            row[field] = Some(bad);
            assert!(matches!(builder.push(&row), Err(FormatError::Dense(_))), "{bad:?}");
        }
    }
    assert!(builder.is_empty());
    assert_eq!(written(builder), build(&specs, &[]));
}

/// The committed file is rebuilt byte for byte and read back: version 2 stays readable.
#[test]
fn the_golden_file_is_rebuilt_and_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/golden/v2.vec");
    let (specs, rows) = every_kind();
    let built = build(&specs, &rows);
    if std::env::var_os("GLEANER_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &built).unwrap();
    }
    let bytes = map_file(path.as_ref()).unwrap();
    assert!(bytes[..] == built, "data/golden/v2.vec differs from what version 2 writes");
    let file = DenseFile::open(bytes).unwrap();
    assert_eq!(
        file.view().fields().map(|field| field.vectors()).collect::<Vec<_>>(),
        [70, 47, 40, 65]
    );
    assert_eq!(
        vectors_of(file.view().field("f32").unwrap())[3],
        Some(vec![2.75, -2.25, -1.5, -0.75, 0.0])
    );
}
