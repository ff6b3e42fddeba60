//! Finding and loading the ONNX Runtime library, once per process.
//!
//! The library is not linked: its path is resolved here, always to an absolute file, and handed to
//! the loader. A path that someone named (flag or environment) is used or refused, never passed
//! over; the places that are merely searched are tried in order until one loads. Nothing is
//! downloaded; `scripts/fetch-onnxruntime.sh` fills the cache that is searched.
//!
//! The library starts with its telemetry off. Since version 1.31 it would otherwise send events to its
//! makers, and keep a device id and a queue of events in the user's cache
//! (onnxruntime pull request 27379).

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;

use crate::error::EncodeError;

/// The version that `scripts/fetch-onnxruntime.sh` puts into the cache, tried first there.
const PINNED_VERSION: &str = "1.31.1";

/// What turns telemetry off before it begins. The library reads them once, when it starts; what its
/// interface offers (`DisableTelemetryEvents`) comes after the first event. Releases differ in the name.
const NO_TELEMETRY: [(&str, Option<&str>); 2] =
    [("ORT_DISABLE_TELEMETRY", Some("1")), ("ORT_TELEMETRY_DISABLED", Some("1"))];

/// The one library of this process. Held for ever: sessions need the environment to outlive them,
/// and a second environment cannot be built once one was.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// The loaded ONNX Runtime library; a cheap handle, all clones are the same library.
#[derive(Clone)]
pub struct Runtime {
    loaded: Arc<Loaded>,
}

struct Loaded {
    path: PathBuf,
    version: String,
    environment: Environment,
}

impl Runtime {
    /// Loads ONNX Runtime, or returns the handle of the library that is already loaded.
    ///
    /// Searched in this order: `explicit` (the `--ort-lib` flag), the environment variable
    /// `ORT_DYLIB_PATH`, beside the executable and in `lib` beside it, the user's cache
    /// (`gleaner/onnxruntime`, the pinned version first), the system's library folders. Neither of
    /// the first two is passed over when it does not load. The environment variables of `NO_TELEMETRY`
    /// are set while the library starts.
    ///
    /// Errors: `RuntimeNotFound` lists what was looked at; `RuntimeLoad` when a named library does
    /// not load or is older than 1.24; `RuntimeInUse` when `explicit` differs from the library this
    /// process already holds; `Runtime` when the library refuses to start. Panics: never.
    pub fn load(explicit: Option<&Path>) -> Result<Self, EncodeError> {
        let mut slot = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = slot.as_ref() {
            return match explicit {
                Some(path) if resolve(path) != runtime.loaded.path => {
                    Err(EncodeError::RuntimeInUse {
                        loaded: runtime.loaded.path.clone(),
                        requested: path.to_owned(),
                    })
                }
                _ => Ok(runtime.clone()),
            };
        }
        let environment_path = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty());
        let runtime = temp_env::with_vars(NO_TELEMETRY, || match (explicit, environment_path) {
            (Some(path), _) => Self::load_named(path, "--ort-lib"),
            (None, Some(path)) => Self::load_named(path.as_ref(), "ORT_DYLIB_PATH"),
            (None, None) => Self::load_found(&Places::of_this_process()),
        })?;
        *slot = Some(runtime.clone());
        Ok(runtime)
    }

    /// The library's file, absolute and with links resolved.
    pub fn path(&self) -> &Path {
        &self.loaded.path
    }

    /// The library's version, such as `1.31.1`, or `unknown` where its file does not tell.
    pub fn version(&self) -> String {
        self.loaded.version.clone()
    }

    /// What sessions are built under.
    pub(crate) fn environment(&self) -> &Environment {
        &self.loaded.environment
    }

    fn load_named(path: &Path, named_by: &'static str) -> Result<Self, EncodeError> {
        let refuse = |source| EncodeError::RuntimeLoad { path: path.to_owned(), named_by, source };
        // Asked of the file system first: the loader would search its own paths for a bare name.
        std::fs::metadata(path).map_err(|error| refuse(error.into()))?;
        let resolved = resolve(path);
        let builder = ort::init_from(&resolved).map_err(|error| refuse(error.into()))?;
        Self::start(resolved, builder)
    }

    fn load_found(places: &Places) -> Result<Self, EncodeError> {
        let mut looked_at = Vec::new();
        for folder in places.folders() {
            let candidates = libraries_in(&folder);
            if candidates.is_empty() {
                looked_at.push(folder.display().to_string());
            }
            for candidate in candidates {
                let resolved = resolve(&candidate);
                match ort::init_from(&resolved) {
                    Ok(builder) => return Self::start(resolved, builder),
                    Err(error) => looked_at.push(format!("{} ({error})", candidate.display())),
                }
            }
        }
        Err(EncodeError::RuntimeNotFound { looked_at })
    }

    fn start(
        path: PathBuf,
        builder: ort::environment::EnvironmentBuilder,
    ) -> Result<Self, EncodeError> {
        let environment = builder
            .with_name("gleaner")
            .with_telemetry(false)
            .build()
            .map_err(EncodeError::runtime("start"))?;
        let version = version_of(&path).unwrap_or_else(|| "unknown".to_owned());
        Ok(Self { loaded: Arc::new(Loaded { path, version, environment }) })
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Runtime")
            .field("path", &self.loaded.path)
            .field("version", &self.loaded.version)
            .finish()
    }
}

