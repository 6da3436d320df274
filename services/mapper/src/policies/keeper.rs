//! Looks for new versions and for changed files, and publishes what is in force.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lifecycle::HeldFile;
use relay::OutboxPublisher;
use store::{Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::folder::{self, PoliciesError, PolicyFile};
use super::versions::{self, NewVersion};
use super::{PolicySet, fingerprint_of};
use crate::plan::PolicyPlanner;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Who puts a policy in force when a file does.
const FILE: &str = "file";

/// Policy files that are not in force, and why; of this replica.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldPolicies(Arc<Mutex<Vec<HeldFile>>>);

impl HeldPolicies {
    pub(crate) fn list(&self) -> Vec<HeldFile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, files: Vec<HeldFile>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }
}

/// Keeps the policies in force up to date.
pub(crate) struct PolicyKeeper {
    pub(crate) store: Store,
    pub(crate) relay: OutboxPublisher,
    pub(crate) planner: PolicyPlanner,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) publish: watch::Sender<Arc<PolicySet>>,
    pub(crate) held: HeldPolicies,
    /// By file: the text and the version that were judged, and why the file waits.
    pub(crate) judged: HashMap<String, (String, Option<i64>, String)>,
    /// By target: the text of its file that this replica is done with. A file is news when it changes, not when it differs
    /// from what another replica took: while folders differ, each would otherwise undo the other for ever.
    pub(crate) settled: HashMap<String, String>,
}

impl PolicyKeeper {
    /// What is in force when the service starts: files of targets without any policy are taken as they are.
    ///
    /// # Errors
    /// When the folder or a file cannot be read and nothing is in force that could go on.
    pub(crate) async fn start(&mut self) -> Result<Result<PolicySet, PoliciesError>, StoreError> {
        let mut set = versions::in_force(self.store.reader()).await?;
        let Some(path) = &self.folder else { return Ok(Ok(set)) };
        match folder::read_folder(path) {
            Ok(found) => {
                let nothing_is_in_force = set.iter().next().is_none();
                if nothing_is_in_force && let Some((_, error)) = found.wrong.into_iter().next() {
                    return Ok(Err(error));
                }
                for (target, file) in &found.files {
                    if set.of(target).is_none() {
                        self.put_in_force(target, file, None, 0).await?;
                    }
                }
                set = versions::in_force(self.store.reader()).await?;
            }
            Err(error) if set.iter().next().is_none() => return Ok(Err(error)),
            Err(error) => tracing::error!(error = %error, "the folder of policies cannot be read"),
        }
        Ok(Ok(set))
    }

