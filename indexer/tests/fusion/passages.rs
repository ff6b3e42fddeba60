//! In an index of passages a document's score in the sparse and dense legs is that of its best row,
//! found or completed.

use std::collections::BTreeMap;

use gleaner_catalog::IndexSettings;
use gleaner_catalog::{DenseField, LongTexts};
use gleaner_format::{DenseSpec, Metric, SparseVector};
use gleaner_indexer::{Document, EncodedRow, IndexStore};
use gleaner_searcher::{Index, Rank, SearchRequest};
use proptest::prelude::*;

use crate::{
    ask, asked, docs,
    oracle::{AllForms, Doc},
    spec,
};

/// Documents of one to three rows, each row a document of the generator.
fn store_of(path: &std::path::Path, spec: &DenseSpec, texts: &[Vec<Doc>], commits: usize) {
    let settings = IndexSettings {
        dense: Some(vec![DenseField { spec: spec.clone(), model: None }]),
        long: Some(LongTexts::Passages { length: 8, overlap: 1 }),
        ..IndexSettings::default()
    };
    let mut store = IndexStore::open_or_create_with(path, None, &settings).unwrap();
    for (at, rows) in texts.iter().enumerate() {
        let line = format!(r#"{{"_id": "t{at}", "text": "{}"}}"#, rows[0].words.join(" "));
        let document = Document::parse(line.as_bytes()).unwrap();
        let encoded = |(row, doc): (usize, &Doc)| EncodedRow {
            vector: doc.sparse.clone(),
            dense: vec![doc.dense.clone()],
            bytes: Some(row..row + 1),
        };
        let rows: Vec<EncodedRow> = rows.iter().enumerate().map(encoded).collect();
        // An earlier version that is replaced.
        if at % 3 == 0 {
            store.upsert_rows(&document, &rows[..1]).unwrap();
        }
        store.upsert_rows(&document, &rows).unwrap();
        if at % commits == 0 {
            store.commit(Vec::new()).unwrap();
        }
    }
    store.commit(Vec::new()).unwrap();
}

/// The best score of a document's rows in the sparse and in the dense leg.
fn best(rows: &[Doc], asked: &AllForms) -> (f32, Option<f32>) {
    let dot = |doc: &SparseVector| {
        let weights: BTreeMap<u32, f32> = doc.iter().collect();
        let products = asked
            .sparse
            .iter()
            .filter_map(|(term, weight)| Some(f64::from(weight) * f64::from(*weights.get(&term)?)));
        products.fold(0f64, |sum, product| sum + product) as f32
    };
    let sparse = rows.iter().map(|row| dot(&row.sparse)).fold(0.0, f32::max);
    let dense = rows.iter().filter_map(|row| row.dense.as_ref()).map(|vector| {
        // Five dimensions lie in sums of their own.
        let products: Vec<f64> =
            vector.iter().zip(&asked.dense).map(|(&a, &b)| f64::from(a) * f64::from(b)).collect();
        let [a, b, c, d, e] = products[..] else { panic!("five dimensions") };
        (((a + e) + c) + (b + d)) as f32
    });
    (sparse, dense.reduce(f32::max))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn legs_score_documents_by_their_best_rows(
        rows in docs(spec(Metric::Dot), 40), asked in asked(),
        commits in 2usize..30,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(Metric::Dot);
        let mut texts: Vec<Vec<Doc>> = Vec::new();
        for (at, row) in rows.into_iter().enumerate() {
            match texts.last_mut() {
                Some(last) if at % 3 > 0 => last.push(row),
                _ => texts.push(vec![row]),
            }
        }
        store_of(&folder.path().join("index"), &spec, &texts, commits);
        let snapshot = Index::open(&folder.path().join("index")).unwrap().snapshot();
        for rank in ["rrf:window=3,sparse,bm25,dense", "convex:norm=bound,sparse,bm25,dense"] {
            let rank: Rank = rank.parse().unwrap();
            let hits = ask(&snapshot, &asked, SearchRequest::exact(&rank, 1_000)).hits;
            for hit in &hits {
                let at: usize = hit.id[1..].parse().unwrap();
                let (sparse, dense) = best(&texts[at], &asked);
                let legs = hit.legs.as_ref().unwrap();
                prop_assert_eq!(legs["sparse"].score.to_bits(), sparse.to_bits());
                prop_assert_eq!(legs["dense"].score.to_bits(), dense.unwrap_or(0.0).to_bits());
                prop_assert!(hit.passage.is_some());
            }
            let mut ids: Vec<&str> = hits.iter().map(|hit| &hit.id[..]).collect();
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), hits.len(), "a document is found once");
        }
        let dense: Rank = "dense".parse().unwrap();
        let hits = ask(&snapshot, &asked, SearchRequest::exact(&dense, 1_000)).hits;
        let mut expected: Vec<(f32, String)> = texts.iter().enumerate()
            .filter_map(|(at, rows)| Some((best(rows, &asked).1?, format!("t{at}")))).collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let found: Vec<_> = hits.into_iter().map(|hit| (hit.score, hit.id)).collect();
        prop_assert_eq!(found, expected);
    }
}