/// Where a library that nobody named is searched for.
struct Places {
    executable: Option<PathBuf>,
    cache: Option<PathBuf>,
    system: Vec<PathBuf>,
}

impl Places {
    fn of_this_process() -> Self {
        let absolute = |name: &str| {
            std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute())
        };
        let executable = std::env::current_exe().ok();
        Self {
            executable: executable.and_then(|file| file.parent().map(Path::to_owned)),
            cache: absolute("XDG_CACHE_HOME")
                .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
                .map(|cache| cache.join("gleaner").join("onnxruntime")),
            system: system_folders(std::env::var_os("LD_LIBRARY_PATH")),
        }
    }

    /// Every folder to look into, in order.
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        if let Some(executable) = &self.executable {
            folders.extend([executable.clone(), executable.join("lib")]);
        }
        if let Some(cache) = &self.cache {
            folders.push(cache.join(PINNED_VERSION));
            folders.extend(other_versions(cache));
        }
        folders.extend(self.system.iter().cloned());
        folders
    }
}

fn system_folders(library_path: Option<OsString>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        library_path.iter().flat_map(std::env::split_paths).filter(|f| f.is_absolute()).collect();
    let triple = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    folders.extend(["/usr/local/lib", "/usr/lib", &triple, "/usr/lib64"].map(PathBuf::from));
    folders
}

/// The cache's version folders but the pinned one, newest first.
fn other_versions(cache: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(Vec<u32>, PathBuf)> = std::fs::read_dir(cache)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let numbers = numbers_of(&name).filter(|_| name != PINNED_VERSION)?;
            Some((numbers, entry.path()))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, path)| path).collect()
}

