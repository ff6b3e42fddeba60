//! `gleaner.toml` of a sparse model as it is written, and how it becomes [`Settings`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::EncodeError;
use crate::family::choices::{Activation, Batching, Pooling, SideEncoder};
use crate::family::folder::{FILE_NAME, first_present, only_graph, stated};
use crate::family::kind::ModelKind;
use crate::family::layout::{Layout, Remaining};
use crate::family::lengths::FileMaxLength;
use crate::family::settings::golden::FileGolden;
use crate::family::settings::names::{FileInputs, Names};
use crate::family::settings::said::Said;
use crate::family::settings::sparse::{
    GraphSettings, HeadTensors, SaidSteps, Settings, SideSettings,
};
use crate::family::settings::splade::{Splade, SpladeSide};
use crate::files::{read_text, toml_cause};
use crate::session::prune::Prune;
use crate::text::template::Template;
use crate::text::unit::{TermSettings, Unit};

/// Tokens per text, specials included, where nothing is stated.
const DEFAULT_MAX_LENGTH: usize = 256;
/// Where nothing is stated, a term of a gated model stays when its gate is above this.
const DEFAULT_GATE: f32 = 0.5;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SparseFile {
    /// Read before everything else is.
    #[serde(rename = "kind")]
    _kind: Option<ModelKind>,
    graph: Option<PathBuf>,
    layout: Option<Layout>,
    pooling: Option<Pooling>,
    activation: Option<Activation>,
    gate: Option<f32>,
    batching: Option<Batching>,
    #[serde(default)]
    max_length: FileMaxLength,
    #[serde(default)]
    inputs: FileInputs,
    #[serde(default)]
    outputs: FileOutputs,
    #[serde(default)]
    terms: FileTerms,
    #[serde(default)]
    query: FileQuery,
    #[serde(default)]
    document: FileSide,
    golden: Option<FileGolden>,
    head: Option<HeadTensors>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileOutputs {
    weights: Option<String>,
    ids: Option<String>,
    gate: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTerms {
    #[serde(default)]
    unit: Unit,
    names: Option<PathBuf>,
    first: Option<u32>,
    count: Option<usize>,
    #[serde(default)]
    drop: Vec<String>,
}

macro_rules! side_table {
    ($name:ident { $($own:ident: $type:ty),* }) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name {
            $(#[serde(default)] $own: $type,)*
            encoder: Option<SideEncoder>,
            graph: Option<PathBuf>,
            weights: Option<PathBuf>,
            prefix: Option<String>,
            template: Option<String>,
            max_length: Option<usize>,
            pooling: Option<Pooling>,
            activation: Option<Activation>,
            prune: Option<Prune>,
        }
    };
}

// serde cannot flatten a table whose unknown keys are errors, so the shared keys are written by
// a macro.
side_table!(FileSide {});
side_table!(FileQuery { also: Vec<SideEncoder> });

impl FileQuery {
    fn split(self) -> (FileSide, Vec<SideEncoder>) {
        let Self { also, encoder, graph, weights, prefix, template, max_length, .. } = self;
        let Self { pooling, activation, prune, .. } = self;
        let side = FileSide {
            encoder,
            graph,
            weights,
            prefix,
            template,
            max_length,
            pooling,
            activation,
            prune,
        };
        (side, also)
    }
}

/// What settling a side needs to know of the rest of the file.
struct Shared<'a> {
    folder: &'a Path,
    path: &'a Path,
    pooling: Option<Pooling>,
    activation: Option<Activation>,
    /// What the files of another library state.
    said: &'a Splade,
}

impl Shared<'_> {
    /// Where a graph may lie: the model's folder first, then that of the documents' transformer.
    fn folders(&self) -> Vec<&Path> {
        let own = self.said.document.folder.as_deref();
        std::iter::once(self.folder).chain(own).collect()
    }

    /// The folder of the queries' own transformer, where they have one.
    fn folder_of_queries(&self) -> Option<&Path> {
        let own = self.said.query.folder.as_deref();
        own.filter(|own| Some(*own) != self.said.document.folder.as_deref())
    }

    fn invalid(&self, key: &'static str, reason: impl Into<String>) -> EncodeError {
        let (path, reason) = (self.path.to_owned(), reason.into());
        EncodeError::InvalidSetting { path, key, reason }
    }

    fn stated(
        &self,
        name: Option<&PathBuf>,
        names: (&'static str, &'static str),
    ) -> Result<Option<PathBuf>, EncodeError> {
        name.map(|name| stated(self.folder, name, self.path, names)).transpose()
    }

    /// One side, its graph found already; `said` is what the folder's own files state of it.
    fn side(
        &self,
        file: FileSide,
        graph: Option<PathBuf>,
        said: &SpladeSide,
    ) -> Result<SideSettings, EncodeError> {
        let encoder = file.encoder.unwrap_or(SideEncoder::Graph);
        let own_table = said.table.as_ref().filter(|_| encoder == SideEncoder::Idf);
        let weights = match self.stated(file.weights.as_ref(), ("weights", "table of weights"))? {
            Some(weights) => Some(weights),
            None => own_table
                .map(|table| table.value.clone())
                .or_else(|| first_present(self.folder, encoder.table_files())),
        };
        if let (Some(usual), None) = (encoder.table_files().first(), &weights) {
            let path = self.folder.join(usual);
            return Err(EncodeError::MissingFile { what: "table of weights", path });
        }
        let mut from = BTreeMap::new();
        let template = self.template(file.prefix, file.template, said)?;
        from.insert("template", template.from);
        let lower_case = said.lower_case.as_ref().filter(|said| said.value);
        from.extend(lower_case.map(|said| ("lower_case", said.from.clone())));
        let prune = file.prune.unwrap_or_default();
        prune.check().map_err(|reason| self.invalid("prune", reason))?;
        Ok(SideSettings {
            encoder,
            graph,
            weights,
            template: template.value,
            // What both sides share is about graphs.
            pooling: file.pooling.or(self.pooling.filter(|_| encoder.runs_graph())),
            activation: file.activation.or(self.activation.filter(|_| encoder.runs_graph())),
            said: SaidSteps { pooling: said.pooling.clone(), activation: said.activation.clone() },
            prune,
            lower_case: lower_case.is_some(),
            from,
        })
    }

    /// What is put around the texts of a side.
    fn template(
        &self,
        prefix: Option<String>,
        template: Option<String>,
        said: &SpladeSide,
    ) -> Result<Said<Template>, EncodeError> {
        let stated = |value| Said { value, from: FILE_NAME.to_owned() };
        match (prefix, template, &said.prompt) {
            (Some(_), Some(_), _) => {
                Err(self.invalid("template", "there is a `prefix` too; state one of them"))
            }
            (Some(prefix), None, _) => Ok(stated(Template::prefix(&prefix))),
            (None, Some(template), _) => Template::parse(&template)
                .map(stated)
                .map_err(|reason| self.invalid("template", reason)),
            (None, None, Some(prompt)) => {
                Ok(Said { value: Template::prefix(&prompt.value), from: prompt.from.clone() })
            }
            (None, None, None) => Ok(Said::default(Template::default())),
        }
    }
}

