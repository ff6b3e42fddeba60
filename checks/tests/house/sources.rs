//! The repository's own text files, or a made-up few.
//!
//! Paths are relative to the root, with `/`. What a rule makes of a text is left to the rule.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Endings of the files that rules read.
const READ: [&str; 3] = [".rs", ".md", "Cargo.toml"];

/// The folder above this crate's.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Texts by path.
pub(crate) struct Repository {
    files: BTreeMap<String, String>,
    /// Paths that exist, whether or not they are read; folders end in `/`.
    paths: BTreeSet<String>,
}

impl Repository {
    /// Reads this repository; build folders and hidden ones are left out.
    pub(crate) fn read() -> Self {
        let mut found = Self { files: BTreeMap::new(), paths: BTreeSet::new() };
        found.walk(&root(), "");
        assert!(found.rust().count() > 50, "the walk misses most of the workspace");
        found
    }

    /// A made-up repository.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files: BTreeMap<String, String> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { paths: files.keys().cloned().collect(), files }
    }

    fn walk(&mut self, folder: &Path, prefix: &str) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let relative = format!("{prefix}{name}");
            if path.is_dir() {
                let is_build = path.join("CACHEDIR.TAG").exists() || name == "target";
                if !is_build && !name.starts_with('.') && relative != "out" {
                    self.walk(&path, &format!("{relative}/"));
                    self.paths.insert(format!("{relative}/"));
                }
                continue;
            }
            if READ.iter().any(|end| name.ends_with(end)) {
                self.files.insert(relative.clone(), fs::read_to_string(&path).unwrap());
            }
            self.paths.insert(relative);
        }
    }

    /// The text of a file, if it is there.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Source files, with their texts.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ending(".rs")
    }

    /// Files with such an ending, with their texts.
    pub(crate) fn ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        files.filter(move |(path, _)| path.ends_with(end))
    }

    /// Whether a file or folder is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        path.is_empty() || self.paths.contains(path) || self.paths.contains(&format!("{path}/"))
    }

    /// Folders of crates.
    pub(crate) fn crates(&self) -> Vec<String> {
        let manifests = self.files.keys().filter_map(|path| path.strip_suffix("/Cargo.toml"));
        manifests.filter(|folder| !folder.contains('/')).map(str::to_owned).collect()
    }
}