/// The ONNX Runtime libraries in a folder: the plain name first, versioned names after it.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let plain = format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            let versioned = name.strip_prefix(&plain).and_then(|rest| rest.strip_prefix('.'));
            *name == plain || versioned.and_then(numbers_of).is_some()
        })
        .collect();
    names.sort_by_key(|name| name.len());
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// `1.31.1` → `[1, 31, 1]`; nothing for anything else.
fn numbers_of(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// An absolute path, with links resolved where the file exists.
fn resolve(path: &Path) -> PathBuf {
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    std::fs::canonicalize(path).unwrap_or_else(|_| absolute())
}

/// The version from the library's own file name, from its folder, or from its symbol version.
fn version_of(library: &Path) -> Option<String> {
    let full = |text: &str| numbers_of(text).filter(|n| n.len() == 3).map(|_| text.to_owned());
    let name = library.file_name()?.to_str()?;
    let in_name = name.split_once(&format!("{DLL_SUFFIX}.")).and_then(|(_, tail)| full(tail));
    let folder = library.parent().and_then(Path::file_name).and_then(|folder| folder.to_str());
    in_name.or_else(|| folder.and_then(full)).or_else(|| version_in_symbols(library))
}

/// ONNX Runtime exports its functions under the symbol version `VERS_<version>`.
fn version_in_symbols(library: &Path) -> Option<String> {
    let bytes = std::fs::read(library).ok()?;
    let start = bytes.windows(6).position(|bytes| bytes == b"VERS_1")? + 5;
    let tail = bytes.get(start..)?;
    let end = tail.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    let version = std::str::from_utf8(tail.get(..end)?).ok()?;
    numbers_of(version).map(|_| version.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folders_are_searched_in_the_documented_order() {
        let cache = tempfile::tempdir().unwrap();
        for version in ["1.30.0", "1.31.1", "1.9.0", "1.40.2", "notes"] {
            std::fs::create_dir(cache.path().join(version)).unwrap();
        }
        let places = Places {
            executable: Some("/opt/gleaner".into()),
            cache: Some(cache.path().into()),
            system: vec!["/usr/lib".into()],
        };
        let expected: Vec<PathBuf> = ["/opt/gleaner", "/opt/gleaner/lib"]
            .map(PathBuf::from)
            .into_iter()
            .chain(["1.31.1", "1.40.2", "1.30.0", "1.9.0"].map(|v| cache.path().join(v)))
            .chain(["/usr/lib".into()])
            .collect();
        assert_eq!(places.folders(), expected);
    }

    #[test]
    fn only_onnxruntime_libraries_are_candidates() {
        let folder = tempfile::tempdir().unwrap();
        let plain = format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}");
        let versioned = format!("{plain}.1.31.1");
        let providers = format!("{DLL_PREFIX}onnxruntime_providers_shared{DLL_SUFFIX}");
        for name in [&versioned, &plain, &providers, &format!("{plain}.tmp")] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let found = libraries_in(folder.path());
        assert_eq!(found, [folder.path().join(plain), folder.path().join(versioned)]);
    }

    #[test]
    fn nothing_found_names_the_script_and_the_places() {
        let places = Places { executable: None, cache: None, system: vec!["/no/such".into()] };
        let message = Runtime::load_found(&places).unwrap_err().to_string();
        assert!(message.contains("scripts/fetch-onnxruntime.sh"), "{message}");
        assert!(message.contains("/no/such"), "{message}");
    }

    #[test]
    fn a_named_path_is_never_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("libonnxruntime.so");
        std::fs::write(&text, b"not a library").unwrap();
        for path in [text.as_path(), folder.path(), "/no/such.so".as_ref(), "".as_ref()] {
            let error = Runtime::load_named(path, "--ort-lib").unwrap_err();
            let message = error.to_string();
            assert!(matches!(error, EncodeError::RuntimeLoad { .. }), "{error:?}");
            assert!(message.contains("--ort-lib") && message.contains("make setup"), "{message}");
        }
    }

    #[test]
    fn an_unusable_library_is_named_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join(format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}"));
        std::fs::write(&library, b"not a library").unwrap();
        let places = Places { executable: None, cache: None, system: vec![folder.path().into()] };
        let Err(EncodeError::RuntimeNotFound { looked_at }) = Runtime::load_found(&places) else {
            panic!("a file of text was loaded");
        };
        assert!(looked_at[0].contains("failed to load"), "{looked_at:?}");
    }

    #[test]
    fn versions_come_from_name_folder_or_symbols() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join(format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}"));
        std::fs::write(&plain, b"\0\x01VERS_1.27.0\0more").unwrap();
        assert_eq!(version_of(&plain).as_deref(), Some("1.27.0"));
        let named = format!("/a/{DLL_PREFIX}onnxruntime{DLL_SUFFIX}.1.31.1");
        assert_eq!(version_of(named.as_ref()).as_deref(), Some("1.31.1"));
        let in_folder = format!("/a/1.30.0/{DLL_PREFIX}onnxruntime{DLL_SUFFIX}");
        assert_eq!(version_of(in_folder.as_ref()).as_deref(), Some("1.30.0"));
    }
}
