//! `--long`: what becomes of texts that are longer than the model reads.

use gleaner_encoder::{Model, Side, Spans};
use gleaner_searcher::LongTexts;

use crate::{
    args::{IndexArgs, LongArg},
    failure::Failure,
};

/// Said when texts lost their ends.
pub(crate) const CUT_NOTE: &str = "note: the end of what is longer than the model reads was dropped; \
     an index created with --long max or passages keeps it";

/// What the flags ask for; nothing without them. What they leave open is as `recorded` in the index.
///
/// Errors: `Usage` for flags that mean nothing together or without a model, and the encoder's
/// `Spans`.
pub(crate) fn resolve(
    args: &IndexArgs,
    model: Option<&Model>,
    recorded: Option<LongTexts>,
) -> anyhow::Result<Option<LongTexts>> {
    let usage = |message: &str| Err(Failure::Usage(message.to_owned()).into());
    let Some(asked) = args.long else { return Ok(None) };
    if asked == LongArg::Cut {
        return match (args.window, args.overlap) {
            (None, None) => Ok(Some(LongTexts::Cut)),
            _ => usage(
                "--window and --overlap are for --long max and passages; --long cut has no windows",
            ),
        };
    }
    let Some(model) = model else {
        return usage("--long is for texts that a model encodes; vectors are taken as they are");
    };
    let recorded = recorded.filter(|recorded| mode(*recorded) == asked).and_then(spans);
    let length = model.card().max_length.document;
    let window = args.window.or(recorded.map(|it| it.length)).unwrap_or(length);
    let overlap = args.overlap.or(recorded.map(|it| it.overlap)).unwrap_or(window / 8);
    let long = match asked {
        LongArg::Cut => LongTexts::Cut,
        LongArg::Max => LongTexts::Max { window, overlap },
        LongArg::Passages => LongTexts::Passages { window, overlap },
    };
    if let Some(spans) = spans(long) {
        model.check_spans(Side::Document, spans)?;
    }
    Ok(Some(long))
}

fn mode(long: LongTexts) -> LongArg {
    match long {
        LongTexts::Cut => LongArg::Cut,
        LongTexts::Max { .. } => LongArg::Max,
        LongTexts::Passages { .. } => LongArg::Passages,
    }
}

/// The spans that long texts are encoded in, if they are.
pub(crate) fn spans(long: LongTexts) -> Option<Spans> {
    match long {
        LongTexts::Cut => None,
        LongTexts::Max { window, overlap } | LongTexts::Passages { window, overlap } => {
            Some(Spans { length: window, overlap })
        }
    }
}
