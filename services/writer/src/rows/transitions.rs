//! The transitions of rows: into the queue, to rest, to an operator, and to waiting for a value. Nothing else changes the
//! status of a row, or its place in the queue.

use lifecycle::{AttributeMap, HeldBy};

use super::claims::{self, TakenValue};
use super::words::{RowStatus, UnknownWord};
use super::{edge, resource};

impl resource::Model {
    /// Lets the row wait for an operator.
    pub(crate) fn hold(&mut self, by: HeldBy, reason: String, now: i64) {
        self.rest(RowStatus::Held);
        self.held = Some(by.as_str().to_owned());
        self.held_at = Some(now);
        self.last_error = Some(reason);
    }

    /// Returns whether the row waits for an operator for this reason, or was rejected while it did.
    pub(crate) fn is_held_as(&self, by: HeldBy) -> bool {
        let is_decided_by_a_human = [RowStatus::Held, RowStatus::Rejected].contains(&self.status);
        is_decided_by_a_human && self.held.as_deref() == Some(by.as_str())
    }

    /// Rests as an operator has rejected it. Access that a later decision took away stays held for an operator, even if
    /// other values change.
    pub(crate) fn reject(&mut self) {
        let is_outdated = self.is_held_as(HeldBy::Outdated);
        self.rest(RowStatus::Rejected);
        if is_outdated {
            self.held = Some(HeldBy::Outdated.as_str().to_owned());
        }
    }

    /// Takes a row that cannot be read out of the queue. A row whose status this version does not know stays as it is, for
    /// the version that wrote it: the queue does not read it.
    pub(crate) fn set_aside(&mut self) {
        if !matches!(self.status, RowStatus::Unknown(_)) {
            self.rest(RowStatus::Dead);
        }
    }

    /// Returns the status.
    pub(crate) fn status(&self) -> &RowStatus {
        &self.status
    }

    /// Returns whether the row is in the queue.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued
    }

    /// Returns whether the row is neither queued nor left as it is by a decision.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.status == RowStatus::InSync && !self.queued
    }

    /// Returns the reason of the hold, if there is one.
    pub(crate) fn hold_reason(&self) -> Option<HeldBy> {
        self.held.as_deref().and_then(HeldBy::named)
    }

    /// Returns the start of the hold in microseconds since the Unix epoch; 0 if the row is not held.
    pub(crate) fn held_since(&self) -> i64 {
        self.held_at.unwrap_or_default()
    }

    /// Returns the first word that this version does not know. Nothing may be decided by such a row.
    pub(crate) fn unknown_word(&self) -> Option<UnknownWord> {
        let held = self.held.as_deref();
        UnknownWord::in_status(&self.status)
            .or_else(|| UnknownWord::in_column("held", held, |word| HeldBy::named(word).is_some()))
            .or_else(|| self.unknown_access())
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
        self.status = RowStatus::Waiting;
        self.waits_for = Some(taken.claim.key());
        self.set_waiting(taken);
    }

    /// Puts the row into the queue.
    pub(crate) fn enqueue(&mut self, status: RowStatus, not_before: i64) {
        self.let_go();
        self.status = status;
        self.queued = true;
        self.next_attempt_at = not_before;
    }

    /// Takes the row out of the queue.
    pub(crate) fn rest(&mut self, status: RowStatus) {
        self.let_go();
        self.status = status;
        self.queued = false;
    }
}

impl edge::Model {
    /// Lets the membership wait for an operator, or for something else to change.
    pub(crate) fn hold(&mut self, by: HeldBy, reason: &str) {
        self.rest(RowStatus::Held);
        self.held = (by != HeldBy::Profile).then(|| by.as_str().to_owned());
        self.last_error = Some(reason.to_owned());
    }

    /// Returns the reason of the hold.
    pub(crate) fn hold_reason(&self) -> HeldBy {
        self.held.as_deref().and_then(HeldBy::named).unwrap_or(HeldBy::Profile)
    }

    /// Returns the status.
    pub(crate) fn status(&self) -> &RowStatus {
        &self.status
    }

    /// Returns whether the membership is in the queue.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued
    }

    /// Returns whether the membership is neither queued nor left as it is by a decision.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.status == RowStatus::InSync && !self.queued
    }

    /// Returns whether an earlier request about the membership may have been carried out.
    pub(crate) fn is_unsure(&self) -> bool {
        self.status == RowStatus::Unsure
    }

    /// Queues the membership to be read at the target first.
    pub(crate) fn doubt(&mut self, now: i64) {
        self.status = RowStatus::Unsure;
        self.queued = true;
        self.next_attempt_at = now;
    }

    /// Takes the membership out of the queue, for an operator or until something else changes.
    pub(crate) fn rest(&mut self, status: RowStatus) {
        self.status = status;
        self.queued = false;
    }

    /// Handles the loss of one end at the target. A desired membership waits for the end. So does a removal that was not
    /// carried out: the end may only have been hidden, or may come back under another id with its members.
    pub(crate) fn lose_end(&mut self) {
        let may_be_there = self.applied || self.queued;
        self.queued = false;
        if self.desired {
            self.applied = false;
        }
        let waits = self.desired || may_be_there;
        self.status = if waits { RowStatus::Waiting } else { RowStatus::InSync };
    }

    /// Sets the status of the membership. `linked` tells whether both ends exist at the target.
    pub(crate) fn place(&mut self, linked: bool, now: i64) {
        let (status, queued) = if self.desired == self.applied {
            (RowStatus::InSync, false)
        } else if linked {
            (RowStatus::Pending, true)
        } else {
            (RowStatus::Waiting, false)
        };
        self.status = status;
        self.queued = queued;
        self.next_attempt_at = now;
    }
}
