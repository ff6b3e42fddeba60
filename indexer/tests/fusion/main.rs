//! Hybrid search equals its definition, whatever fell into which segment: windows, fused scores, every
//! leg's true score, filters, deletes, pages.
#![allow(clippy::unwrap_used, missing_docs)]

mod controls;
mod oracle;
mod passages;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use gleaner_catalog::DenseField;
use gleaner_catalog::IndexSettings;
use gleaner_format::{DenseSpec, DenseStorage, Metric, SparseVector};
use gleaner_indexer::{Document, EncodedRow, IndexStore};
use gleaner_searcher::{
    DenseQuery, Fusion, Hit, Index, Leg, Method, Normaliser, Rank, SearchRequest, SearchResponse,
    Snapshot, WeightedLeg,
};
use oracle::{AllForms, Doc, Oracle};
use proptest::prelude::*;

const DIMS: usize = 5;

pub(crate) fn spec(metric: Metric) -> DenseSpec {
    DenseSpec { name: "emb".to_owned(), dims: DIMS, metric, storage: DenseStorage::F32 }
}

/// Opens or creates an index with one dense field, which documents bring.
pub(crate) fn store(path: &Path, spec: &DenseSpec) -> IndexStore {
    let field = DenseField { spec: spec.clone(), model: None };
    let settings = IndexSettings { dense: Some(vec![field]), ..IndexSettings::default() };
    IndexStore::open_or_create_with(path, None, &settings).unwrap()
}

pub(crate) fn put(store: &mut IndexStore, doc: &Doc) {
    let line = format!(
        r#"{{"_id": "{}", "text": "{}", "n": {}}}"#,
        doc.id,
        doc.words.join(" "),
        doc.number
    );
    let document = Document::parse(line.as_bytes()).unwrap();
    let row =
        EncodedRow { vector: doc.sparse.clone(), dense: vec![doc.dense.clone()], bytes: None };
    store.upsert_rows(&document, &[row]).unwrap();
}

/// The same documents as one segment, as many with replaced versions between, and merged.
pub(crate) fn indexes(
    folder: &Path,
    docs: &[Doc],
    stale: &[Doc],
    spec: &DenseSpec,
) -> Vec<Arc<Snapshot>> {
    let open = |name: &str| Index::open(&folder.join(name)).unwrap();
    let mut one = store(&folder.join("one"), spec);
    docs.iter().for_each(|doc| put(&mut one, doc));
    one.commit(Vec::new()).unwrap();
    for name in ["many", "merged"] {
        let mut many = store(&folder.join(name), spec);
        // Earlier versions lie among those of other documents, which replace them later on.
        let chunks: Vec<&[Doc]> = docs.chunks(docs.len().div_ceil(3).max(1)).collect();
        for (at, chunk) in chunks.iter().enumerate() {
            let later = |doc: &&Doc| chunks[at + 1..].iter().any(|chunk| holds(chunk, doc));
            stale.iter().filter(later).for_each(|doc| put(&mut many, doc));
            chunk.iter().for_each(|doc| put(&mut many, doc));
            many.commit(Vec::new()).unwrap();
        }
        if name == "merged" {
            many.merge().unwrap();
        } else {
            drop(many);
            let segments = open(name).snapshot().segments().len();
            assert_eq!(segments, chunks.len(), "every chunk has living documents of its own");
        }
    }
    ["one", "many", "merged"].map(|name| open(name).snapshot()).into()
}

fn holds(chunk: &[Doc], doc: &Doc) -> bool {
    chunk.iter().any(|other| other.id == doc.id)
}

pub(crate) fn ask(
    snapshot: &Snapshot,
    asked: &AllForms,
    request: SearchRequest<'_>,
) -> SearchResponse {
    let text = asked.words.join(" ");
    let dense = [DenseQuery { field: "emb", vector: &asked.dense }];
    let request =
        SearchRequest { vector: Some(&asked.sparse), text: Some(&text), dense: &dense, ..request };
    snapshot.search(&request, &|_| None).unwrap()
}

