//! `gleaner export`: the stored vectors of all living documents, sparse ones or those of a dense
//! field.

use std::io::Write;

use gleaner::{
    Index, Snapshot,
    exchange::{CiffWriter, write_vectors},
};

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

/// A JSON line for every vector of a dense field.
fn dense(args: &ExportArgs, snapshot: &Snapshot, field: &str) -> anyhow::Result<()> {
    let stored = snapshot.dense_vectors(field)?;
    let mut out = create(&args.out)?;
    let mut vectors = 0;
    for (id, vector) in stored {
        writeln!(out, "{}", dense_line(Some(&id), &vector)?)?;
        vectors += 1;
    }
    out.finish()?;
    say!("{vectors} vectors of {} documents exported", snapshot.documents());
    Ok(())
}

fn sparse(args: &ExportArgs, snapshot: &Snapshot, format: ExportFormat) -> anyhow::Result<()> {
    let mut out = create(&args.out)?;
    let (mut ids, mut vectors, mut lists) = (Vec::new(), Vec::new(), CiffWriter::new());
    for (id, vector) in snapshot.sparse_vectors() {
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
    match format {
        ExportFormat::Vectors => {
            write_vectors(&vectors, 0, &mut out)?;
            let mut list = create(&with_suffix(&args.out, ".ids"))?;
            ids.iter().try_for_each(|id| writeln!(list, "{id}"))?;
            list.finish()?;
        }
        ExportFormat::Ciff => write_ciff(&lists, None, &mut out)?,
        ExportFormat::VectorsJsonl => {}
    }
    out.finish()?;
    match snapshot.manifest().long.is_passages() {
        true => {
            say!("{} passages of {} documents exported", snapshot.rows(), snapshot.documents())
        }
        false => say!("{} documents exported", snapshot.documents()),
    }
    Ok(())
}
