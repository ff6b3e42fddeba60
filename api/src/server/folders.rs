//! The folder of indexes: which of its subfolders are served, by which name.
//!
//! It is listed once, when the server starts. A name is a segment of a path of the interface, so it
//! has few characters.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::error::ServeError;

/// The list of an index's commit.
const LIST: &str = "meta.json";

/// The indexes in a folder by name. Others that look like one are named in `warnings`.
pub(super) fn find_indexes(
    data: &Path,
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<String, PathBuf>, ServeError> {
    if !data.is_dir() {
        return Err(ServeError::DataNotFound { path: data.to_owned() });
    }
    if data.join(LIST).is_file() {
        return Err(ServeError::DataIsIndex { path: data.to_owned(), parent: parent(data) });
    }
    let list = |source| ServeError::List { path: data.to_owned(), source };
    let mut indexes = BTreeMap::new();
    for entry in std::fs::read_dir(data).map_err(list)? {
        let folder = entry.map_err(list)?.path();
        match is_index(&folder) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                warnings.push(format!("`{}` is not served: {error}", folder.display()));
                continue;
            }
        }
        let name = folder.file_name().and_then(|name| name.to_str());
        match name.filter(|name| is_name(name)) {
            Some(name) => {
                indexes.insert(name.to_owned(), folder);
            }
            None => warnings.push(format!(
                "`{}` is not served: a name has letters, digits, `.`, `_` and `-`, and no `.` first",
                folder.display()
            )),
        }
    }
    Ok(indexes)
}

/// Whether a folder is an index, or was one and lost its list: that is for whoever opens it to say.
///
/// Errors: what the system says of a link that leads nowhere.
fn is_index(folder: &Path) -> std::io::Result<bool> {
    if !std::fs::metadata(folder)?.is_dir() {
        return Ok(false);
    }
    let has_list = match folder.join(LIST).symlink_metadata() {
        Ok(_) => true,
        // Nobody can say; opening it will fail with the reason.
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    };
    let is_segment = |file: PathBuf| file.extension().is_some_and(|name| name == "imp");
    let mut files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    Ok(has_list || files.any(|entry| is_segment(entry.path())))
}

/// The folder that holds `folder`, also for `.` and names without a folder.
fn parent(folder: &Path) -> PathBuf {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.parent().unwrap_or(&whole).to_owned()
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_a_path_segment_can_be() {
        for name in ["a", "SciFact-2.1", "_x", "-", "0"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", ".hidden", "a b", "a/b", "é", "a\n"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
