//! Finds the nats-server binary.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::bail;

const NAME: &str = "nats-server";
const TOOLS: &str = ".tools/bin";

/// Searches `USHER_NATS_SERVER`, then `.tools/bin` in this folder or one above it, then the folder of this program, then PATH.
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
    match binary_candidates(&here, &program, &path).into_iter().find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!(
            "no nats-server on PATH or in {TOOLS}: install it (2.12 or newer), or name it in USHER_NATS_SERVER"
        ),
    }
}

fn binary_candidates(here: &Path, program: &Path, path: &OsStr) -> Vec<PathBuf> {
    let tools = |folder: &Path| folder.join(TOOLS).join(NAME);
    let beside = program.parent().map(|folder| folder.join(NAME));
    here.ancestors()
        .map(tools)
        .chain(beside)
        .chain(program.ancestors().skip(1).map(tools))
        .chain(std::env::split_paths(path).map(|folder| folder.join(NAME)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_server_is_preferred_to_one_on_the_path() {
        let found = binary_candidates(Path::new("/a/b"), Path::new("/opt/usher"), OsStr::new("/usr/bin"));
        let at = |path: &str| found.iter().position(|found| found == Path::new(path)).unwrap();
        assert!(at("/a/b/.tools/bin/nats-server") < at("/a/.tools/bin/nats-server"));
        assert!(at("/a/.tools/bin/nats-server") < at("/opt/nats-server"));
        assert!(at("/opt/nats-server") < at("/usr/bin/nats-server"));
    }
}
