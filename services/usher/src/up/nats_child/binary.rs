//! Finds the nats-server binary.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::bail;

const NAME: &str = "nats-server";
const TOOLS: &str = ".tools/bin";

/// `true` if this build looks for the broker that `make` downloaded into the repository. A release never does: it would run what
/// another user put into the working directory.
const IS_DEVELOPMENT: bool = cfg!(debug_assertions);

/// Searches `USHER_NATS_SERVER`, then the folder of this program, then PATH; a development build first searches `.tools/bin` in this
/// folder and those above it and above the program.
pub(super) fn find_binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("USHER_NATS_SERVER") {
        let path = PathBuf::from(path);
        if path.is_file() {
            return Ok(path);
        }
        bail!("USHER_NATS_SERVER names {}, which is no file", path.display());
    }
    let here = std::env::current_dir().unwrap_or_default();
    let program = std::env::current_exe().unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let development = if IS_DEVELOPMENT { development_candidates(&here, &program) } else { Vec::new() };
    let candidates = development.into_iter().chain(release_candidates(&program, &path));
    match candidates.into_iter().find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!(
            "no nats-server on PATH or beside this program: install it (2.12 or newer), or name it in USHER_NATS_SERVER"
        ),
    }
}

fn development_candidates(here: &Path, program: &Path) -> Vec<PathBuf> {
    let folders = here.ancestors().chain(program.ancestors().skip(1));
    folders.map(|folder| folder.join(TOOLS).join(NAME)).collect()
}

/// Returns the places of an installed broker. An entry of PATH that is relative to the working directory does not count.
fn release_candidates(program: &Path, path: &OsStr) -> Vec<PathBuf> {
    let beside = program.parent().map(|folder| folder.join(NAME));
    let on_path = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    beside.into_iter().chain(on_path.map(|folder| folder.join(NAME))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_never_runs_a_broker_of_the_working_directory() {
        let found = release_candidates(Path::new("/opt/usher"), OsStr::new(":.:bin:/usr/bin"));
        assert_eq!(found, [Path::new("/opt/nats-server"), Path::new("/usr/bin/nats-server")]);
    }

    #[test]
    fn a_development_build_prefers_the_fetched_broker() {
        let found = development_candidates(Path::new("/a/b"), Path::new("/opt/usher"));
        let at = |path: &str| found.iter().position(|found| found == Path::new(path)).unwrap();
        assert!(at("/a/b/.tools/bin/nats-server") < at("/a/.tools/bin/nats-server"));
        assert!(at("/a/.tools/bin/nats-server") < at("/opt/.tools/bin/nats-server"));
    }
}
