//! What fields there can be, and what becomes of a vector before it is stored.

use super::*;
use crate::DenseError;

#[test]
fn names_are_read_as_they_are_written() {
    for metric in Metric::ALL {
        assert_eq!(metric.to_string().parse(), Ok(metric));
        assert_eq!(serde_json::to_string(&metric).unwrap(), format!("\"{metric}\""));
    }
    for storage in DenseStorage::ALL {
        assert_eq!(storage.to_string().parse(), Ok(storage));
        assert_eq!(serde_json::to_string(&storage).unwrap(), format!("\"{storage}\""));
    }
    let found = "l2".to_owned();
    assert_eq!("l2".parse::<Metric>(), Err(DenseError::Metric { found: found.clone() }));
    assert_eq!("l2".parse::<DenseStorage>(), Err(DenseError::Storage { found }));
    let spec = spec("passage", 384, Metric::Cosine, DenseStorage::Int8WithF32);
    let json = r#"{"name":"passage","dims":384,"metric":"cosine","storage":"int8+f32"}"#;
    assert_eq!(serde_json::to_string(&spec).unwrap(), json);
    assert_eq!(serde_json::from_str::<DenseSpec>(json).unwrap(), spec);
}

#[test]
fn fields_that_cannot_be_are_refused() {
    let named = |name: &str| spec(name, 1, Metric::Dot, DenseStorage::F32);
    for name in ["a", "A-b_9", &"x".repeat(64)] {
        assert_eq!(named(name).check(), Ok(()));
    }
    for name in ["", "a b", "ä", "a.b", "a\0", &"x".repeat(65)] {
        assert_eq!(named(name).check(), Err(DenseError::Name { found: name.to_owned() }));
    }
    let sized = |dims| spec("a", dims, Metric::Dot, DenseStorage::F32).check();
    assert_eq!((sized(1), sized(DENSE_DIMS_LIMIT)), (Ok(()), Ok(())));
    for found in [0, DENSE_DIMS_LIMIT + 1] {
        let (field, limit) = ("a".to_owned(), DENSE_DIMS_LIMIT);
        assert_eq!(sized(found), Err(DenseError::DimsLimit { field, found, limit }));
    }
    let twice = DenseSpec::check_all(&[named("a"), named("b"), named("a")]);
    assert_eq!(twice, Err(DenseError::Twice { field: "a".to_owned() }));
}

#[test]
fn vectors_that_a_field_cannot_hold_are_refused() {
    let field = || "a".to_owned();
    for (metric, storage) in
        Metric::ALL.into_iter().flat_map(|m| DenseStorage::ALL.into_iter().map(move |s| (m, s)))
    {
        let spec = spec("a", 2, metric, storage);
        for prepare in [DenseSpec::prepare, DenseSpec::prepare_query] {
            let dims = DenseError::Dims { field: field(), expected: 2, found: 3 };
            assert_eq!(prepare(&spec, &[1.0; 3]), Err(dims));
            let infinite =
                DenseError::NotFinite { field: field(), dimension: 1, value: f32::INFINITY };
            assert_eq!(prepare(&spec, &[1.0, f32::INFINITY]), Err(infinite));
            let nan = prepare(&spec, &[f32::NAN, 1.0]);
            assert!(matches!(nan, Err(DenseError::NotFinite { dimension: 0, .. })));
            let zeros = prepare(&spec, &[0.0, -0.0]);
            match metric {
                Metric::Dot => assert_eq!(zeros, Ok(vec![0.0, 0.0])),
                Metric::Cosine => {
                    assert_eq!(zeros, Err(DenseError::NoDirection { field: field() }))
                }
            }
            // Whatever is finite has a direction.
            let huge = prepare(&spec, &[f32::MAX, 0.0]);
            let (dimension, value, limit) = (0, f32::MAX, huge_limit(&huge));
            match metric {
                Metric::Cosine => assert_eq!(huge, Ok(vec![1.0, 0.0])),
                Metric::Dot => {
                    let refused = DenseError::TooLarge { field: field(), dimension, value, limit };
                    assert_eq!(huge, Err(refused));
                }
            }
        }
    }
    let halves = spec("a", 1, Metric::Dot, DenseStorage::F16);
    assert_eq!(halves.prepare(&[-F16_LIMIT]), Ok(vec![-F16_LIMIT]));
    let beyond = F16_LIMIT.next_up();
    assert!(matches!(
        halves.prepare(&[beyond]),
        Err(DenseError::TooLarge { limit: F16_LIMIT, .. })
    ));
    assert_eq!(halves.prepare_query(&[beyond]), Ok(vec![beyond]));
    let floats = spec("a", 1, Metric::Dot, DenseStorage::F32);
    assert_eq!(floats.prepare(&[-MAX_WEIGHT]), Ok(vec![-MAX_WEIGHT]));
    assert!(floats.prepare(&[MAX_WEIGHT.next_up()]).is_err());
}

fn huge_limit(refused: &Result<Vec<f32>, DenseError>) -> f32 {
    match refused {
        Err(DenseError::TooLarge { limit, .. }) => *limit,
        _ => MAX_WEIGHT,
    }
}

proptest! {
    #[test]
    fn cosine_vectors_have_length_one(
        vector in prop::collection::vec(value(), 1..100), exponent in -100i32..100
    ) {
        let vector: Vec<f32> = vector.iter().map(|value| value * 2f32.powi(exponent)).collect();
        let spec = spec("a", vector.len(), Metric::Cosine, DenseStorage::F16);
        match spec.prepare(&vector) {
            Err(error) => {
                prop_assert!(vector.iter().all(|&value| value == 0.0));
                prop_assert_eq!(error, DenseError::NoDirection { field: "a".to_owned() });
            }
            Ok(prepared) => {
                let squares = prepared.iter().map(|&value| f64::from(value) * f64::from(value));
                prop_assert!((squares.sum::<f64>().sqrt() - 1.0).abs() < 1e-6);
                prop_assert_eq!(spec.prepare_query(&vector), Ok(prepared.clone()));
                let same_sign = |(a, b): (&f32, &f32)| a.is_sign_positive() == b.is_sign_positive();
                prop_assert!(vector.iter().zip(&prepared).all(same_sign));
            }
        }
    }
}
