//! What `model pull` is asked for: files with their URLs and hashes, and where they go.
//!
//! What a NAME means stands in `data/sources.toml`, as it was when this binary was built, or in the
//! file that `--catalogue` names: an entry with a `url` below which its `files` lie.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::Context;
use serde::Deserialize;

use crate::{args::PullArgs, failure::Failure};

/// What could be pulled when this binary was built.
const SOURCES: &str = include_str!("../../../../../data/sources.toml");
/// Where models go unless told otherwise.
const MODELS: &str = "data/models";

/// An entry of the catalogue.
#[derive(Deserialize)]
struct CatalogueEntry {
    url: Option<String>,
    /// Below `data`, for what ships.
    #[serde(default)]
    folder: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    licence: String,
}

/// Everything that will be fetched.
pub(super) struct WantedModel {
    pub(super) files: Vec<WantedFile>,
    pub(super) out: PathBuf,
    pub(super) licence: String,
}

/// A file that will be fetched.
pub(super) struct WantedFile {
    /// Below the model folder.
    pub(super) name: String,
    pub(super) url: String,
    /// Lower-case digits; nothing if the user does without.
    pub(super) sha256: Option<String>,
}

/// Reads what is asked for: a URL, or a name of the catalogue.
///
/// Errors: `Usage` for flags that do not go together; `NotInCatalogue`; `Ships`.
pub(super) fn wanted_model(args: &PullArgs) -> anyhow::Result<WantedModel> {
    match args.source.contains("://") {
        true => wanted_by_url(args),
        false => wanted_by_name(args),
    }
}

/// An error of usage.
pub(super) fn usage(message: impl Into<String>) -> anyhow::Error {
    Failure::Usage(message.into()).into()
}

/// What a name of the catalogue means.
fn wanted_by_name(args: &PullArgs) -> anyhow::Result<WantedModel> {
    let name = &args.source;
    if args.sha256.is_some() || !args.file.is_empty() || args.unverified {
        return Err(usage("--sha256, --file and --unverified are for URLs; a name has its hashes"));
    }
    let text = match &args.catalogue {
        Some(path) => fs::read_to_string(path)
            .with_context(|| format!("cannot read the catalogue {}", path.display()))?,
        None => SOURCES.to_owned(),
    };
    let mut entries: BTreeMap<String, CatalogueEntry> =
        toml::from_str(&text).context("the catalogue is not valid")?;
    let entry = entries.remove(name);
    if let Some(CatalogueEntry { url: None, folder, .. }) = &entry
        && folder.starts_with("models/")
    {
        let (name, folder) = (name.clone(), format!("data/{folder}"));
        return Err(Failure::Ships { name, folder }.into());
    }
    let Some(CatalogueEntry { url: Some(url), files, licence, .. }) = entry else {
        let known = entries.iter().filter(|(_, entry)| entry.url.is_some());
        let known: Vec<String> = known.map(|(name, _)| name.clone()).collect();
        return Err(Failure::NotInCatalogue { name: name.clone(), known }.into());
    };
    if files.is_empty() {
        anyhow::bail!("the catalogue lists no files for {name}");
    }
    let files = files.into_iter().map(|(file, sha256)| wanted_file(&url, &file, Some(&sha256)));
    let out = args.out.clone().unwrap_or_else(|| Path::new(MODELS).join(name));
    Ok(WantedModel { files: files.collect::<anyhow::Result<_>>()?, out, licence })
}

/// What a URL and its flags mean.
fn wanted_by_url(args: &PullArgs) -> anyhow::Result<WantedModel> {
    let url = &args.source;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(usage(format!("{url} is neither https:// nor http://")));
    }
    let out = args.out.clone().ok_or_else(|| usage("a URL needs `--out DIR`, the model folder"))?;
    let files = if args.file.is_empty() {
        let (folder, file) = url.rsplit_once('/').unwrap_or_default();
        vec![wanted_file(folder, file, args.sha256.as_deref())?]
    } else if args.sha256.is_some() {
        return Err(usage("with --file the hash stands behind the name: `--file NAME=SHA256`"));
    } else {
        let file = |file: &String| match file.split_once('=') {
            Some((name, sha256)) => wanted_file(url, name, Some(sha256)),
            None => wanted_file(url, file, None),
        };
        args.file.iter().map(file).collect::<anyhow::Result<Vec<_>>>()?
    };
    let unproven = files.iter().find(|file| file.sha256.is_none());
    if let Some(file) = unproven.filter(|_| !args.unverified) {
        return Err(usage(format!(
            "nothing says what {} must be: pass --sha256 HASH (or --file NAME=HASH), or --unverified \
             to take whatever comes",
            file.url
        )));
    }
    Ok(WantedModel { files, out, licence: String::new() })
}

/// A file below a URL, with the hash that it must have.
fn wanted_file(folder: &str, name: &str, sha256: Option<&str>) -> anyhow::Result<WantedFile> {
    let mut parts = Path::new(name).components();
    let stays_inside = parts.all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !stays_inside || name.contains(['?', '#', '\\']) {
        return Err(usage(format!("`{name}` is no name of a file in a model folder")));
    }
    let sha256 = sha256.map(str::to_ascii_lowercase);
    if let Some(hash) = &sha256
        && (hash.len() != 64 || !hash.bytes().all(|digit| digit.is_ascii_hexdigit()))
    {
        return Err(usage(format!("`{hash}` is no SHA-256: that has 64 hexadecimal digits")));
    }
    let url = format!("{}/{name}", folder.trim_end_matches('/'));
    Ok(WantedFile { name: name.to_owned(), url, sha256 })
}
