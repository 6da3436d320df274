//! Verb `look`: shows what a target has of a person or group, and what would be sent. Changes nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{ControlError, Lane, PreviewReply, PreviewRequest, ResourceKind};

use super::status::lease_holder;
use super::{WriterControl, database_refusal, refuse_with};
use crate::converge::{WantedState, look};
use crate::delivery::call::{CallStop, CallSubject, OwnedTarget, TargetCall};
use crate::delivery::pacer::{RequestUrgency, TargetCircuit};
use crate::rows::access::DeletionRule;
use crate::rows::access::RemovalConsent;
use crate::rows::load_resources;
use crate::{micros, now};

/// The longest wait for the target on behalf of an operator. It is shorter than the timeout of the requester.
const PATIENCE: Duration = Duration::from_secs(20);

impl WriterControl {
    /// Previews the change of one person or group.
    ///
    /// # Errors
    /// If this replica does not own the target, if the target cannot be asked, or if it answers with an error.
    pub(super) async fn look(&self, request: PreviewRequest) -> Result<PreviewReply, ControlError> {
        self.configured(&request.target)?;
        let kind = request.desired.kind();
        if kind == ResourceKind::Membership {
            return Err(refuse_with("only people and groups can be looked at, not memberships".to_owned()));
        }
        let target = self.askable(&request.target).await?;
        let PreviewRequest { subject, desired, .. } = request;
        let people = self.links(&target.name, ResourceKind::User, &WantedState::references(&desired)).await?;
        let reader = self.store.reader();
        let own = load_resources(reader, &target.name, kind, std::slice::from_ref(&subject), false).await;
        let own = own.map_err(|error| database_refusal(&error))?.remove(&subject);
        let deletion = own.as_ref().map_or(DeletionRule::NotOurs, |row| {
            row.deletion(&desired, micros(now()), target.adopted_deletion)
        });
        let Some(wanted) = WantedState::new(desired, &people) else {
            return Err(refuse_with("there is nothing to look for".to_owned()));
        };
        let wanted = WantedState { deletion, ..wanted };
        let link = own.as_ref().and_then(|row| row.remote_id.as_deref());
        wait_patiently(&target, ask_target(&target, kind, &subject, &wanted, link)).await
    }

    /// Returns the target, if this replica may ask it now.
    ///
    /// # Errors
    /// If this replica does not own the target, or if its circuit is open.
    pub(super) async fn askable(&self, name: &str) -> Result<Arc<OwnedTarget>, ControlError> {
        let Some(target) = self.owned(name) else { return Err(self.not_ours(name).await) };
        match target.pacer.circuit() {
            TargetCircuit::Open { reason, .. } => Err(held_preview(name, &reason)),
            TargetCircuit::Closed => Ok(target),
        }
    }

    /// Returns the remote ids of people or groups, by key.
    pub(super) async fn links(
        &self,
        target: &str,
        kind: ResourceKind,
        subjects: &[String],
    ) -> Result<HashMap<String, String>, ControlError> {
        let rows = load_resources(self.store.reader(), target, kind, subjects, false).await;
        let rows = rows.map_err(|error| database_refusal(&error))?;
        Ok(rows.into_iter().filter_map(|(subject, row)| Some((subject, row.remote_id?))).collect())
    }

    /// Returns the refusal for a target that this replica does not own, with its owner.
    pub(super) async fn not_ours(&self, target: &str) -> ControlError {
        let owner = self.lease(target).await.map(|lease| lease.as_ref().and_then(lease_holder));
        match owner {
            Ok(Some(owner)) if owner == self.replica => refuse_with(format!(
                "`{target}` is being taken over or given up right now; try again in a moment"
            )),
            Ok(Some(owner)) => refuse_with(format!(
                "`{target}` is owned by replica {owner}, which alone may ask it; try again"
            )),
            Ok(None) => refuse_with(format!("no replica owns `{target}` yet; try again in a moment")),
            Err(error) => database_refusal(&error),
        }
    }
}

/// Waits for the answer, at most [`PATIENCE`].
///
/// # Errors
/// The error of `asked`, or a timeout.
pub(super) async fn wait_patiently<T>(
    target: &OwnedTarget,
    asked: impl Future<Output = Result<T, ControlError>>,
) -> Result<T, ControlError> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(match target.pacer.circuit() {
            TargetCircuit::Open { reason, .. } => held_preview(&target.name, &reason),
            TargetCircuit::Closed => refuse_with(format!(
                "no answer from `{}` within {} s: it is slow, or its requests are queued; try again",
                target.name,
                PATIENCE.as_secs()
            )),
        }),
    }
}

/// Opens a call of a few requests for which an operator waits.
pub(super) async fn open_call(target: &Arc<OwnedTarget>, kind: ResourceKind, subject: &str) -> TargetCall {
    let lane = Lane::Leaver;
    let permit = target.pacer.acquire(RequestUrgency::opening(lane)).await;
    let about = CallSubject {
        kind,
        subject: subject.to_owned(),
        revision: 0,
        lane,
        trace: None,
        attempts: 0,
        consent: RemovalConsent::Unknown,
        only_switch_offs: false,
        known: None,
    };
    TargetCall::new(Arc::clone(target), about, permit)
}

/// Previews the change with requests to the target.
async fn ask_target(
    target: &Arc<OwnedTarget>,
    kind: ResourceKind,
    subject: &str,
    wanted: &WantedState,
    link: Option<&str>,
) -> Result<PreviewReply, ControlError> {
    let mut call = open_call(target, kind, subject).await;
    match look::preview_change(&mut call, wanted, link).await {
        Ok(look::LookupPreview { matched, remote_id, action }) => {
            Ok(PreviewReply { steps: call.steps(), matched: matched.as_str().to_owned(), remote_id, action })
        }
        Err(stop) => Err(no_answer(&call, stop)),
    }
}

/// Returns the reason why the target was not looked at.
pub(super) fn no_answer(call: &TargetCall, stop: CallStop) -> ControlError {
    let target = &call.target;
    match stop {
        CallStop::Failed(failed) => {
            let sent = call.steps().last().map(|step| step.request.clone()).unwrap_or_default();
            refuse_with(format!("`{}` could not answer {sent}: {}", target.name, failed.trouble.error))
        }
        CallStop::Postponed { trouble, .. } => held_preview(&target.name, &trouble.error),
        CallStop::Never(reason) => refuse_with(reason),
        CallStop::Deferred => match (call.last_error(), target.pacer.circuit()) {
            (Some(error), _) => held_preview(&target.name, error),
            (None, TargetCircuit::Open { reason, .. }) => held_preview(&target.name, &reason),
            (None, TargetCircuit::Closed) => refuse_with(format!(
                "looking at `{}` was cut short: it is changing hands between replicas, or the writer's database \
                 cannot be read; try again",
                target.name
            )),
        },
    }
}

fn held_preview(target: &str, reason: &str) -> ControlError {
    refuse_with(format!("`{target}` is not asked now: {reason}"))
}
