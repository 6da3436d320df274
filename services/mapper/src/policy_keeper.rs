//! Polls for new versions and for changed files, and publishes the policies in force.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lifecycle::HeldFile;
use relay::OutboxPublisher;
use store::{Store, StoreError};
use telemetry::chain;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::plan::PolicyPlanner;
use crate::policies::folder::{self, PolicyFile};
use crate::policies::versions::{self, NewVersion};
use crate::policies::{PoliciesError, PolicySet, fingerprint_of};

/// The interval of the poll.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The actor of a policy version that comes from a file.
const FILE: &str = "file";

/// Policy files that are not in force on this replica, with the reasons.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldPolicies(Arc<Mutex<Vec<HeldFile>>>);

impl HeldPolicies {
    /// Returns the files that are held.
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
    /// By file: the fingerprint and the base version of the last verdict, and the reason why the file is held.
    pub(crate) judged: HashMap<String, (String, Option<i64>, String)>,
    /// By target: the fingerprint of the file that this replica has processed. A file is processed when it changes, not when it
    /// differs from the file of another replica: while folders differ, the replicas would otherwise revert each other forever.
    pub(crate) settled: HashMap<String, String>,
}

impl PolicyKeeper {
    /// Returns the policies in force at start. Files of targets without any policy are put in force without a check.
    ///
    /// # Errors
    /// Returns an error if the folder or a file cannot be read and no policy is in force that could be used instead.
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
            Err(error) => tracing::error!(error = chain(&error), "the folder of policies cannot be read"),
        }
        Ok(Ok(set))
    }

    /// Polls until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.look().await {
                tracing::warn!(error = chain(&error), "could not look for new policies");
            }
        }
    }

    /// Adopts new versions, and checks the folder for changed files.
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

    /// Puts a changed file in force, unless it takes access from too many accounts. Returns the reason if the file is held.
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

    /// Plans a changed file, and puts it in force if the plan stays within its guards. Returns the reason otherwise.
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
        // If another version came first, the file is compared with that one next time.
        if self.put_in_force(target, file, base, removals).await? {
            tracing::info!(target_name = target, users, groups, removals, "a policy file came into force");
            self.settled.insert(target.to_owned(), fingerprint);
        }
        Ok(None)
    }

    /// Puts the file in force. Returns `false` if another version came first.
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

    /// Publishes the held files, and logs each one once.
    fn hold(&self, waiting: Vec<(String, String)>) {
        let before = self.held.list();
        let files: Vec<HeldFile> = waiting.into_iter().map(|(file, why)| HeldFile { file, why }).collect();
        for held in files.iter().filter(|held| !before.contains(held)) {
            tracing::error!(file = held.file, why = held.why, "a policy file is not in force");
        }
        self.held.set(files);
    }
}

/// Publishes the newest versions if this replica has not adopted them yet.
///
/// # Errors
/// Returns an error if the database fails.
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
    let rules = publish.borrow().shared_rules();
    publish_newer(publish, versions::in_force(store.reader()).await?.with_rules(rules));
    Ok(())
}

/// Publishes `set`, unless a newer one is published already. The periodic poll and a request that just applied a policy may
/// call this in either order.
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