impl Settings {
    /// Reads the settings of a model folder and fills in the defaults. `query` chooses the encoder
    /// of queries among those the folder states.
    ///
    /// Errors: `InvalidFile` for broken TOML, unknown keys and unknown names; `InvalidSetting` for
    /// values the model cannot take; `OtherKind` when the file says that the model is dense;
    /// `MissingFile` or `AmbiguousGraph` when no graph can be named; `QueryEncoder` when the folder
    /// does not offer the one asked for.
    pub(crate) fn read(folder: &Path, query: Option<SideEncoder>) -> Result<Self, EncodeError> {
        ModelKind::Sparse.check(folder)?;
        let file = SparseFile::read(folder)?;
        let said = Splade::read(folder, file.graph_has_steps())?;
        file.settle(folder, query, &said)
    }
}

impl SparseFile {
    fn read(folder: &Path) -> Result<Self, EncodeError> {
        let path = folder.join(FILE_NAME);
        let Some(text) = read_text(&path)? else { return Ok(Self::default()) };
        toml::from_str(&text).map_err(|error| EncodeError::InvalidFile {
            what: "settings file",
            path,
            source: toml_cause(&error, &text),
        })
    }

    /// Whether the file says that the graph has done all steps.
    fn graph_has_steps(&self) -> bool {
        let is_done = |layout: Layout| matches!(layout.remaining(), Remaining::Nothing);
        self.layout.is_some_and(is_done)
            || self.document.pooling.or(self.pooling) == Some(Pooling::Graph)
    }

