//! Sides that differ: other encoders for queries, lengths, pruning, and where weights come from.

use gleaner_encoder::{EncodeError, Model, Prune, Side, SideEncoder};

use super::{model, open};
use crate::harness::{copy, fixture, runtime};

fn query_with(family: &str, query: Option<SideEncoder>) -> Option<Result<Model, EncodeError>> {
    runtime().map(|runtime| Model::open_with(&fixture(family), &runtime, query))
}

#[test]
fn queries_may_be_encoded_by_what_the_folder_offers() {
    let Some(stated) = query_with("opensearch-v3", None) else { return };
    let stated = stated.unwrap();
    assert_eq!(stated.card().query.encoder, SideEncoder::Idf);
    let cat = stated.term("cat").unwrap();
    let mut seen = vec![stated.card().query.fingerprint.clone()];
    for kind in [SideEncoder::Graph, SideEncoder::Ones] {
        let other = query_with("opensearch-v3", Some(kind)).unwrap().unwrap();
        assert_eq!(other.card().query.encoder, kind);
        assert_eq!(other.fingerprint(), stated.fingerprint(), "the index is bound to documents");
        seen.push(other.card().query.fingerprint.clone());
        let vector = other.encoder(1).unwrap().encode(Side::Query, &["the cat"]).unwrap().remove(0);
        let weight = vector.iter().find(|&(term, _)| term == cat).map(|(_, weight)| weight);
        assert_eq!(weight == Some(1.0), kind == SideEncoder::Ones, "{weight:?}");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3, "every way to encode queries has its own fingerprint");
}

#[test]
fn a_table_that_lies_in_the_folder_is_used_only_when_asked_for() {
    let folder = copy(&fixture("opensearch-v3"));
    let settings = "activation = 'log1p_log1p_relu'\n[query]\npooling = 'sum'\nactivation = 'relu'";
    std::fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
    let Some(plain) = open(folder.path()) else { return };
    assert_eq!(plain.unwrap().card().query.encoder, SideEncoder::Graph);
    let runtime = runtime().unwrap();
    let asked = Model::open_with(folder.path(), &runtime, Some(SideEncoder::Idf)).unwrap();
    assert!(asked.card().query.file.as_ref().unwrap().ends_with("idf.json"));
    std::fs::remove_file(folder.path().join("idf.json")).unwrap();
    let lines = Model::open_with(folder.path(), &runtime, Some(SideEncoder::Idf)).unwrap();
    assert!(lines.card().query.file.as_ref().unwrap().ends_with("query_token_weights.txt"));
    let texts = ["rain on the river", "banking"];
    let encode = |model: &Model| model.encoder(1).unwrap().encode(Side::Query, &texts).unwrap();
    assert_eq!(encode(&asked), encode(&lines));
}

#[test]
fn what_the_folder_does_not_offer_is_refused() {
    for (family, asked) in [
        ("splade-max", SideEncoder::Idf),
        ("splade-max", SideEncoder::Ones),
        ("splade-max", SideEncoder::Embedding),
    ] {
        let Some(refused) = query_with(family, Some(asked)) else { return };
        let error = refused.err().unwrap();
        assert!(matches!(error, EncodeError::QueryEncoder { .. }), "{error:?}");
        assert!(error.to_string().contains("gleaner.toml"), "{error}");
    }
}

#[test]
fn documents_settings_are_in_the_fingerprint_and_queries_are_not() {
    let folder = copy(&fixture("pruning"));
    let Some(model) = open(folder.path()) else { return };
    let model = model.unwrap();
    let card = model.card();
    assert_eq!(card.document.prune.ratio, Some(0.3));
    assert_eq!(card.query.prune, Prune { top_terms: Some(3), ..Prune::default() });
    let path = folder.path().join("gleaner.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    for (from, to, binds) in [
        ("top_terms = 3", "top_terms = 4", false),
        ("prefix = \"light \"", "prefix = \"sea \"", false),
        ("ratio = 0.3", "ratio = 0.31", true),
        ("mass = 0.9", "mass = 0.91", true),
        ("\"[CLS]\", ", "", true),
        ("[document]", "[document]\nprefix = \"a \"", true),
    ] {
        std::fs::write(&path, settings.replace(from, to)).unwrap();
        let other = open(folder.path()).unwrap().unwrap();
        assert_eq!(other.fingerprint() != model.fingerprint(), binds, "{to}");
        let queries = (&other.card().query.fingerprint, &card.query.fingerprint);
        assert_eq!(queries.0 != queries.1, !binds || to.is_empty(), "{to}");
    }
}

