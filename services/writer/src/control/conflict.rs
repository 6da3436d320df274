//! Verb `resolve_conflict`: an operator decides whose account a resource is.

use lifecycle::{
    AttemptClass, ControlError, DeadLetterId, Fact, HeldBy, ReplayOutcome, ReplayReply,
    ResolveConflictRequest, ResourceKind,
};
use scim::ScimKind;

use super::look::{no_answer, open_call, wait_patiently};
use super::{WriterControl, WriterRefusal, refuse_with};
use crate::delivery::call::CallStop;
use crate::delivery::operation::ScimOperation;
use crate::rows::access::AccountOrigin;
use crate::rows::facts::TransactionFacts;
use crate::rows::words::RowStatus;
use crate::rows::{dead, linked_subject, load_resources, resource, save_resources};
use crate::{micros, now};

impl WriterControl {
    /// Links the row to the resource that the operator named, and queues the row. It sends no change.
    ///
    /// # Errors
    /// If there is no such conflict, if the resource is linked to another subject as far as our own links know, or if it
    /// does not exist at the target.
    pub(super) async fn resolve_conflict(
        &self,
        request: ResolveConflictRequest,
    ) -> Result<ReplayReply, WriterRefusal> {
        self.configured(&request.target)?;
        let ResolveConflictRequest { target, kind, subject, remote_id, .. } = &request;
        let other = linked_subject(self.store.reader(), target, *kind, remote_id, subject).await;
        if let Some(other) = other? {
            let why =
                format!("resource {remote_id} is linked to {other} already: it cannot be {subject}'s too");
            return Err(refuse_with(why).into());
        }
        self.is_there(&request).await?;
        let outcomes = self.adopt(&request).await?;
        let none = || {
            refuse_with(format!(
                "{} {subject} is in no conflict at `{target}`; see `usher conflicts ls`",
                kind.as_str()
            ))
        };
        outcomes.map(|outcomes| ReplayReply { outcomes }).ok_or_else(|| none().into())
    }

    /// Checks that the resource exists at the target. A link to a missing resource would be a conflict again a moment later.
    ///
    /// # Errors
    /// If the target does not know the resource, or cannot be asked.
    async fn is_there(&self, request: &ResolveConflictRequest) -> Result<(), ControlError> {
        let ResolveConflictRequest { target, kind, subject, remote_id, .. } = request;
        let scim_kind = if *kind == ResourceKind::Group { ScimKind::Group } else { ScimKind::User };
        let owned = self.askable(target).await?;
        let asked = async {
            let mut call = open_call(&owned, *kind, subject).await;
            match call.send(ScimOperation::Read, async |client| client.get(scim_kind, remote_id).await).await
            {
                Ok(found) => match call.note_shown(scim_kind, &found) {
                    Some(why) => Err(refuse_with(why)),
                    None => match call.excepted(scim_kind, &found).await {
                        Ok(None) => Ok(()),
                        Ok(Some(why)) => Err(refuse_with(why)),
                        Err(stop) => Err(no_answer(&call, stop)),
                    },
                },
                Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
                    Err(refuse_with(format!(
                        "`{target}` has no {} {remote_id}: `usher conflicts ls` lists the ids of the resources that were found",
                        kind.as_str()
                    )))
                }
                Err(stop) => Err(no_answer(&call, stop)),
            }
        };
        wait_patiently(&owned, asked).await
    }

    /// Links and queues the row of the conflict, and closes its dead letter. Returns `None` if there is no such conflict.
    ///
    /// # Errors
    /// If the conflict is another one than the operator was shown, or if the database fails.
    async fn adopt(
        &self,
        request: &ResolveConflictRequest,
    ) -> Result<Option<Vec<(DeadLetterId, ReplayOutcome)>>, WriterRefusal> {
        let ResolveConflictRequest { target, kind, subject, remote_id, revision, actor } = request;
        let tx = self.store.begin().await?;
        let mut rows = load_resources(&tx, target, *kind, std::slice::from_ref(subject), true).await?;
        let is_open = |row: &&mut resource::Model| {
            *row.status() == RowStatus::Conflict || row.is_held_as(HeldBy::Adoption)
        };
        let Some(row) = rows.get_mut(subject).filter(is_open) else {
            return Ok(None);
        };
        if *revision != Some(row.desired_revision) {
            return Err(not_as_shown(request).into());
        }
        let letter = row.dead_letter.take();
        row.remote_id = Some(remote_id.clone());
        row.origin = Some(AccountOrigin::Adopted.as_str().to_owned());
        row.set_candidate(None);
        row.in_doubt = true;
        row.attempts = 0;
        row.last_error = None;
        row.enqueue(RowStatus::Pending, micros(now()));
        save_resources(&tx, rows.into_values().collect()).await?;
        dead::close_letters(&tx, letter.as_slice(), dead::REPLAYED).await?;
        let mut news = TransactionFacts::default();
        let mut outcomes = Vec::new();
        if let Some(id) = letter.and_then(|letter| letter.parse::<DeadLetterId>().ok()) {
            let fact = Fact::Replayed {
                dead_letter: id.clone(),
                outcome: ReplayOutcome::Queued.as_str().to_owned(),
                who: actor.who.clone(),
                why: format!("adopt resource {remote_id}: {}", actor.why),
            };
            news.tell(format!("rep:{id}"), subject, None, fact);
            outcomes.push((id, ReplayOutcome::Queued));
        }
        self.commit(tx, news).await?;
        if let Some(wake_up) = self.wake_ups.get(target) {
            wake_up.notify_one();
        }
        Ok(Some(outcomes))
    }
}

/// Creates the refusal of a decision about a conflict that is another one by now, or that was not shown.
fn not_as_shown(request: &ResolveConflictRequest) -> ControlError {
    let ResolveConflictRequest { target, subject, .. } = request;
    ControlError::changed_since_shown(match request.revision {
        Some(_) => format!(
            "the conflict of {subject} has changed since it was listed: list it again with \
             `usher conflicts ls --target {target}`"
        ),
        None => format!(
            "a decision covers the conflict that was shown, with its `revision`: list it first with \
             `usher conflicts ls --target {target}` or `GET /v1/dead`"
        ),
    })
}