/// By leg, the bits of a score and the rank.
type Legs = BTreeMap<String, (u32, Option<usize>)>;

/// What a hit says, to the bit.
pub(crate) fn said(hit: &Hit) -> (String, u32, Legs) {
    let legs = hit.legs.iter().flatten();
    let legs = legs.map(|(name, leg)| (name.clone(), (leg.score.to_bits(), leg.rank))).collect();
    (hit.id.clone(), hit.score.to_bits(), legs)
}

fn word() -> impl Strategy<Value = String> {
    (0u32..8).prop_map(|word| format!("w{word}"))
}

fn sparse() -> impl Strategy<Value = SparseVector> {
    prop::collection::btree_map(0u32..12, 1u32..6, 0..6).prop_map(|weights| {
        let weights = weights.into_iter().map(|(term, weight)| (term, weight as f32));
        SparseVector::from_pairs(weights).unwrap()
    })
}

/// Few different values, so that scores tie.
fn dense() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((-2i8..3).prop_map(f32::from), DIMS).prop_map(|mut vector| {
        vector[0] += 0.5;
        vector
    })
}

pub(crate) fn doc(spec: DenseSpec) -> impl Strategy<Value = Doc> {
    let dense = prop::option::weighted(0.8, dense());
    (prop::collection::vec(word(), 1..10), sparse(), dense, 0u64..4).prop_map(
        move |(words, sparse, dense, number)| {
            let dense = dense.map(|vector| spec.prepare(&vector).unwrap());
            Doc { id: String::new(), words, sparse, dense, number }
        },
    )
}

pub(crate) fn docs(spec: DenseSpec, most: usize) -> impl Strategy<Value = Vec<Doc>> {
    prop::collection::vec(doc(spec), 1..most).prop_map(|mut docs| {
        // Not in the order of the ids.
        let count = docs.len();
        for (at, doc) in docs.iter_mut().enumerate() {
            doc.id = format!("d{}", (at * 7 + 3) % (count * 7));
        }
        docs
    })
}

pub(crate) fn asked() -> impl Strategy<Value = AllForms> {
    let words = prop::collection::vec(word(), 0..5);
    (words, sparse(), dense()).prop_map(|(mut words, sparse, dense)| {
        // A word that no document has.
        words.push("nowhere".to_owned());
        AllForms { words, sparse, dense }
    })
}

pub(crate) fn fusion() -> impl Strategy<Value = Fusion> {
    let method = prop_oneof![
        Just(Method::Rrf { k: 60.0 }),
        Just(Method::Rrf { k: 0.0 }),
        Just(Method::Convex(Normaliser::MinMax)),
        Just(Method::Convex(Normaliser::TheoreticalMinMax)),
        Just(Method::Convex(Normaliser::Bound)),
    ];
    let all = [Leg::Sparse, Leg::Bm25, Leg::Dense(None)];
    let legs = prop::sample::subsequence(all.to_vec(), 1..4);
    let weights = prop::collection::vec(prop_oneof![Just(1.0), Just(0.0), Just(0.3)], 3);
    let window = prop_oneof![Just(None), (1usize..12).prop_map(Some)];
    (method, legs, weights, window).prop_filter_map("all legs weigh 0", |asked| {
        let (method, legs, weights, window) = asked;
        let legs = legs.into_iter().zip(weights).map(|(leg, weight)| WeightedLeg { leg, weight });
        Fusion::new(method, legs.collect(), window).ok()
    })
}

