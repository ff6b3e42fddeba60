//! Search an index by several rankings, and see what every leg adds.
//!
//! ```sh
//! cargo run --release --package gleaner --example search_and_fuse -- INDEX "your question"
//! ```

use std::error::Error;

use gleaner::{Index, Search};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or(format!("missing {what}: INDEX QUESTION"));
    let (path, question) = (next("INDEX")?, next("QUESTION")?);
    let index = Index::open(path)?;

    for rank in ["sparse", "bm25", "rrf:sparse,bm25", "convex:norm=bound,sparse,bm25"] {
        let search = Search::new(&question[..]).rank(rank.parse()?).k(3).fields(["title"]);
        let answer = index.search(search)?;
        println!("{rank} (exact: {})", answer.exact);
        for hit in answer.hits {
            let title = hit.fields.as_ref().and_then(|fields| fields.get("title"));
            println!("  {}. {} {}", hit.rank, hit.id, title.cloned().unwrap_or_default());
            for (leg, score) in hit.legs.iter().flatten() {
                println!(
                    "       {leg:<7} score {:.4}, adds {:.4}",
                    score.score, score.contribution
                );
            }
        }
    }
    Ok(())
}
