//! The list of a commit with the seals of its files in its manifest.
//!
//! The storage layer writes the list also after a merge, with the manifest of the commit before. So seals
//! are put in here, where every list passes, and not where a manifest is made.

use std::{collections::BTreeMap, fs, io, path::Path};

use gleaner_catalog::{DENSE_EXTENSION, FileSeal, IMPACT_EXTENSION, Manifest, Sealer, list_file};
use serde::Deserialize;

/// Seals by the names of files.
pub(super) type Seals = BTreeMap<String, FileSeal>;

/// How the manifest begins in a list. It is the last member, and text cannot hold a line's end.
const PAYLOAD_MEMBER: &str = "\n  \"payload\": ";

/// Bytes read at once of a file without a seal.
const PIECE_BYTES: usize = 1 << 20;

/// What of a list says which files there are.
#[derive(Deserialize)]
struct List {
    segments: Vec<ListedSegment>,
    payload: Option<String>,
}

#[derive(Deserialize)]
struct ListedSegment {
    segment_id: String,
    deletes: Option<ListedDeletes>,
}

#[derive(Deserialize)]
struct ListedDeletes {
    num_deleted_docs: u32,
    opstamp: u64,
}

impl ListedSegment {
    fn files(&self) -> impl Iterator<Item = String> + '_ {
        let stem = self.segment_id.replace('-', "");
        let kinds = ["idx", "pos", "fast", "fieldnorm", "term", "store"];
        let deletes = self.deletes.as_ref().filter(|deletes| deletes.num_deleted_docs > 0);
        let deletes = deletes.map(|deletes| format!("{}.del", deletes.opstamp));
        let kinds = kinds.into_iter().chain([IMPACT_EXTENSION, DENSE_EXTENSION]);
        kinds.map(str::to_owned).chain(deletes).map(move |kind| format!("{stem}.{kind}"))
    }
}

/// A list whose manifest names all its files. Those without a seal, which an earlier version wrote, are
/// read. A list without a manifest, or with one of an earlier version, stays as it is.
///
/// # Errors
/// Those of reading such files; `InvalidData` for a list that is none of ours; an error if the folder holds
/// another index by now.
pub(super) fn with_seals(list: &[u8], known: &Seals, folder: &Path) -> io::Result<Vec<u8>> {
    let foreign = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let parsed: List = serde_json::from_slice(list)?;
    let Some(payload) = &parsed.payload else { return Ok(list.to_vec()) };
    let mut manifest =
        Manifest::read(Some(payload), folder).map_err(|error| foreign(error.to_string()))?;
    if !manifest.is_sealed() {
        return Ok(list.to_vec());
    }
    let seal = |name: String| -> io::Result<(String, FileSeal)> {
        let seal = match known.get(&name) {
            Some(seal) => *seal,
            None => seal_of_file(&folder.join(&name))?,
        };
        Ok((name, seal))
    };
    if let Some(other) = id_in(folder).filter(|id| Some(id) != manifest.id.as_ref()) {
        return Err(io::Error::other(format!("another index, {other}, was put in its place")));
    }
    let names = parsed.segments.iter().flat_map(ListedSegment::files);
    manifest.files = names.map(seal).collect::<io::Result<_>>()?;
    let text = std::str::from_utf8(list).map_err(|error| foreign(error.to_string()))?;
    let (before, _) = text
        .rsplit_once(PAYLOAD_MEMBER)
        .ok_or_else(|| foreign("the manifest is not where it was expected".to_owned()))?;
    let payload = serde_json::to_string(&manifest.to_payload()?)?;
    Ok(format!("{before}{PAYLOAD_MEMBER}{payload}\n}}\n").into_bytes())
}

/// The id of the index that is in a folder now, if that can be said.
fn id_in(folder: &Path) -> Option<String> {
    let list = folder.join("meta.json");
    list_file(&list).ok()?;
    let list: List = serde_json::from_slice(&fs::read(list).ok()?).ok()?;
    Manifest::read(list.payload.as_deref(), folder).ok()?.id
}

fn seal_of_file(file: &Path) -> io::Result<FileSeal> {
    let (mut file, mut sealer) = (fs::File::open(file)?, Sealer::default());
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match io::Read::read(&mut file, &mut piece)? {
            0 => return Ok(sealer.finish()),
            len => sealer.update(&piece[..len]),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn list(payload: &str) -> String {
        let segment = "{\n      \"segment_id\": \"0a-1b\",\n      \"max_doc\": 3,\n      \
            \"deletes\": {\"num_deleted_docs\": 1, \"opstamp\": 9}\n    }";
        let payload = serde_json::to_string(payload).unwrap();
        format!(
            "{{\n  \"segments\": [{segment}],\n  \"opstamp\": 9,\n  \"payload\": {payload}\n}}\n"
        )
    }

    #[test]
    fn a_list_gets_the_seals_that_are_known_and_those_of_files_that_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["idx", "pos", "fast", "fieldnorm", "term", "store", "imp", "vec", "9.del"];
        for name in names {
            fs::write(folder.path().join(format!("0a1b.{name}")), name).unwrap();
        }
        let known = Seals::from([("0a1b.idx".to_owned(), FileSeal::of(b"other"))]);
        let mut manifest = Manifest::new(None, Default::default());
        manifest.id = Some("\"quoted\"\n".to_owned());
        let before = list(&manifest.to_payload().unwrap());
        let sealed = with_seals(before.as_bytes(), &known, folder.path()).unwrap();
        let read: List = serde_json::from_slice(&sealed).unwrap();
        let sealed = Manifest::read(read.payload.as_deref(), folder.path()).unwrap();
        assert_eq!(sealed.files.len(), names.len());
        assert_eq!(sealed.files["0a1b.idx"], FileSeal::of(b"other"));
        assert_eq!(sealed.files["0a1b.9.del"], FileSeal::of(b"9.del"));
        manifest.files = sealed.files;
        let again = list(&manifest.to_payload().unwrap());
        // Sealing what is sealed changes nothing, to the byte.
        assert_eq!(with_seals(again.as_bytes(), &known, folder.path()).unwrap(), again.as_bytes());
        // Another index in the folder is not written over.
        let other = Manifest { id: Some("other".to_owned()), ..manifest.clone() };
        fs::write(folder.path().join("meta.json"), list(&other.to_payload().unwrap())).unwrap();
        let error = with_seals(again.as_bytes(), &known, folder.path()).unwrap_err().to_string();
        assert!(error.contains("another index, other,"), "{error}");
        fs::write(folder.path().join("meta.json"), &again).unwrap();
        // A file that cannot be read is an error.
        fs::remove_file(folder.path().join("0a1b.imp")).unwrap();
        assert!(with_seals(again.as_bytes(), &known, folder.path()).is_err());
    }

    #[test]
    fn a_list_of_an_earlier_version_stays_as_it_is() {
        let mut manifest = Manifest::new(None, Default::default());
        manifest.version = 1;
        let list = list(&manifest.to_payload().unwrap());
        let same = with_seals(list.as_bytes(), &Seals::new(), Path::new("nowhere")).unwrap();
        assert_eq!(same, list.as_bytes());
    }
}
