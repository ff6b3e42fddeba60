//! Filters admit exactly the documents that meet them: every condition against its definition over the
//! JSON of the documents, in one segment and in several.
#![allow(clippy::unwrap_used, missing_docs)]

use gleaner_format::SparseVector;
use gleaner_indexer::{Document, IndexStore};
use gleaner_searcher::{Index, Rank, SearchError, SearchRequest};
use proptest::prelude::*;
use serde_json::{Value, json};

/// An index of these documents, committed after every `each`.
fn index(documents: &[Value], each: usize) -> (tempfile::TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut store = IndexStore::open_or_create(&path, None).unwrap();
    let vector = SparseVector::from_pairs([(1, 1.0)]).unwrap();
    for chunk in documents.chunks(each) {
        for document in chunk {
            let document = Document::parse(document.to_string().as_bytes()).unwrap();
            store.upsert(&document, &vector).unwrap();
        }
        store.commit(Vec::new()).unwrap();
    }
    drop(store);
    let index = Index::open(&path).unwrap();
    (folder, index)
}

/// The ids that a filter admits, in their order, and its notes.
fn admitted(index: &Index, filter: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let vector = SparseVector::from_pairs([(1, 1.0)]).unwrap();
    let request = SearchRequest {
        vector: Some(&vector),
        filter: Some(filter),
        ..SearchRequest::exact(&Rank::SPARSE, 1000)
    };
    match index.snapshot().search(&request, &|_| None) {
        Ok(answer) => {
            let mut ids: Vec<String> = answer.hits.into_iter().map(|hit| hit.id).collect();
            ids.sort();
            Ok((ids, answer.notes))
        }
        Err(SearchError::Filter { reason, .. }) => Err(reason),
        Err(other) => panic!("{filter}: {other}"),
    }
}

fn documents() -> Vec<Value> {
    vec![
        json!({"_id": "1", "text": "Solar panels on the roof", "year": 2010, "lang": "en", "code": "12345",
               "when": "2022-05-01T10:00:00Z", "mixed": 1, "ok": true, "author": {"name": "Ann"}}),
        json!({"_id": "2", "text": "wind power and solar cells", "year": 2015, "lang": "de", "code": "777",
               "when": "2021-12-31T23:30:00-01:00", "mixed": "1", "ok": false, "price": 1.5}),
        json!({"_id": "3", "text": "a quick brown fox", "year": 2018, "lang": ["en", "fr"], "price": 3,
               "when": "9999-12-31T23:59:59Z", "mixed": "x", "big": 18_446_744_073_709_551_615_u64}),
        json!({"_id": "S-9", "text": "The houses of the city, SKU1234", "year": 1999, "price": -0.0,
               "when": "2022-01-01", "exact": "2020-01-01T00:00:00.999Z", "path": "a:b (c)"}),
    ]
}

/// Filters, and the ids that they admit.
const CASES: [(&str, &[&str]); 64] = [
    // Numbers.
    ("year:2015", &["2"]),
    ("year:2015.0", &["2"]),
    ("year:>=2015", &["2", "3"]),
    ("year > 2015", &["3"]),
    ("year:[1.5 TO 2010]", &["1", "S-9"]),
    ("year:{1999 TO 2015}", &["1"]),
    ("year:{1998.9 TO *]", &["1", "2", "3", "S-9"]),
    ("year:2010..2015", &["1", "2"]),
    ("year:..2000", &["S-9"]),
    ("year:IN [2010, 2018]", &["1", "3"]),
    ("year:IN [1 2 3 4 5 2010 2018]", &["1", "3"]),
    ("price:3", &["3"]),
    ("price:0", &["S-9"]),
    ("price:>1.5", &["3"]),
    ("price:<1e3", &["2", "3", "S-9"]),
    ("big:18446744073709551615", &["3"]),
    ("big:>9223372036854775807", &["3"]),
    // Types.
    ("mixed:1", &["1"]),
    ("mixed:\"1\"", &["2"]),
    ("mixed:IN [1]", &["1"]),
    ("mixed:IN [\"1\" x]", &["2", "3"]),
    ("code:12345", &["1"]),
    ("code:IN [\"12345\"]", &["1"]),
    ("code:IN [12345, 777]", &["1", "2"]),
    ("ok:true", &["1"]),
    ("ok:IN [true false]", &["1", "2"]),
    // Times.
    ("when:>=2022-01-01", &["1", "2", "3", "S-9"]),
    ("when:>2022-01-01", &["1", "3"]),
    ("when:<2022-01-01", &[]),
    ("when:<=2022-01-01", &["2", "S-9"]),
    ("when:2022-01-01", &["2", "S-9"]),
    ("when:\"2022-01-01\"", &["2", "S-9"]),
    ("when:2022-01-01T00:30:00Z", &["2"]),
    ("when:\"2022-05-01T12:00:00+02:00\"", &["1"]),
    ("when:>=2000-01-01T00:00:00Z", &["1", "2", "3", "S-9"]),
    ("when:[2022-01-01 TO 2022-12-31]", &["1", "2", "S-9"]),
    ("lang:de||lang:fr", &["2", "3"]),
    ("year:>=2015&&lang:en", &["3"]),
    ("lang:\"a||b\" OR lang:de", &["2"]),
    ("when:2022*", &["1", "S-9"]),
    ("exact:2020-01-01T00:00:00Z", &[]),
    ("exact:2020-01-01T00:00:00.999Z", &["S-9"]),
    ("exact:>2020-01-01T00:00:00.99Z", &["S-9"]),
    // Text of keys.
    ("lang:e*", &["1", "3"]),
    ("lang:IN [en, de]", &["1", "2", "3"]),
    ("lang:(de OR fr)", &["2", "3"]),
    ("lang:{de TO en]", &["1", "3"]),
    ("path:\"a:b (c)\"", &["S-9"]),
    ("path:a\\:b\\ \\(c\\)", &["S-9"]),
    ("author.name:Ann", &["1"]),
    ("fields.lang:de", &["2"]),
    // The text.
    ("text:sol*", &["1", "2"]),
    ("sku*", &["S-9"]),
    ("house", &["S-9"]),
    ("\"solar panel\"", &["1"]),
    ("text:\"power and solar\"", &["2"]),
    ("\"panels solar\"", &[]),
    ("text:IN [fox wind]", &["2", "3"]),
    // Ids, everything, joined.
    ("_id:IN [1 S-9]", &["1", "S-9"]),
    ("_id:S*", &["S-9"]),
    ("*", &["1", "2", "3", "S-9"]),
    ("NOT lang:en AND year:<2016", &["2", "S-9"]),
    ("-lang:en or year:2010", &["1", "2", "S-9"]),
    ("year != 2010 && !(lang:de || lang:fr)", &["S-9"]),
];