#[test]
fn a_graph_of_a_fixed_length_bounds_the_texts() {
    let Some(model) = model("splade-fixed") else { return };
    assert_eq!(model.card().max_length.document, 16);
    let folder = copy(&fixture("splade-fixed"));
    std::fs::write(folder.path().join("gleaner.toml"), "max_length = { document = 17 }").unwrap();
    let error = open(folder.path()).unwrap().err().unwrap();
    assert!(matches!(error, EncodeError::InvalidSetting { key: "max_length.document", .. }));
    std::fs::write(folder.path().join("gleaner.toml"), "max_length = { document = 7 }").unwrap();
    let short = open(folder.path()).unwrap().unwrap();
    let mut encoder = short.encoder(1).unwrap();
    let texts = ["red wine black tea old house", "red wine black tea old"];
    let vectors = encoder.encode(Side::Document, &texts).unwrap();
    assert_eq!(vectors[0], vectors[1], "cut to five words");
}

#[test]
fn an_echo_is_cut_so_that_both_copies_stay() {
    let folder = copy(&fixture("decoder"));
    let settings = "max_length = { document = 9 }\n[document]\ntemplate = '{text} . {text}'";
    std::fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
    let Some(model) = open(folder.path()) else { return };
    let model = model.unwrap();
    let mut encoder = model.encoder(1).unwrap();
    let texts = ["the old stone house of the fisherman", "the old stone house"];
    let vectors = encoder.encode(Side::Document, &texts).unwrap();
    assert!(!vectors[0].is_empty());
    assert_eq!(vectors[0], vectors[1]);
    let settings =
        "max_length = { document = 9 }\n[document]\ntemplate = '{text} a a a a a a a a a {text}'";
    std::fs::write(folder.path().join("gleaner.toml"), settings).unwrap();
    let error = open(folder.path()).unwrap().err().unwrap();
    assert!(matches!(error, EncodeError::InvalidSetting { key: "document.template", .. }));
}

#[test]
fn provenance_names_the_word_that_gave_a_term_its_weight() {
    let text = "Old songs: immunization of the SHIPS";
    for (family, side) in [
        ("splade-max", Side::Document),
        ("decoder", Side::Document),
        ("pruning", Side::Query),
        ("unicoil", Side::Document),
        ("unicoil", Side::Query),
        ("deepimpact", Side::Document),
        ("deepimpact", Side::Query),
        ("opensearch-v3", Side::Query),
        ("static-embedding", Side::Query),
    ] {
        let Some(model) = model(family) else { return };
        let mut encoder = model.encoder(1).unwrap();
        let traced = encoder.encode_with_provenance(side, text).unwrap();
        assert_eq!(traced.vector, encoder.encode(side, &[text]).unwrap()[0], "{family}");
        assert_eq!(traced.sources.len(), traced.vector.len());
        let words = ["Old", "songs", ":", "immunization", "of", "the", "SHIPS"];
        for (source, term) in traced.sources.iter().zip(traced.vector.terms()) {
            assert_eq!(source.term, *term);
            if let Some(word) = &source.word {
                assert!(
                    words.contains(&&text[word.clone()]),
                    "{family}: {:?}",
                    &text[word.clone()]
                );
            }
        }
        let named = traced.sources.iter().filter(|source| source.word.is_some()).count();
        assert!(named > 0, "{family}");
        if matches!(family, "unicoil" | "deepimpact" | "opensearch-v3") {
            for source in &traced.sources {
                let word = text[source.word.clone().unwrap()].to_lowercase();
                let name = model.token(source.term).unwrap();
                assert!(word.contains(name.trim_start_matches("##")), "{family}: {name} of {word}");
            }
        }
        assert!(encoder.encode_with_provenance(side, "").is_ok());
    }
}

#[test]
fn provenance_is_refused_where_it_is_not_known() {
    for family in ["splade-v1", "sparse-outputs", "phrases", "sparterm", "splade-fixed"] {
        let Some(model) = model(family) else { return };
        let error = model.encoder(1).unwrap().encode_with_provenance(Side::Document, "the cat");
        assert!(matches!(error, Err(EncodeError::NoProvenance { .. })), "{family}: {error:?}");
    }
}
