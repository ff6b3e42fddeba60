//! Follow a query through the engine: what the ranking needs, what the model makes of the text, how the
//! search went, and where the best score comes from.
//!
//! ```sh
//! cargo run --release --package gleaner --example follow_a_query -- INDEX "your question"
//! ```
//!
//! A server goes this way: it prepares a search, has the texts of several requests encoded together, and
//! searches on another thread.

use std::error::Error;

use gleaner::{Index, Prepared, QueryEncoder, QueryVector, Search, Side, term_sources};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or(format!("missing {what}: INDEX QUESTION"));
    let (path, question) = (next("INDEX")?, next("QUESTION")?);
    let index = Index::open(path)?;
    let snapshot = index.snapshot();

    // 1. What does the ranking need of this query? Everything that can be refused is refused here.
    let search = Search::new(&question[..]).k(1).explain(true).profile(true);
    let mut prepared = Prepared::new(search, &snapshot, index.models())?;
    println!("needs encoding: {}", prepared.needs_encoding());

    // 2. What does the model make of the text, and which word gave a term its weight?
    QueryEncoder::new(1).encode(&mut prepared)?;
    let model = prepared.vocabulary().cloned().ok_or("the index has no model")?;
    let Some(QueryVector::Given(vector)) = prepared.sparse() else {
        return Err("the ranking has no sparse leg".into());
    };
    let words = term_sources(&model, Side::Query, &question)?.unwrap_or_default();
    for (term, weight) in vector.iter() {
        let word = words.iter().find(|(of, _)| *of == term).map(|(_, word)| &word[..]);
        let (token, word) = (model.token(term).unwrap_or("?"), word.unwrap_or("-"));
        println!("  {token:<16} {weight:.4} from {word}");
    }

    // 3. How did the search go?
    let answer = snapshot.search(&prepared)?;
    if let Some(profile) = &answer.profile {
        println!("plan {}: {}", profile.plan, profile.why);
        println!("rows scored: {}", profile.counters.finalists);
    }
    println!("exact: {}, threshold {:.4}", answer.exact, answer.certificate.threshold);

    // 4. Where does the best score come from?
    for hit in &answer.hits {
        println!("{} {:.4}", hit.id, hit.score);
        for part in hit.explanation.iter().flat_map(|explanation| &explanation.contributions) {
            println!(
                "  {:<16} {:.4} = {:.4} × {:.4}",
                part.token.as_deref().unwrap_or("?"),
                part.product,
                part.query_weight,
                part.doc_weight
            );
        }
    }
    Ok(())
}
