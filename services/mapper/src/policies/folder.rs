//! The folder of policies: one file per target.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use policy::{Policy, PolicyError};

/// Errors of a policy folder or file.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// The folder or a file cannot be read.
    #[error("could not read {path}")]
    Read {
        /// The path of the folder or file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A policy is not valid.
    #[error("{0}")]
    Policy(PolicyError),
    /// Two files are for the same target.
    #[error("{file}: another file is for target `{target}` already; one target has one policy")]
    Twice {
        /// The second of the two files.
        file: String,
        /// The target.
        target: String,
    },
}

/// A file that contains a policy.
#[derive(Debug)]
pub(crate) struct PolicyFile {
    /// The path of the file.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) policy: Policy,
}

/// The content of a folder.
#[derive(Debug, Default)]
pub(crate) struct PolicyFolder {
    /// The first file of each target, by target.
    pub(crate) files: BTreeMap<String, PolicyFile>,
    /// Files that cannot be used, with the errors.
    pub(crate) wrong: Vec<(String, PoliciesError)>,
}

/// Reads every `*.yaml` and `*.yml` in `folder`, in order of name.
///
/// # Errors
/// Returns an error if the folder itself cannot be read.
pub(crate) fn read_folder(folder: &Path) -> Result<PolicyFolder, PoliciesError> {
    let failed = |source| PoliciesError::Read { path: folder.to_owned(), source };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut found = PolicyFolder::default();
    for path in paths {
        let file = path.display().to_string();
        match read_file(&path, &file) {
            Ok(PolicyFile { policy, .. }) if found.files.contains_key(policy.target()) => {
                let target = policy.target().to_owned();
                found.wrong.push((file.clone(), PoliciesError::Twice { file, target }));
            }
            Ok(read) => drop(found.files.insert(read.policy.target().to_owned(), read)),
            Err(error) => found.wrong.push((file, error)),
        }
    }
    Ok(found)
}

fn read_file(path: &Path, file: &str) -> Result<PolicyFile, PoliciesError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| PoliciesError::Read { path: path.to_owned(), source })?;
    let policy = Policy::parse(&text, file).map_err(PoliciesError::Policy)?;
    Ok(PolicyFile { file: file.to_owned(), text, policy })
}
