//! The folder of indexes: which of its subfolders are served, by which name.
//!
//! It is listed once, when the server starts. A name is a segment of a path of the interface, so it
//! has few characters.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::error::ServeError;

/// The indexes in a folder by name. Others that look like one are named in `warnings`.
pub(super) fn find_indexes(
    data: &Path,
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<String, PathBuf>, ServeError> {
    if !data.is_dir() {
        return Err(ServeError::DataNotFound { path: data.to_owned() });
    }
    if is_index(data) {
        return Err(ServeError::DataIsIndex { path: data.to_owned(), parent: parent(data) });
    }
    let list = |source| ServeError::List { path: data.to_owned(), source };
    let mut indexes = BTreeMap::new();
    for entry in std::fs::read_dir(data).map_err(list)? {
        let folder = entry.map_err(list)?.path();
        if !is_index(&folder) {
            continue;
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

fn is_index(folder: &Path) -> bool {
    folder.join("meta.json").is_file()
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
