//! Evidence that an account is off, and evidence to the contrary.

use lifecycle::{AccountState, DesiredState};

use super::Model;
use crate::rows::access::OffEvidence;

impl Model {
    /// Returns the first evidence that the account is off, as long as it is.
    pub(crate) fn off_evidence(&self) -> Option<OffEvidence> {
        self.off_evidence.as_deref().and_then(OffEvidence::named)
    }

    /// Keeps the first evidence that the account is off, or clears it if there is none any more.
    pub(crate) fn keep_evidence(&mut self, evidence: Option<OffEvidence>, at: i64) {
        match evidence {
            None => (self.off_evidence, self.off_evidence_at) = (None, None),
            Some(_) if self.off_evidence().is_some() => {}
            Some(evidence) => {
                self.off_evidence = Some(evidence.as_str().to_owned());
                self.off_evidence_at = Some(at);
            }
        }
    }

    /// Notes that the account was read as on. Records if an earlier answer had said otherwise about an account that must be off.
    pub(crate) fn was_seen_on(&mut self, at: i64) {
        let must_be_off = matches!(self.desired(), Ok(DesiredState::User(account)) if account.state != AccountState::Active);
        if must_be_off && self.off_evidence() == Some(OffEvidence::Answer) {
            self.answer_disproved_at = Some(at);
        }
        self.keep_evidence(None, at);
    }

    /// Returns the ids of the person's duplicate accounts that are on, or `None` if it is not known whether there are any.
    pub(crate) fn duplicates(&self) -> Option<Vec<String>> {
        serde_json::from_str(self.duplicates.as_deref()?).ok()
    }

    /// Returns whether a duplicate account of the person is on.
    pub(crate) fn has_duplicates(&self) -> bool {
        self.duplicates().is_some_and(|ids| !ids.is_empty())
    }

    /// Stores the ids of the person's duplicate accounts.
    pub(crate) fn set_duplicates(&mut self, ids: Option<&[String]>) {
        self.duplicates = ids.map(|ids| serde_json::to_string(ids).expect("ids are plain data"));
    }
}
