//! Vectors on their way out: the formats that other engines read.
//!
//! A format is a line for each text, or a file that starts with its counts. Where lines go is
//! `output`'s and `resumable_file`'s; which vectors there are is the business of the commands
//! `encode` and `export`.

use std::io::{self, Write};

use gleaner::{Model, SparseVector, exchange::CiffWriter};
use serde_json::{Map, Number, Value, json};

use crate::args::VectorFormat;

/// What Anserini's integer impacts are multiplied by.
const ANSERINI_SCALE: f32 = 100.0;

/// What a file of vectors is made of, which says when its parts can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileShape {
    /// A line for each text, written as it comes.
    Lines(LineFormat),
    /// Rows behind their counts: they wait for the end.
    Rows,
    /// Lists by term: rows wait until all are there.
    Lists,
}

/// How a vector is written as a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineFormat {
    /// As TEI's /embed_sparse answers.
    Tei,
    /// Anserini's JsonVectorCollection.
    Anserini,
    /// Seismic's JSONL.
    Seismic,
}

impl FileShape {
    /// The shape of a format of `encode`.
    pub(crate) fn of(format: VectorFormat) -> Self {
        match format {
            VectorFormat::Tei => Self::Lines(LineFormat::Tei),
            VectorFormat::Anserini => Self::Lines(LineFormat::Anserini),
            VectorFormat::Vectors => Self::Rows,
            VectorFormat::VectorsJsonl => Self::Lines(LineFormat::Seismic),
            VectorFormat::Ciff => Self::Lists,
        }
    }
}

impl LineFormat {
    /// The line of a text.
    pub(crate) fn line(
        self,
        id: &str,
        text: &str,
        vector: &SparseVector,
        token: impl Fn(u32) -> String,
    ) -> Value {
        match self {
            Self::Tei => tei_line(vector),
            Self::Anserini => anserini_line(id, text, vector, token),
            Self::Seismic => seismic_line(id, text, vector, token),
        }
    }
}

/// An id as Seismic and Anserini write it: a number where it is one.
fn id_value(id: &str) -> Value {
    match id.parse::<u64>() {
        Ok(number) if number.to_string() == id => json!(number),
        _ => json!(id),
    }
}

/// Adds a document to what will be a CIFF file.
pub(crate) fn push_ciff(
    lists: &mut CiffWriter,
    id: String,
    vector: &SparseVector,
) -> anyhow::Result<()> {
    lists.push(id, vector).map_err(anyhow::Error::msg)
}

/// Writes a CIFF file, with the model's tokens or with term ids, and says in it what its integers are.
pub(crate) fn write_ciff(
    lists: &CiffWriter,
    model: Option<&Model>,
    out: &mut impl Write,
) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let description = format!("gleaner {version}: learned sparse weights, round(100 x weight)");
    lists.write(model, &description, out)
}

/// `[{"index": 1012, "value": 0.97}, …]`
fn tei_line(vector: &SparseVector) -> Value {
    vector.iter().map(|(index, value)| json!({ "index": index, "value": value })).collect()
}

/// `{"id": …, "contents": …, "vector": {"token": integer}}`; weights that round to 0 are left out.
fn anserini_line(
    id: &str,
    text: &str,
    vector: &SparseVector,
    token: impl Fn(u32) -> String,
) -> Value {
    let impacts = vector.iter().map(|(term, weight)| (term, (weight * ANSERINI_SCALE).round()));
    let impacts = impacts.filter(|(_, impact)| *impact >= 1.0);
    let impacts: Map<String, Value> =
        impacts.map(|(term, impact)| (token(term), json!(impact as u64))).collect();
    json!({ "id": id, "contents": text, "vector": impacts })
}

/// `{"id": …, "content": …, "vector": {"token": weight}}`
pub(crate) fn seismic_line(
    id: &str,
    text: &str,
    vector: &SparseVector,
    token: impl Fn(u32) -> String,
) -> Value {
    let weights: Map<String, Value> = vector
        .iter()
        .filter_map(|(term, weight)| {
            // Through the shortest decimal, so that 0.1f32 is written 0.1.
            let number: Number = serde_json::from_str(&weight.to_string()).ok()?;
            Some((token(term), Value::Number(number)))
        })
        .collect();
    json!({ "id": id_value(id), "content": text, "vector": weights })
}

/// `{"id": …, "vector": […]}`, or the numbers alone; each as the shortest decimal that is it.
pub(crate) fn dense_line(id: Option<&String>, row: &[f32]) -> anyhow::Result<String> {
    let numbers = serde_json::to_string(row)?;
    Ok(match id {
        Some(id) => {
            let id: Value = id_value(id);
            format!("{{\"id\":{id},\"vector\":{numbers}}}")
        }
        None => numbers,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_have_their_readers_shapes() {
        let vector = SparseVector::from_pairs([(5, 0.1), (9, 2.456), (11, 0.001)]).unwrap();
        let token = |term: u32| format!("t{term}");
        assert_eq!(tei_line(&vector)[0], json!({ "index": 5, "value": 0.1f32 }));
        assert_eq!(
            anserini_line("7", "x", &vector, token),
            json!({ "id": "7", "contents": "x", "vector": { "t5": 10, "t9": 246 } })
        );
        let seismic = seismic_line("7", "x", &vector, token).to_string();
        assert_eq!(seismic, r#"{"content":"x","id":7,"vector":{"t11":0.001,"t5":0.1,"t9":2.456}}"#);
        assert_eq!(seismic_line("07", "", &vector, token)["id"], json!("07"));
    }
}