/// Fields whose truth is what was prepared for them: 16 bits hold the numbers of these tests, if they
/// are not scaled to length 1.
fn specs() -> impl Strategy<Value = DenseSpec> {
    let (dot, cosine) = (spec(Metric::Dot), spec(Metric::Cosine));
    let with = |spec: &DenseSpec, storage| DenseSpec { storage, ..spec.clone() };
    prop::sample::select(vec![
        with(&dot, DenseStorage::F16),
        with(&dot, DenseStorage::Int8WithF32),
        with(&cosine, DenseStorage::Int8WithF32),
        dot,
        cosine,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn fused_hits_are_the_oracles_in_every_segmentation(
        (docs, stale, asked, spec) in specs().prop_flat_map(|spec| {
            let stale = prop::collection::vec(doc(spec.clone()), 1..20);
            (docs(spec.clone(), 30), stale, asked(), Just(spec))
        }),
        fusions in prop::collection::vec(fusion(), 4),
        least_number in 0u64..4,
        (k, offset) in (1usize..12, 0usize..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        // Of the documents that are written last, so that there is something to replace.
        let stale: Vec<Doc> =
            docs.iter().rev().zip(stale).map(|(doc, old)| Doc { id: doc.id.clone(), ..old }).collect();
        let snapshots = indexes(folder.path(), &docs, &stale, &spec);
        let oracle = Oracle { docs: &docs, spec: &spec, least_number, except: None };
        let filter = (least_number > 0).then(|| format!("n:>={least_number}"));
        for fusion in fusions {
            let window = fusion.depth.unwrap_or(1_000);
            let expected = oracle.fuse(&fusion, window, &asked);
            let rank = Rank::Fused(fusion);
            for snapshot in &snapshots {
                let whole = SearchRequest {
                    filter: filter.as_deref(),
                    ..SearchRequest::exact(&rank, 1_000)
                };
                let answer = ask(snapshot, &asked, whole);
                prop_assert!(answer.exact);
                let found: Vec<_> = answer.hits.iter().map(said).collect();
                let wanted: Vec<_> = expected.iter().map(|hit| {
                    let bits = |(score, rank): (f32, Option<usize>)| (score.to_bits(), rank);
                    let legs = hit.legs.iter().map(|(name, &leg)| (name.clone(), bits(leg)));
                    (hit.id.clone(), hit.score.to_bits(), legs.collect::<Legs>())
                }).collect();
                prop_assert_eq!(&found, &wanted, "{}", rank);
                for hit in &answer.hits {
                    let legs = hit.legs.as_ref().unwrap();
                    let sum: f64 = legs.values().map(|leg| leg.contribution).sum();
                    prop_assert!((sum - f64::from(hit.score)).abs() < 1e-6);
                }
                // A page is a piece of the whole, threads and profiles change nothing.
                let page = SearchRequest {
                    filter: filter.as_deref(),
                    offset,
                    threads: 2,
                    explain: true,
                    profile: true,
                    ..SearchRequest::exact(&rank, k)
                };
                let page: Vec<_> = ask(snapshot, &asked, page).hits.iter().map(said).collect();
                let piece = &found[offset.min(found.len())..(offset + k).min(found.len())];
                prop_assert_eq!(&page[..], piece);
            }
        }
    }

    #[test]
    fn legs_alone_are_the_oracles_lists(
        (docs, asked, spec) in specs().prop_flat_map(|spec| {
            (docs(spec.clone(), 30), asked(), Just(spec))
        }),
        least_number in 0u64..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let oracle = Oracle { docs: &docs, spec: &spec, least_number, except: None };
        let filter = format!("n:>={least_number}");
        for snapshot in indexes(folder.path(), &docs, &docs[docs.len() - 1..], &spec) {
            for leg in [Leg::Sparse, Leg::Bm25, Leg::Dense(Some("emb".to_owned()))] {
                let expected = oracle.list(&leg, &asked);
                let rank = Rank::Leg(leg);
                for k in [1, 5, 1_000] {
                    let request =
                        SearchRequest { filter: Some(&filter), ..SearchRequest::exact(&rank, k) };
                    let hits = ask(&snapshot, &asked, request).hits;
                    let found: Vec<_> =
                        hits.iter().map(|hit| (hit.id.clone(), hit.score.to_bits())).collect();
                    let wanted: Vec<_> = expected.iter().take(k)
                        .map(|(id, score)| (id.clone(), score.to_bits())).collect();
                    prop_assert_eq!(found, wanted, "{}", rank);
                }
            }
        }
    }
}
