//! The requests of a reconciliation: each waits for its turn in lane backfill, and is retried.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::{AttemptClass, DifferenceKind, ErrorCode, FoundDifference, Lane, ResourceKind};
use retry::retry_delay;
use scim::{ListedPage, PageStart, ScimKind};
use store::StoreError;

use super::{ReconcileHalt, ReconcileRun, USERS};
use crate::delivery::call::{CallStop, CallSubject, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::delivery::pacer::RequestUrgency;
use crate::rows::access::RemovalConsent;
use crate::rows::control::PauseScope;
use crate::rows::{control, resource};

/// The number of tries of one page before the reconciliation fails.
const TRIES_MAX: u32 = 6;
/// The same number while the target reports that it is down or refuses the credential: about half an hour.
const TRIES_WHILE_DOWN_MAX: u32 = 60;
const RETRY_INITIAL: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// The pause before the next try if the target must not be asked now.
const DEFERRED_PAUSE: Duration = Duration::from_millis(500);

impl ReconcileRun {
    /// Reads one page of the target's list, with retries.
    pub(super) async fn list(
        &mut self,
        kind: ScimKind,
        start: Option<&PageStart>,
        before: u64,
    ) -> Result<ListedPage, ReconcileHalt> {
        let mut failures = 0;
        loop {
            let mut call = self.call().await?;
            let answer =
                call.send(ScimOperation::List, async |client| client.list(kind, start, before).await).await;
            match answer {
                Ok(page) => return Ok(page),
                Err(stop) => self.wait(stop, &mut failures).await?,
            }
        }
    }

    /// Reads the members of a group. Returns `None` if the target does not let this group be read: the other groups are
    /// compared all the same.
    pub(super) async fn read_members(
        &mut self,
        group: &resource::Model,
        id: &str,
    ) -> Result<Option<Vec<String>>, ReconcileHalt> {
        let mut failures = 0;
        loop {
            let mut call = self.call().await?;
            match call.send(ScimOperation::ReadMembers, async |client| client.members(id).await).await {
                Ok(members) => return Ok(Some(members.unwrap_or_default())),
                Err(stop) => match self.wait(stop, &mut failures).await {
                    Err(ReconcileHalt::Failed(why)) => {
                        self.report.counts.unreadable += 1;
                        self.note(FoundDifference {
                            difference: DifferenceKind::Unreadable,
                            kind: ResourceKind::Group,
                            subject: Some(group.subject.clone()),
                            remote_id: Some(id.to_owned()),
                            what: vec![why],
                        });
                        return Ok(None);
                    }
                    waited => waited?,
                },
            }
        }
    }

    /// Opens a call for one request when it is the turn of lane backfill.
    pub(super) async fn call(&mut self) -> Result<TargetCall, ReconcileHalt> {
        self.still_wanted().await?;
        while self.is_paused().await? {
            tokio::time::sleep(DEFERRED_PAUSE).await;
            self.still_wanted().await?;
        }
        let permit = self.target.pacer.acquire(RequestUrgency::opening(Lane::Backfill)).await;
        self.report.counts.requests += 1;
        Ok(TargetCall::new(Arc::clone(&self.target), self.about(), permit))
    }

    async fn is_paused(&self) -> Result<bool, StoreError> {
        let scope = control::load_control(self.target.store.reader(), &self.target.name).await?.pause_scope();
        // A dry run gives no access: an operator can see the changes before resuming the target.
        Ok(scope == Some(PauseScope::Everything) || scope == Some(PauseScope::Grants) && !self.report.dry_run)
    }

    /// Waits until the next try is due.
    async fn wait(&mut self, stop: CallStop, failures: &mut u32) -> Result<(), ReconcileHalt> {
        match stop {
            CallStop::Deferred => {
                self.report.counts.requests -= 1;
                tokio::time::sleep(DEFERRED_PAUSE).await;
            }
            CallStop::Postponed { trouble, .. } => {
                *failures += 1;
                // A missing endpoint will hardly appear while we wait.
                let no_endpoint = ErrorCode::of(trouble.class, &trouble.error) == ErrorCode::NoEndpoint;
                let is_down = matches!(trouble.class, AttemptClass::Unavailable | AttemptClass::Unauthorised)
                    && !no_endpoint;
                if *failures >= if is_down { TRIES_WHILE_DOWN_MAX } else { TRIES_MAX } {
                    return Err(ReconcileHalt::Failed(trouble.error));
                }
                tokio::time::sleep(retry_delay(*failures, RETRY_INITIAL, RETRY_MAX)).await;
            }
            CallStop::Never(why) => return Err(ReconcileHalt::Failed(why)),
            CallStop::Failed(failed) => {
                *failures += 1;
                if *failures >= TRIES_MAX || failed.class() == AttemptClass::Permanent {
                    return Err(ReconcileHalt::Failed(failed.trouble.error));
                }
                tokio::time::sleep(retry_delay(*failures, RETRY_INITIAL, RETRY_MAX)).await;
            }
        }
        Ok(())
    }

    /// Returns the subject of the reconciliation's calls.
    fn about(&self) -> CallSubject {
        CallSubject {
            kind: if self.row.phase == USERS { ResourceKind::User } else { ResourceKind::Group },
            subject: format!("target:{}", self.target.name),
            revision: 0,
            lane: Lane::Backfill,
            trace: None,
            attempts: 0,
            consent: RemovalConsent::Unknown,
            only_switch_offs: false,
            known: None,
        }
    }
}
