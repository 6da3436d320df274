//! The policies in force: read from a folder, read again when a file changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use policy::{Policy, PolicyError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Every policy, one per target.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicySet {
    policies: Vec<Policy>,
    fingerprint: String,
}

impl PolicySet {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter()
    }

    /// Differs whenever one of the policies differs.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether some policy looks at the groups of people.
    pub(crate) fn use_groups(&self) -> bool {
        self.policies.iter().any(Policy::uses_groups)
    }

    fn new(mut policies: Vec<Policy>) -> Self {
        policies.sort_by(|a, b| a.target().cmp(b.target()));
        let fingerprint = policies.iter().map(Policy::fingerprint).collect::<Vec<_>>().join("+");
        Self { policies, fingerprint }
    }
}

/// A folder of policies that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// The folder or a file cannot be read.
    #[error("could not read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A policy is wrong.
    #[error("{0}")]
    Policy(PolicyError),
    /// Two files are for one target.
    #[error("{file}: another file is for target `{target}` already; one target has one policy")]
    Twice {
        /// The second of them.
        file: String,
        /// The target.
        target: String,
    },
}

/// Reads every `*.yaml` and `*.yml` in `folder`, in order of name.
///
/// # Errors
/// See [`PoliciesError`].
pub(crate) fn read(folder: &Path) -> Result<PolicySet, PoliciesError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PoliciesError::Read { path, source }
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(path);
        }
    }
    files.sort();
    let mut targets = BTreeSet::new();
    let mut policies = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
        let file = path.display().to_string();
        let policy = Policy::parse(&text, &file).map_err(PoliciesError::Policy)?;
        if !targets.insert(policy.target().to_owned()) {
            return Err(PoliciesError::Twice { file, target: policy.target().to_owned() });
        }
        policies.push(policy);
    }
    Ok(PolicySet::new(policies))
}

/// Publishes the set again whenever the folder's content changes, until `stop`; a wrong file changes nothing.
pub(crate) async fn watch_folder(
    folder: PathBuf,
    publish: watch::Sender<Arc<PolicySet>>,
    stop: CancellationToken,
) {
    let mut complained = String::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let path = folder.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || read(&path)).await else { continue };
        match read {
            Ok(set) => {
                complained.clear();
                adopt(&publish, set);
            }
            Err(error) => {
                let text = error.to_string();
                if text != complained {
                    tracing::error!(error = %text, "policies are wrong: the ones before stay in force");
                    complained = text;
                }
            }
        }
    }
}

fn adopt(publish: &watch::Sender<Arc<PolicySet>>, set: PolicySet) {
    publish.send_if_modified(|current| {
        if current.fingerprint == set.fingerprint {
            return false;
        }
        for gone in current.iter().filter(|old| !set.iter().any(|new| new.target() == old.target())) {
            tracing::warn!(target_name = gone.target(), "the policy is gone: the target is left as it is");
        }
        tracing::info!(policies = set.policies.len(), "policies changed");
        *current = Arc::new(set);
        true
    });
}