#[test]
fn conditions_mean_what_they_say() {
    let (_one, one) = index(&documents(), 9);
    let (_several, several) = index(&documents(), 1);
    for (filter, expected) in CASES {
        for index in [&one, &several] {
            let (ids, notes) =
                admitted(index, filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
            assert_eq!(ids, expected, "{filter}");
            assert!(!ids.is_empty() || !notes.is_empty(), "{filter}: nothing, and nothing said");
        }
    }
}

#[test]
fn what_no_value_can_meet_is_an_error_with_the_types() {
    let (_folder, index) = index(&documents(), 2);
    for (filter, reason) in [
        ("year:>=abc", "year holds numbers, and \"abc\" is none"),
        ("year:\"2010\"", "without quotes"),
        ("year:20*", "year holds numbers; only text can begin"),
        ("ok:1", "ok holds true and false, and \"1\" is none"),
        ("ok:>true", "have no order"),
        ("when:>=yesterday", "when holds times, and \"yesterday\" is none"),
        ("when:IN [2022-01-01 soon]", "when holds times"),
        ("exact:\"2020-13-01\"", "exact holds times"),
        ("mixed:[1 TO z]", "of two types"),
        ("price:IN [1 x]", "price holds numbers, and \"x\" is none"),
        ("yaer:2010", "no document has the key \"yaer\"; known: author.name, big, code"),
        ("author:Ann", "name a key inside it: author.name"),
        ("title:x", "title is part of the text"),
        ("text:>5", "the text has words and no order"),
        ("text:the", "no word that the analyser english keeps"),
        ("_id:>5", "_id is compared as it is"),
        ("year:", "a value is expected at the end, at character 6"),
        ("year:>=", "year>= has no value"),
        ("year:>= AND lang:en", "year>= has no value"),
        (">=2015", "a key is expected before the comparison"),
        ("(year:2010", "a ( without its ), at character 1"),
        ("year:2010)", "a ) without its (, at character 10"),
        ("lang:\"en", "a \" without its second one, at character 6"),
        ("year:[2010]", "a range is written [a TO b], a list IN [a b]"),
        ("year:[2010 TO 2015", "the range has no end"),
        ("lang:IN []", "the list has no value"),
        ("lang:IN [en", "the list has no end"),
        ("lang:e*n", "a * stands at the end"),
        ("lang:en AND", "a condition is expected after AND"),
        ("OR lang:en", "a condition is expected before AND and OR"),
        ("NOT", "a condition is expected"),
        (" ", "it is empty"),
    ] {
        let error = admitted(&index, filter).expect_err(filter);
        assert!(error.contains(reason), "{filter}: {error}");
    }
}

#[test]
fn large_and_deep_filters_are_refused_or_answered_soon() {
    let (_folder, index) = index(&documents(), 4);
    let start = std::time::Instant::now();
    let dotted = format!("{}:1", "a.".repeat(30_000));
    assert!(admitted(&index, &dotted).unwrap_err().contains("a key is longer"));
    let deep = format!("{}year:1{}", "(".repeat(65), ")".repeat(65));
    assert!(admitted(&index, &deep).unwrap_err().contains("64 parentheses"));
    assert!(admitted(&index, &"x".repeat(70_000)).unwrap_err().contains("64 KiB"));
    let negated = format!("{}year:2010", "NOT ".repeat(16_000));
    assert_eq!(admitted(&index, &negated).unwrap().0, ["1"]);
    let wide = vec!["lang:en"; 4_000].join(" OR ");
    assert_eq!(admitted(&index, &wide).unwrap().0, ["1", "3"]);
    let list =
        format!("year:IN [{}]", (0..10_000).map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
    assert_eq!(admitted(&index, &list).unwrap().0.len(), 4);
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn a_condition_that_nothing_meets_is_noted_each_time() {
    let (_folder, index) = index(&documents(), 1);
    for _ in 0..2 {
        let (ids, notes) = admitted(&index, "lang:en,de OR year:2010 OR lang:xx").unwrap();
        assert_eq!(ids, ["1"]);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].contains("lang:en,de") && notes[0].contains("IN [a b]"), "{notes:?}");
        assert!(notes[1].contains("lang:xx"), "{notes:?}");
    }
}

#[test]
fn a_filter_that_is_not_done_in_time_says_so() {
    let (_folder, index) = index(&documents(), 1);
    let vector = SparseVector::from_pairs([(1, 1.0)]).unwrap();
    let request = SearchRequest {
        vector: Some(&vector),
        filter: Some("year:>2000"),
        deadline: Some(std::time::Instant::now()),
        ..SearchRequest::exact(&Rank::SPARSE, 10)
    };
    let error = index.snapshot().search(&request, &|_| None).unwrap_err();
    assert!(matches!(error, SearchError::FilterTime), "{error}");
}

/// A value of a key, or none.
fn value() -> impl Strategy<Value = Option<Value>> {
    let one = prop_oneof![
        (-3i64..4).prop_map(|number| json!(number)),
        (-3i64..4).prop_map(|number| json!(number as f64 / 2.0)),
        "[ab]{1,2}".prop_map(|text| json!(text)),
        (0u32..30, 0u32..24)
            .prop_map(|(day, hour)| { json!(format!("2020-01-{:02}T{hour:02}:00:00Z", day + 1)) }),
        any::<bool>().prop_map(|truth| json!(truth)),
    ];
    let several = prop::collection::vec(one.clone(), 2..4).prop_map(Value::Array);
    prop_oneof![3 => one.prop_map(Some), 1 => several.prop_map(Some), 1 => Just(None)]
}

/// Whether a document's values meet a comparison with a number, by definition.
fn meets(value: &Value, sign: &str, bound: f64) -> bool {
    let numbers: Vec<f64> = match value {
        Value::Array(values) => values.iter().filter_map(Value::as_f64).collect(),
        value => value.as_f64().into_iter().collect(),
    };
    numbers.into_iter().any(|number| match sign {
        ">=" => number >= bound,
        ">" => number > bound,
        "<=" => number <= bound,
        "<" => number < bound,
        _ => number == bound,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Numbers of any mix of types, in any segments, compare as numbers, and nothing else does.
    #[test]
    fn comparisons_of_numbers_are_their_definition(
        values in prop::collection::vec(value(), 1..20),
        each in 1usize..8,
        bound in -4i64..5,
        half in any::<bool>(),
        sign in prop::sample::select(vec![">=", ">", "<=", "<", ""]),
        is_negated in any::<bool>(),
    ) {
        let documents: Vec<Value> = values.iter().enumerate().map(|(number, value)| {
            let mut document = json!({"_id": format!("{number:03}"), "text": "x", "n": 7});
            if let Some(value) = value {
                document["key"] = value.clone();
            }
            document
        }).collect();
        let has_numbers = values.iter().flatten().any(|value| meets(value, ">=", -9.0));
        prop_assume!(has_numbers);
        let (_folder, index) = index(&documents, each);
        let bound = bound as f64 / if half { 2.0 } else { 1.0 };
        let not = if is_negated { "NOT " } else { "" };
        let (ids, _) = admitted(&index, &format!("{not}key:{sign}{bound}")).unwrap();
        let expected: Vec<String> = documents.iter().filter(|document| {
            let is_met = document.get("key").is_some_and(|value| meets(value, sign, bound));
            is_met != is_negated
        }).map(|document| document["_id"].as_str().unwrap().to_owned()).collect();
        prop_assert_eq!(ids, expected);
    }

    /// No text is anything but an answer or an error.
    #[test]
    fn any_text_is_answered_or_refused(filter in "[a-c:()\\[\\]{}<>=!*\"\\\\ ANDORTIN0-9.,-]{0,40}") {
        let (_folder, index) = index(&documents(), 4);
        let _ = admitted(&index, &filter);
    }
}
