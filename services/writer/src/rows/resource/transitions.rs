//! The transitions of a row: into the queue, to rest, to an operator, and to waiting for a value.

use lifecycle::{AttributeMap, HeldBy};

use super::Model;
use crate::rows::claims::{self, TakenValue};
use crate::rows::status;

impl Model {
    /// Lets the row wait for an operator.
    pub(crate) fn hold(&mut self, by: HeldBy, reason: String, now: i64) {
        self.rest(status::HELD);
        self.held = Some(by.as_str().to_owned());
        self.held_at = Some(now);
        self.last_error = Some(reason);
    }

    /// Returns whether the row waits for an operator for this reason, or was rejected while it did.
    pub(crate) fn is_held_as(&self, by: HeldBy) -> bool {
        let is_decided_by_a_human = [status::HELD, status::REJECTED].contains(&self.status.as_str());
        is_decided_by_a_human && self.held.as_deref() == Some(by.as_str())
    }

    /// Clears the hold.
    fn let_go(&mut self) {
        self.held = None;
        self.held_at = None;
        self.waits_for = None;
    }

    /// Stores the attributes that the target holds.
    pub(crate) fn set_applied(&mut self, applied: &AttributeMap) {
        self.applied = Some(serde_json::to_string(applied).expect("attributes are plain data"));
        (self.name_key, self.mail_key) = claims::claim_keys(self.kind(), applied);
    }

    /// Returns the value that the row waits for, or last waited for at this revision.
    pub(crate) fn waiting(&self) -> Option<TakenValue> {
        serde_json::from_str(self.waiting.as_deref()?).ok()
    }

    /// Stores the value that the row waits for.
    pub(crate) fn set_waiting(&mut self, taken: &TakenValue) {
        self.waiting = Some(serde_json::to_string(taken).expect("a claim is plain data"));
    }

    /// Lets the row wait until another one gives a value up.
    pub(crate) fn wait_for(&mut self, taken: &TakenValue, reason: String, now: i64) {
        self.hold(HeldBy::Taken, reason, now);
        self.status = status::WAITING.to_owned();
        self.waits_for = Some(taken.claim.key());
        self.set_waiting(taken);
    }

    /// Puts the row into the queue.
    pub(crate) fn enqueue(&mut self, status: &'static str, not_before: i64) {
        self.let_go();
        self.status = status.to_owned();
        self.queued = true;
        self.next_attempt_at = not_before;
    }

    /// Takes the row out of the queue.
    pub(crate) fn rest(&mut self, status: &'static str) {
        self.let_go();
        self.status = status.to_owned();
        self.queued = false;
    }
}
