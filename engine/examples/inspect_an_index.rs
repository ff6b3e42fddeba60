//! What an index holds, where its bytes are, and whether all of them are what was written.
//!
//! ```sh
//! cargo run --release --package gleaner --example inspect_an_index -- INDEX
//! ```

use std::error::Error;

use gleaner::{Index, Level, examine};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("missing INDEX")?;
    let index = Index::open(&path)?;
    let snapshot = index.snapshot();

    println!("{} documents, {} bytes", snapshot.documents(), snapshot.size_bytes()?);
    match &snapshot.manifest().model {
        Some(model) => println!("model {} in {}", model.fingerprint, model.path),
        None => println!("no sparse model"),
    }
    for field in snapshot.dense_fields() {
        println!("dense field {}: {} vectors", field.field.spec, field.vectors);
    }
    for segment in snapshot.segments() {
        println!(
            "segment {}: {} rows, {} postings, {} terms",
            segment.name, segment.rows, segment.postings, segment.terms
        );
    }
    for (id, vector) in snapshot.sparse_vectors().take(3) {
        println!("{id} has {} terms", vector.len());
    }
    for finding in examine(path.as_ref(), Level::Full)? {
        let verdict = if finding.ok { "ok" } else { "DAMAGED" };
        println!("{verdict} {}: {}", finding.check.name(), finding.detail);
    }
    Ok(())
}
