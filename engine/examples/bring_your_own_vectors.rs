//! Index vectors of one's own, sparse and dense, without any model.
//!
//! ```sh
//! cargo run --release --package gleaner --example bring_your_own_vectors -- INDEX
//! ```

use std::error::Error;

use gleaner::{Document, GivenField, Index, Metric, Query, Search, SparseVector};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("missing INDEX, the folder to create")?;
    let sparse = |pairs: &[(u32, f32)]| SparseVector::from_pairs(pairs.iter().copied());

    let mut index =
        Index::create(path).dense_field(GivenField::new("emb", 3).metric(Metric::Dot)).open()?;
    index.upsert([
        Document::bare("cat")
            .vector(sparse(&[(1, 1.5), (2, 0.5)])?)
            .dense("emb", vec![0.9, 0.1, 0.0])
            .field("legs", 4),
        Document::bare("bird")
            .vector(sparse(&[(2, 1.0), (3, 2.0)])?)
            .dense("emb", vec![0.1, 0.9, 0.0])
            .field("legs", 2),
        // A document need not have every vector.
        Document::bare("fish").vector(sparse(&[(4, 1.0)])?),
    ])?;
    index.commit()?;

    let query = Query::vector(sparse(&[(2, 1.0)])?).and_dense("emb", vec![1.0, 0.0, 0.0]);
    for rank in ["sparse", "dense", "rrf:sparse,dense"] {
        // A vector that the ranking has no leg for would be an error.
        let query = match rank {
            "sparse" => Query::vector(sparse(&[(2, 1.0)])?),
            "dense" => Query::dense(vec![1.0, 0.0, 0.0]),
            _ => query.clone(),
        };
        let answer = index.search(Search::new(query).rank(rank.parse()?).filter("legs:>0"))?;
        let ids: Vec<&str> = answer.hits.iter().map(|hit| &hit.id[..]).collect();
        println!("{rank}: {}", ids.join(", "));
    }
    Ok(())
}