    /// Until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.look().await {
                tracing::warn!(error = %error, "could not look for new policies");
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        adopt_newest(&self.store, &self.publish).await?;
        let Some(path) = self.folder.clone() else { return Ok(()) };
        let Ok(found) = tokio::task::spawn_blocking(move || folder::read_folder(&path)).await else {
            return Ok(());
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let file = self.folder.as_ref().map_or_else(String::new, |path| path.display().to_string());
                self.hold(vec![(file, error.to_string())]);
                return Ok(());
            }
        };
        let mut waiting: Vec<(String, String)> =
            found.wrong.iter().map(|(file, error)| (file.clone(), error.to_string())).collect();
        for (target, file) in &found.files {
            if let Some(why) = self.consider(target, file).await? {
                waiting.push((file.file.clone(), why));
            }
        }
        self.hold(waiting);
        adopt_newest(&self.store, &self.publish).await
    }

    /// Takes a changed file, unless it cuts off too many; says why it waits.
    async fn consider(&mut self, target: &str, file: &PolicyFile) -> Result<Option<String>, StoreError> {
        let fingerprint = fingerprint_of(&file.text);
        if self.settled.get(target) == Some(&fingerprint) {
            return Ok(None);
        }
        let in_force = versions::get_version(self.store.reader(), target, None).await?;
        let base = in_force.as_ref().map(|row| row.version);
        if let Some((text, version, why)) = self.judged.get(&file.file)
            && (text, *version) == (&fingerprint, base)
        {
            return Ok(Some(why.clone()));
        }
        let is_in_force = in_force.as_ref().is_some_and(|row| row.policy == file.text);
        if versions::was_taken(self.store.reader(), target, &file.text).await? {
            self.settled.insert(target.to_owned(), fingerprint);
            return Ok(None);
        }
        if is_in_force {
            versions::remember_file(self.store.writer(), target, &file.text).await?;
            self.settled.insert(target.to_owned(), fingerprint);
            return Ok(None);
        }
        self.take(target, file, base, fingerprint).await
    }

    async fn take(
        &mut self,
        target: &str,
        file: &PolicyFile,
        base: Option<i64>,
        fingerprint: String,
    ) -> Result<Option<String>, StoreError> {
        let set = versions::in_force(self.store.reader()).await?;
        let plan = self.planner.plan(&file.policy, set.of(target), None, 0, &|_, _| {}).await?;
        let (removals, users, groups) = (plan.removals(), plan.users.changes(), plan.groups.changes());
        if base.is_some() && !plan.grants_guard.is_empty() {
            let thresholds: Vec<&str> =
                plan.grants_guard.iter().map(|trip| trip.threshold.as_str()).collect();
            let grants = plan.grants();
            let why = format!(
                "it would create or switch on {grants} accounts, more than `{}` allows: look with `usher plan -f`, and put it in force \
                 with `usher apply -f FILE --allow-grants {grants}`",
                thresholds.join("` and `")
            );
            self.judged.insert(file.file.clone(), (fingerprint, base, why.clone()));
            return Ok(Some(why));
        }
        if base.is_some() && !plan.guard.is_empty() {
            let thresholds: Vec<&str> = plan.guard.iter().map(|trip| trip.threshold.as_str()).collect();
            let why = format!(
                "it would take access from {removals} accounts and groups, more than `{}` allows: look with `usher plan -f`, and \
                 put it in force with `usher apply -f FILE --allow-deletes {removals}`",
                thresholds.join("` and `")
            );
            self.judged.insert(file.file.clone(), (fingerprint, base, why.clone()));
            return Ok(Some(why));
        }
        // Otherwise another version came first: the file is looked at again beside that one.
        if self.put_in_force(target, file, base, removals).await? {
            tracing::info!(target_name = target, users, groups, removals, "a policy file came into force");
            self.settled.insert(target.to_owned(), fingerprint);
        }
        Ok(None)
    }

    async fn put_in_force(
        &self,
        target: &str,
        file: &PolicyFile,
        base: Option<i64>,
        removals: u64,
    ) -> Result<bool, StoreError> {
        let name = std::path::Path::new(&file.file).file_name();
        let why = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let new =
            NewVersion { target, text: &file.text, who: FILE, why: &why, removals, base, is_file: true };
        Ok(versions::put_in_force(&self.store, &self.relay, &new).await?.is_some())
    }

    /// Shows which files wait, and says it once.
    fn hold(&self, waiting: Vec<(String, String)>) {
        let before = self.held.list();
        let files: Vec<HeldFile> = waiting.into_iter().map(|(file, why)| HeldFile { file, why }).collect();
        for held in files.iter().filter(|held| !before.contains(held)) {
            tracing::error!(file = held.file, why = held.why, "a policy file is not in force");
        }
        self.held.set(files);
    }
}

/// Publishes the newest versions if they are not in force here yet.
///
/// # Errors
/// As the database reports them.
pub(crate) async fn adopt_newest(
    store: &Store,
    publish: &watch::Sender<Arc<PolicySet>>,
) -> Result<(), StoreError> {
    let newest = versions::newest_numbers(store.reader()).await?;
    let is_in_force = {
        let current = publish.borrow();
        current.versions().eq(newest.iter().map(|(target, version)| (target.as_str(), *version)))
    };
    if is_in_force {
        return Ok(());
    }
    let people = publish.borrow().shared_people();
    publish_newer(publish, versions::in_force(store.reader()).await?.with_people(people));
    Ok(())
}

/// Unless something newer is published already: whoever looks every second and whoever just applied a policy may come here
/// in either order.
fn publish_newer(publish: &watch::Sender<Arc<PolicySet>>, set: PolicySet) {
    publish.send_if_modified(|current| {
        if current.is_newer_than(&set) || current.versions().eq(set.versions()) {
            return false;
        }
        let news = current.fingerprint() != set.fingerprint();
        tracing::info!(policies = set.iter().count(), "policies changed");
        *current = Arc::new(set);
        news
    });
}

#[cfg(test)]
mod tests {
    use policy::Policy;

    use super::*;
    use crate::policies::InForce;

    fn set(version: i64, title: &str) -> PolicySet {
        let mappings =
            format!("[{{ target: userName, source: mail }}, {{ target: title, constant: {title} }}]");
        let yaml = format!("target: crm\nusers:\n  mappings: {mappings}\n");
        let policy = Policy::parse(&yaml, "crm.yaml").unwrap();
        PolicySet::new(vec![InForce { policy, version }], Vec::new())
    }

    #[test]
    fn an_older_version_that_comes_late_is_not_published() {
        let (publish, mut heard) = watch::channel(Arc::new(PolicySet::default()));
        publish_newer(&publish, set(2, "new"));
        assert!(heard.has_changed().unwrap());
        let newest = heard.borrow_and_update().fingerprint().to_owned();
        publish_newer(&publish, set(1, "old"));
        assert!(!heard.has_changed().unwrap());
        assert_eq!(heard.borrow().fingerprint(), newest);
    }
}
