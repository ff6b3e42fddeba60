//! `gleaner export`: the stored vectors of all living documents, sparse ones or those of a dense
//! field.

use std::io::Write;

use gleaner_format::{CiffBuilder, SparseVector, write_vectors};
use gleaner_searcher::{Index, Segment, Snapshot};

use crate::{
    args::{ExportArgs, ExportFormat},
    io::{
        output::{create, with_suffix},
        vectors::{dense_line, push_ciff, seismic_line, write_ciff},
    },
};

/// `gleaner export`
pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let snapshot = Index::open(&args.index)?.snapshot();
    match (&args.dense, args.format) {
        (Some(field), _) => dense(args, &snapshot, field),
        (None, Some(format)) => sparse(args, &snapshot, format),
        (None, None) => Ok(()),
    }
}

/// The living rows of a segment with their ids.
fn living<'a>(
    snapshot: &'a Snapshot,
    segment: &'a Segment,
) -> impl Iterator<Item = (usize, String)> + 'a {
    let view = segment.impacts();
    let is_alive = |row: &usize| segment.alive().is_none_or(|alive| alive.contains(*row));
    let has_passages = snapshot.manifest().long.is_passages();
    (0..view.rows()).filter(is_alive).map(move |row| {
        let doc = view.doc(row);
        match has_passages {
            // Passages are numbered from 0.
            true => (row, format!("{}#{}", segment.id(doc), doc - segment.first_row(doc))),
            false => (row, segment.id(doc).to_owned()),
        }
    })
}

/// A JSON line for every vector of a dense field.
fn dense(args: &ExportArgs, snapshot: &Snapshot, field: &str) -> anyhow::Result<()> {
    let name = &snapshot.manifest().dense_field(Some(field))?.spec.name;
    let mut out = create(&args.out)?;
    let (mut vector, mut vectors) = (Vec::new(), 0);
    for segment in snapshot.segments() {
        let Some(field) = segment.dense().field(name) else { continue };
        for (row, id) in living(snapshot, segment) {
            let Some(ordinal) = field.ordinal(row) else { continue };
            field.read(ordinal, &mut vector);
            writeln!(out, "{}", dense_line(Some(&id), &vector)?)?;
            vectors += 1;
        }
    }
    out.finish()?;
    eprintln!("{vectors} vectors of {} documents exported", snapshot.live_docs());
    Ok(())
}

fn sparse(args: &ExportArgs, snapshot: &Snapshot, format: ExportFormat) -> anyhow::Result<()> {
    let mut out = create(&args.out)?;
    let (mut ids, mut vectors, mut lists) = (Vec::new(), Vec::new(), CiffBuilder::new());
    for segment in snapshot.segments() {
        let view = segment.impacts();
        for (row, id) in living(snapshot, segment) {
            // A 16-bit code times a power of two is exact in f32.
            let stored = view.row(row).iter().map(|(term, weight)| (term, weight as f32));
            let vector = SparseVector::from_pairs(stored)?;
            match format {
                ExportFormat::Vectors => {
                    ids.push(id);
                    vectors.push(vector);
                }
                ExportFormat::Ciff => push_ciff(&mut lists, id, &vector)?,
                ExportFormat::VectorsJsonl => {
                    writeln!(out, "{}", seismic_line(&id, "", &vector, |term| term.to_string()))?;
                }
            }
        }
    }
    match format {
        ExportFormat::Vectors => {
            write_vectors(&vectors, 0, &mut out)?;
            let mut list = create(&with_suffix(&args.out, ".ids"))?;
            ids.iter().try_for_each(|id| writeln!(list, "{id}"))?;
            list.finish()?;
        }
        ExportFormat::Ciff => write_ciff(&lists, |term| term.to_string(), &mut out)?,
        ExportFormat::VectorsJsonl => {}
    }
    out.finish()?;
    match snapshot.manifest().long.is_passages() {
        true => eprintln!(
            "{} passages of {} documents exported",
            snapshot.live_rows(),
            snapshot.live_docs()
        ),
        false => eprintln!("{} documents exported", snapshot.live_docs()),
    }
    Ok(())
}
