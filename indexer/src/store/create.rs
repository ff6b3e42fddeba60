//! The folder of an index: it appears whole, and while nothing was indexed into it, it goes whole.
//!
//! It is made beside its place, with a first commit that carries the manifest, and then renamed.
//! Writing into it is left to `write`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_catalog::{Analyzer, Fields, Manifest, register_analyzers};
use tantivy::IndexWriter;

use super::{
    plugin::ImpactPlugin,
    writer::{open_writer, payload},
};
use crate::error::{IndexError, storage};

/// What [`create`] found where it put a new index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Created {
    /// Nothing.
    Folder,
    /// An empty folder.
    InEmptyFolder,
}

/// The absolute path of an index folder, and how names of unfinished ones beside it begin.
fn place_and_prefix(path: &Path) -> Result<(PathBuf, String), IndexError> {
    let failed = |source| IndexError::Create { path: path.to_path_buf(), source };
    let place = std::path::absolute(path).map_err(failed)?;
    match (place.parent(), place.file_name()) {
        (Some(_), Some(name)) => {
            let prefix = format!(".{}.creating-", name.to_string_lossy());
            Ok((place, prefix))
        }
        _ => Err(IndexError::NotEmpty { path: path.to_path_buf() }),
    }
}

/// Makes an empty index beside `path` and renames it there.
///
/// # Errors
/// `NotEmpty`, `Create`, `Storage`.
pub(super) fn create(
    path: &Path,
    manifest: &Manifest,
    analyzer: Analyzer,
) -> Result<Created, IndexError> {
    let failed = |source| IndexError::Create { path: path.to_path_buf(), source };
    let is_empty_folder =
        |path: &Path| fs::read_dir(path).is_ok_and(|mut dir| dir.next().is_none());
    if path.exists() && !is_empty_folder(path) {
        return Err(IndexError::NotEmpty { path: path.to_path_buf() });
    }
    let made = if path.exists() { Created::InEmptyFolder } else { Created::Folder };
    let (place, prefix) = place_and_prefix(path)?;
    let parent = place.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(failed)?;
    remove_abandoned(parent, &prefix).map_err(failed)?;
    let staging = parent.join(format!("{prefix}{}", std::process::id()));
    fs::create_dir(&staging).map_err(failed)?;
    let created = create_in(&staging, manifest, analyzer).and_then(|()| {
        fs::rename(&staging, &place).map_err(failed)?;
        fs::File::open(parent).and_then(|folder| folder.sync_all()).map_err(failed)
    });
    if created.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_dir_all(&staging);
    }
    created.map(|()| made)
}

/// Removes what processes that died left of their attempts to create the same index.
fn remove_abandoned(parent: &Path, prefix: &str) -> std::io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(Ok(process)) = name.strip_prefix(prefix).map(str::parse::<u32>) else { continue };
        // A leftover of this very number is of an earlier process (in a container it always is).
        // Where the system does not list its processes, others cannot be told from the dead.
        let is_dead = Path::new("/proc/self").exists()
            && !Path::new("/proc").join(process.to_string()).exists();
        if (process == std::process::id() || is_dead) && is_unfinished_index(&entry.path()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Removes an index, renamed first, while the lock is held, so that nobody opens half of one.
///
/// # Errors
/// `Discard`.
pub(super) fn remove(path: &Path, writer: IndexWriter) -> Result<(), IndexError> {
    let failed = |source| IndexError::Discard { path: path.to_path_buf(), source };
    let (place, prefix) = place_and_prefix(path)?;
    let staging = place.with_file_name(format!("{prefix}{}", std::process::id()));
    fs::rename(&place, &staging).map_err(failed)?;
    drop(writer);
    fs::remove_dir_all(&staging).map_err(failed)
}

/// Whether a folder holds nothing but what the creation of an index writes.
pub(super) fn is_unfinished_index(folder: &Path) -> bool {
    let is_ours = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let stem = name.split('.').next().unwrap_or_default();
        let is_segment = stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_known = ["meta.json", ".managed.json"].contains(&&name[..]);
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let is_passing = name.starts_with(".tantivy-") || name.starts_with(".tmp");
        is_file && (is_segment || is_known || is_passing)
    };
    let entries = fs::read_dir(folder);
    entries.is_ok_and(|entries| entries.into_iter().all(|entry| entry.is_ok_and(is_ours)))
}

fn create_in(folder: &Path, manifest: &Manifest, analyzer: Analyzer) -> Result<(), IndexError> {
    let index = tantivy::Index::builder()
        .schema(Fields::schema(analyzer))
        .register_plugin(Arc::new(ImpactPlugin::default()))
        .create_in_dir(folder)
        .map_err(storage)?;
    register_analyzers(&index);
    let mut writer = open_writer(&index, folder)?;
    let mut prepared = writer.prepare_commit().map_err(storage)?;
    prepared.set_payload(&payload(manifest)?);
    prepared.commit().map_err(storage)?;
    Ok(())
}
