//! `gleaner model optimize`: the form of a model whose output layer Gleaner computes itself.

use std::io::Write;

use gleaner::model::{Before, OptimizeOptions, Runtime, optimize};

use crate::{args::OptimizeArgs, io::output::stdout};

/// `gleaner model optimize`
pub(super) fn run(args: &OptimizeArgs) -> anyhow::Result<()> {
    let runtime = Runtime::load(args.model.runtime.ort_lib.as_deref())?;
    let options = OptimizeOptions { out: args.out.clone(), is_half: args.half };
    let made = optimize(&args.model.folder, &options, &runtime)?;
    if let Some(Before { fingerprint, settings }) = &made.before {
        say!(
            "warning: indexes built with {fingerprint} must be built again; to go back, restore \
             its settings: mv {} {}",
            settings.display(),
            made.folder.join("gleaner.toml").display()
        );
    }
    let mut out = stdout();
    if args.model.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&made)?)?;
        return Ok(out.flush()?);
    }
    writeln!(out, "graph         {} ({} bytes)", made.graph.display(), made.graph_bytes)?;
    let bias = made.bias.as_deref().unwrap_or("none");
    writeln!(out, "output layer  matrix {}, bias {bias}", made.matrix)?;
    writeln!(
        out,
        "compared      {} texts on both sides, largest difference {:.2e}",
        made.texts, made.largest_difference
    )?;
    writeln!(out, "fingerprint   {}", made.fingerprint)?;
    Ok(out.flush()?)
}