    fn settle(
        mut self,
        folder: &Path,
        asked: Option<SideEncoder>,
        said: &Splade,
    ) -> Result<Settings, EncodeError> {
        let path = folder.join(FILE_NAME);
        let (pooling, activation) = (self.pooling, self.activation);
        let shared = Shared { folder, path: &path, pooling, activation, said };
        let (mut query, also) = std::mem::take(&mut self.query).split();
        let document = std::mem::take(&mut self.document);
        let encoders = [
            origin_of_encoder(&query, said.query.table.as_ref()),
            origin_of_encoder(&document, None),
        ];
        if said.query.table.is_some() {
            query.encoder = query.encoder.or(Some(SideEncoder::Idf));
        }
        let query_is_stated = choose(&mut query, &also, asked, &shared)?;
        let said_query = said_of_queries(&query, said);
        let lengths = [query.max_length, document.max_length];
        let default = |side: &SpladeSide| {
            side.max_length.clone().unwrap_or_else(|| Said::default(DEFAULT_MAX_LENGTH))
        };
        let defaults = [default(said_query), default(&said.document)];
        let positions = [said_query.positions, said.document.positions];
        let lengths = self.max_length.settle(&path, lengths, defaults, positions)?;
        let [query_graph, document_graph] = self.graphs(&shared, &query, &document)?;
        let golden = self.golden.as_ref();
        let golden = golden.map(|golden| golden.settle(folder, &path)).transpose()?;
        let gate = self.gate.unwrap_or(DEFAULT_GATE);
        if !gate.is_finite() {
            return Err(shared.invalid("gate", format!("{gate} is not a threshold")));
        }
        let terms = self.terms.settle(&shared)?;
        let mut query = shared.side(query, query_graph, said_query)?;
        let mut document = shared.side(document, document_graph, &said.document)?;
        for (at, side) in [&mut query, &mut document].into_iter().enumerate() {
            let encoder = match at == 0 && !query_is_stated {
                true => "what was asked for".to_owned(),
                false => encoders[at].clone(),
            };
            side.from.extend([("encoder", encoder), ("max_length", lengths.from[at].clone())]);
        }
        let inputs = self.inputs.names();
        let FileOutputs { weights, ids, gate: gates } = self.outputs;
        let outputs = Names { weights, ids, gate: gates, ..Names::default() };
        Ok(Settings {
            graph: GraphSettings { layout: self.layout, inputs, outputs, head: self.head },
            gate,
            batching: self.batching.unwrap_or(Batching::Padded),
            lengths,
            terms,
            query,
            document,
            golden,
            query_is_stated,
            tokenizer: said.tokenizer(folder)?,
            path,
        })
    }

