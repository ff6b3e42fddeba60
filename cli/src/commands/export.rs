//! `gleaner export`: the stored vectors of all living documents, sparse ones or those of a dense
//! field.

use std::{io::Write, path::PathBuf};

use gleaner::{
    Index, Snapshot,
    exchange::{CiffWriter, write_vectors},
};

use crate::{
    args::{ExportArgs, ExportFormat},
    failure::Failure,
    io::{
        output::{create, is_standard_stream, with_suffix},
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

/// Where the ids of binary vectors go, which have none themselves.
///
/// Errors: `Usage` where nothing says it, and where nothing would be written.
fn ids_file(args: &ExportArgs, format: ExportFormat) -> anyhow::Result<Option<PathBuf>> {
    let refuse = |message: &str| Err(Failure::Usage(message.to_owned()).into());
    let is_stdout = is_standard_stream(&args.out);
    match (format, &args.ids) {
        (ExportFormat::Vectors, Some(file)) if is_stdout && is_standard_stream(file) => {
            refuse("--out and --ids cannot both be `-`")
        }
        (ExportFormat::Vectors, Some(file)) => Ok(Some(file.clone())),
        (ExportFormat::Vectors, None) if is_stdout => {
            refuse("--format vectors keeps ids in a file of their own: name it with --ids")
        }
        (ExportFormat::Vectors, None) => Ok(Some(with_suffix(&args.out, ".ids"))),
        (_, Some(_)) => refuse("--ids is for --format vectors: other formats hold the ids"),
        (_, None) => Ok(None),
    }
}

fn sparse(args: &ExportArgs, snapshot: &Snapshot, format: ExportFormat) -> anyhow::Result<()> {
    let ids_file = ids_file(args, format)?;
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
            if let Some(file) = ids_file {
                let mut list = create(&file)?;
                ids.iter().try_for_each(|id| writeln!(list, "{id}"))?;
                list.finish()?;
            }
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
