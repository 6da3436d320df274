//! Verb `look`: what a target has of somebody, and what would be sent. Changes nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{ControlError, Lane, LookReply, LookRequest, ResourceKind};

use super::status::holder;
use super::{Control, database, refusal};
use crate::call::{About, Call, Consent, OwnedTarget, Stop};
use crate::converge::{Wanted, look};
use crate::pacer::{Circuit, Urgency};
use crate::rows::access::Deletion;
use crate::rows::load_resources;
use crate::{micros, now};

/// An operator waits for the answer: beyond this there is none. Shorter than the patience of whoever asks.
const PATIENCE: Duration = Duration::from_secs(20);

impl Control {
    /// # Errors
    /// When this replica does not own the target, the target cannot be asked, or it answers with an error.
    pub(super) async fn look(&self, request: LookRequest) -> Result<LookReply, ControlError> {
        self.configured(&request.target)?;
        let kind = request.desired.kind();
        if kind == ResourceKind::Membership {
            return Err(refusal("only people and groups can be looked at, not memberships".to_owned()));
        }
        let target = self.askable(&request.target).await?;
        let LookRequest { subject, desired, .. } = request;
        let people = self.links(&target.name, ResourceKind::User, &Wanted::references(&desired)).await?;
        let reader = self.store.reader();
        let own = load_resources(reader, &target.name, kind, std::slice::from_ref(&subject), false).await;
        let own = own.map_err(|error| database(&error))?.remove(&subject);
        let deletion = own.as_ref().map_or(Deletion::NotOurs, |row| row.deletion(&desired, micros(now())));
        let Some(wanted) = Wanted::new(desired, &people) else {
            return Err(refusal("there is nothing to look for".to_owned()));
        };
        let wanted = Wanted { deletion, ..wanted };
        let link = own.as_ref().and_then(|row| row.remote_id.as_deref());
        patiently(&target, ask(&target, kind, &subject, &wanted, link)).await
    }

    /// The target, if this replica may ask it now.
    ///
    /// # Errors
    /// When this replica does not own the target, or its circuit is open.
    pub(super) async fn askable(&self, name: &str) -> Result<Arc<OwnedTarget>, ControlError> {
        let Some(target) = self.owned(name) else { return Err(self.not_ours(name).await) };
        match target.pacer.circuit() {
            Circuit::Open { reason, .. } => Err(held(name, &reason)),
            Circuit::Closed => Ok(target),
        }
    }

    /// The remote ids of people or groups, by key.
    pub(super) async fn links(
        &self,
        target: &str,
        kind: ResourceKind,
        subjects: &[String],
    ) -> Result<HashMap<String, String>, ControlError> {
        let rows = load_resources(self.store.reader(), target, kind, subjects, false).await;
        let rows = rows.map_err(|error| database(&error))?;
        Ok(rows.into_iter().filter_map(|(subject, row)| Some((subject, row.remote_id?))).collect())
    }

    pub(super) async fn not_ours(&self, target: &str) -> ControlError {
        let owner = self.lease(target).await.map(|lease| lease.as_ref().and_then(holder));
        match owner {
            Ok(Some(owner)) if owner == self.replica => refusal(format!(
                "`{target}` is being taken over or given up right now; try again in a moment"
            )),
            Ok(Some(owner)) => {
                refusal(format!("`{target}` is owned by replica {owner}, which alone may ask it; try again"))
            }
            Ok(None) => refusal(format!("no replica owns `{target}` yet; try again in a moment")),
            Err(error) => database(&error),
        }
    }
}

/// Waits for the answer as long as an operator does.
///
/// # Errors
/// That of `asked`, or that there was no answer in time.
pub(super) async fn patiently<T>(
    target: &OwnedTarget,
    asked: impl Future<Output = Result<T, ControlError>>,
) -> Result<T, ControlError> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(match target.pacer.circuit() {
            Circuit::Open { reason, .. } => held(&target.name, &reason),
            Circuit::Closed => refusal(format!(
                "no answer from `{}` within {} s: it is slow, or its requests are queued; try again",
                target.name,
                PATIENCE.as_secs()
            )),
        }),
    }
}

/// A conversation of a few requests for which somebody waits.
pub(super) async fn conversation(target: &Arc<OwnedTarget>, kind: ResourceKind, subject: &str) -> Call {
    let lane = Lane::Leaver;
    let permit = target.pacer.acquire(Urgency::opening(lane)).await;
    let about = About {
        kind,
        subject: subject.to_owned(),
        revision: 0,
        lane,
        trace: None,
        attempts: 0,
        consent: Consent::Unknown,
        only_switch_offs: false,
    };
    Call::new(Arc::clone(target), about, permit)
}

async fn ask(
    target: &Arc<OwnedTarget>,
    kind: ResourceKind,
    subject: &str,
    wanted: &Wanted,
    link: Option<&str>,
) -> Result<LookReply, ControlError> {
    let mut call = conversation(target, kind, subject).await;
    match look::look(&mut call, wanted, link).await {
        Ok(look::Looked { matched, remote_id, action }) => {
            Ok(LookReply { steps: call.steps(), matched: matched.to_owned(), remote_id, action })
        }
        Err(stop) => Err(no_answer(&call, stop)),
    }
}

/// Why the target was not looked at.
pub(super) fn no_answer(call: &Call, stop: Stop) -> ControlError {
    let target = &call.target;
    match stop {
        Stop::Failed(failed) => {
            let sent = call.steps().last().map(|step| step.request.clone()).unwrap_or_default();
            refusal(format!("`{}` could not answer {sent}: {}", target.name, failed.trouble.error))
        }
        Stop::Postponed { trouble, .. } => held(&target.name, &trouble.error),
        Stop::Deferred => match (call.last_error(), target.pacer.circuit()) {
            (Some(error), _) => held(&target.name, error),
            (None, Circuit::Open { reason, .. }) => held(&target.name, &reason),
            (None, Circuit::Closed) => refusal(format!(
                "looking at `{}` was cut short: it is changing hands between replicas, or the writer's database \
                 cannot be read; try again",
                target.name
            )),
        },
    }
}

fn held(target: &str, reason: &str) -> ControlError {
    refusal(format!("`{target}` is not asked now: {reason}"))
}
