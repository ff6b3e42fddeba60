//! `gleaner export`: the stored vectors of all living documents.

use std::io::Write;

use gleaner_format::{CiffBuilder, SparseVector, write_vectors};
use gleaner_searcher::Index;

use crate::{
    args::{ExportArgs, ExportFormat},
    vectors::{create, push_ciff, seismic_line, write_ciff},
};

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let snapshot = Index::open(&args.index)?.snapshot();
    let mut out = create(&args.out)?;
    let (mut ids, mut vectors, mut lists) = (Vec::new(), Vec::new(), CiffBuilder::new());
    for segment in snapshot.segments() {
        let view = segment.impacts();
        for row in 0..view.rows() {
            if segment.alive().is_some_and(|alive| !alive.contains(row)) {
                continue;
            }
            let doc = view.doc(row);
            let id = match snapshot.manifest().long.is_passages() {
                // Passages are numbered from 0.
                true => format!("{}#{}", segment.id(doc), doc - segment.first_row(doc)),
                false => segment.id(doc).to_owned(),
            };
            // A 16-bit code times a power of two is exact in f32.
            let stored = view.row(row).iter().map(|(term, weight)| (term, weight as f32));
            let vector = SparseVector::from_pairs(stored)?;
            match args.format {
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
    if args.format == ExportFormat::Ciff {
        write_ciff(&lists, |term| term.to_string(), &mut out)?;
    }
    if args.format == ExportFormat::Vectors {
        write_vectors(&vectors, 0, &mut out)?;
        let mut name = args.out.clone().into_os_string();
        name.push(".ids");
        let mut list = create(name.as_ref())?;
        ids.iter().try_for_each(|id| writeln!(list, "{id}"))?;
        list.flush()?;
    }
    out.flush()?;
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
