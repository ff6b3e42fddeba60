//! Index a folder of text files and search it.
//!
//! ```sh
//! cargo run --release --package gleaner --example index_a_folder -- FOLDER INDEX "your question"
//! ```
//!
//! Every `.txt` file becomes a document: its name is the `_id`, its first line the title. Indexing again
//! replaces documents by their `_id`.

use std::{error::Error, fs, path::PathBuf};

use gleaner::{Document, Index};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or(format!("missing {what}: FOLDER INDEX QUESTION"));
    let (folder, path, question) = (next("FOLDER")?, next("INDEX")?, next("QUESTION")?);

    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();

    let mut documents = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file)?;
        let (title, body) = text.split_once('\n').unwrap_or(("", &text));
        let id = file.file_stem().unwrap_or_default().to_string_lossy();
        documents.push(Document::new(id, body).title(title).field("bytes", text.len()));
    }

    let mut index = Index::create(&path)
        .model("data/models/splade-tiny")
        .dense_model("data/models/minilm")
        .open()?;
    index.upsert(documents)?;
    let snapshot = index.commit()?;
    println!("{} documents in {path}", snapshot.documents());

    for hit in index.search(question)?.hits {
        println!("{:>3}. {:.4} {}", hit.rank, hit.score, hit.id);
    }
    Ok(())
}
