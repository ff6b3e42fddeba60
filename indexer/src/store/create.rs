//! The folder of an index: it appears whole, and while nothing was indexed into it, it goes whole.
//!
//! It is made beside its place, with a first commit that carries the manifest, and then renamed.
//! Writing into it is left to `write`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use gleaner_catalog::{Analyzer, Fields, Manifest, new_id, register_analyzers};
use tantivy::IndexWriter;

use super::{
    directory::SealingDirectory,
    plugin::ImpactPlugin,
    writer::{open_writer, payload},
};
use crate::error::IndexError;

/// What [`create`] found where it put a new index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Created {
    /// Nothing.
    Folder,
    /// An empty folder.
    InEmptyFolder,
}

/// Links that are followed before they count as a circle.
const LINKS_LIMIT: usize = 40;

/// Threads of this process create one index after the other: their unfinished ones have the same name.
static CREATING: Mutex<()> = Mutex::new(());

/// Where a path leads, whether something is there or not: a link cannot be replaced by a folder.
pub(super) fn place(path: &Path) -> io::Result<PathBuf> {
    if let Ok(place) = path.canonicalize() {
        return Ok(place);
    }
    let mut place: PathBuf = std::path::absolute(path)?.components().collect();
    for _ in 0..LINKS_LIMIT {
        match (fs::read_link(&place), place.parent()) {
            (Ok(target), Some(parent)) => place = parent.join(target),
            _ => return Ok(place),
        }
    }
    // What the system says of a circle of links.
    fs::metadata(path).map(|_| place)
}

/// The place of an index folder, and how names of unfinished ones beside it begin.
fn place_and_prefix(path: &Path) -> Result<(PathBuf, String), IndexError> {
    let failed = |source| IndexError::Create { path: path.to_path_buf(), source };
    let place = place(path).map_err(failed)?;
    match (place.parent(), place.file_name()) {
        (Some(_), Some(name)) => {
            let prefix = format!(".{}.creating-", name.to_string_lossy());
            Ok((place, prefix))
        }
        _ => Err(IndexError::NotEmpty { path: path.to_path_buf() }),
    }
}

/// Makes an empty index beside `path` and renames it there. Nothing if another process or thread made
/// one there meanwhile.
///
/// # Errors
/// `NotEmpty`, `Create`, `Write`, `Storage`.
pub(super) fn create(
    path: &Path,
    manifest: &Manifest,
    analyzer: Analyzer,
) -> Result<Option<Created>, IndexError> {
    let _one_by_one = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = |source| IndexError::Create { path: path.to_path_buf(), source };
    let is_empty_folder =
        |path: &Path| fs::read_dir(path).is_ok_and(|mut dir| dir.next().is_none());
    let is_index = || path.join("meta.json").is_file();
    if path.exists() && !is_empty_folder(path) {
        return match is_index() {
            true => Ok(None),
            false => Err(IndexError::NotEmpty { path: path.to_path_buf() }),
        };
    }
    let made = if path.exists() { Created::InEmptyFolder } else { Created::Folder };
    let (place, prefix) = place_and_prefix(path)?;
    let parent = place.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(failed)?;
    remove_abandoned(parent, &prefix).map_err(failed)?;
    let staging = parent.join(format!("{prefix}{}", std::process::id()));
    fs::create_dir(&staging).map_err(failed)?;
    let created = create_in(&staging, manifest, analyzer).and_then(|()| {
        match fs::rename(&staging, &place) {
            Ok(()) => {}
            // The other process was faster.
            Err(_) if is_index() => return Ok(None),
            Err(error) => return Err(failed(error)),
        }
        fs::File::open(parent).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(Some(made))
    });
    if !matches!(created, Ok(Some(_))) {
        // The error that matters is the first one.
        let _ = fs::remove_dir_all(&staging);
    }
    created
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
    let failed = |source| IndexError::Create { path: folder.to_path_buf(), source };
    let directory = SealingDirectory::open(folder).map_err(failed)?;
    let index = tantivy::Index::builder()
        .schema(Fields::schema(analyzer))
        .register_plugin(Arc::new(ImpactPlugin::default()))
        .open_or_create(directory.clone())
        .map_err(|error| directory.explain(error))?;
    register_analyzers(&index);
    let mut writer = open_writer(&index, &directory, folder)?;
    let mut prepared = writer.prepare_commit().map_err(|error| directory.explain(error))?;
    let (id, commit) = (Some(new_id()), Some(new_id()));
    prepared.set_payload(&payload(&Manifest { id, commit, ..manifest.clone() })?);
    prepared.commit().map_err(|error| directory.explain(error))?;
    Ok(())
}