    /// The graphs of queries and of documents: each its own, or the one both share.
    fn graphs(
        &self,
        shared: &Shared<'_>,
        query: &FileSide,
        document: &FileSide,
    ) -> Result<[Option<PathBuf>; 2], EncodeError> {
        let own_query = shared.stated(query.graph.as_ref(), ("query.graph", "graph"))?;
        let own_document = shared.stated(document.graph.as_ref(), ("document.graph", "graph"))?;
        let common = shared.stated(self.graph.as_ref(), ("graph", "graph"))?;
        let needs = |side: &FileSide| side.encoder.unwrap_or(SideEncoder::Graph).runs_graph();
        let folders = shared.folders();
        let only = || match &common {
            Some(graph) => Ok(graph.clone()),
            None => only_graph(&folders, own_query.as_deref(), ModelKind::Sparse),
        };
        let document = match own_document {
            Some(graph) => Some(graph),
            None if needs(document) => Some(only()?),
            None => None,
        };
        let query = match own_query {
            Some(graph) => Some(graph),
            None if needs(query) => Some(match (&common, shared.folder_of_queries()) {
                (None, Some(folder)) => only_graph(&[folder], None, ModelKind::Sparse)?,
                _ => document.clone().map_or_else(only, Ok)?,
            }),
            None => None,
        };
        Ok([query, document])
    }
}

/// Puts the encoder that was asked for in the place of the stated one, if the folder offers it.
/// Returns whether the stated one stays.
fn choose(
    query: &mut FileSide,
    also: &[SideEncoder],
    asked: Option<SideEncoder>,
    shared: &Shared<'_>,
) -> Result<bool, EncodeError> {
    let folder = shared.folder;
    let stated = query.encoder.unwrap_or(SideEncoder::Graph);
    let Some(asked) = asked.filter(|&asked| asked != stated) else { return Ok(true) };
    // Several graphs are an error elsewhere, unless the settings name one.
    let has_graph = || {
        let only = || only_graph(&shared.folders(), None, ModelKind::Sparse);
        query.graph.is_some() || matches!(only(), Ok(_) | Err(EncodeError::AmbiguousGraph { .. }))
    };
    let lies_there = |encoder: SideEncoder| match encoder {
        SideEncoder::Graph => has_graph(),
        SideEncoder::Ones => false,
        SideEncoder::Idf | SideEncoder::Embedding => {
            first_present(folder, encoder.table_files()).is_some()
        }
    };
    let is_offered = |encoder: &SideEncoder| {
        *encoder == stated || also.contains(encoder) || lies_there(*encoder)
    };
    if !is_offered(&asked) {
        let offered =
            SideEncoder::ALL.into_iter().filter(is_offered).map(SideEncoder::name).collect();
        let folder = folder.to_owned();
        return Err(EncodeError::QueryEncoder { folder, asked: asked.name(), offered });
    }
    // The stated table and steps belong to the stated encoder.
    query.weights = None;
    if !asked.runs_graph() {
        (query.pooling, query.activation) = (None, None);
    }
    query.encoder = Some(asked);
    Ok(false)
}

/// What states the encoder of a side, before anybody asks for another.
fn origin_of_encoder(side: &FileSide, table: Option<&Said<PathBuf>>) -> String {
    match (side.encoder, table) {
        (Some(_), _) => FILE_NAME.to_owned(),
        (None, Some(table)) => table.from.clone(),
        (None, None) => "default".to_owned(),
    }
}

/// What the folder states of queries: of documents, where queries take their way.
fn said_of_queries<'a>(query: &FileSide, said: &'a Splade) -> &'a SpladeSide {
    let runs_graph = query.encoder.unwrap_or(SideEncoder::Graph).runs_graph();
    match runs_graph && said.query.table.is_some() {
        true => &said.document,
        false => &said.query,
    }
}

impl FileTerms {
    fn settle(self, shared: &Shared<'_>) -> Result<TermSettings, EncodeError> {
        let Self { unit, names, first, count, drop } = self;
        let names = shared.stated(names.as_ref(), ("terms.names", "table of names"))?;
        if unit.is_word() && names.is_none() {
            return Err(
                shared.invalid("terms.names", "whole words need a table that gives them ids")
            );
        }
        if first.is_some() && names.is_none() {
            return Err(shared.invalid("terms.first", "it is the id of the first line of `names`"));
        }
        Ok(TermSettings { unit, names, first, count, drop })
    }
}
