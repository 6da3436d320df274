//! The rights of all senders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{EmploymentRight, SenderRights};
use crate::PeopleConfig;

/// The rights of each sender, by the name that its events carry (see [`crate::Event::sender`]). A sender without an entry
/// may say everything: it is the only one, or its events were accepted by an earlier configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RightsTable(BTreeMap<String, SenderRights>);

impl RightsTable {
    /// Creates a table. Senders that may say everything need no entry.
    pub fn new(rights: impl IntoIterator<Item = (String, SenderRights)>) -> Self {
        Self(rights.into_iter().filter(|(_, rights)| !rights.is_everything()).collect())
    }

    /// Returns the rights of a sender; `None` if it may say everything.
    pub fn of(&self, sender: &str) -> Option<&SenderRights> {
        self.0.get(sender.trim_matches('/'))
    }

    /// Returns whether every sender may say everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the senders and their rights.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SenderRights)> {
        self.0.iter().map(|(sender, rights)| (sender.as_str(), rights))
    }

    /// Returns the table with a decision for each right about employment that is left out: where `mapper.people.employment`
    /// names sources, that list alone decides.
    #[must_use]
    pub fn decided_by(mut self, people: &PeopleConfig) -> Self {
        for rights in self.0.values_mut() {
            rights.decide_employment_right(people);
        }
        self
    }
}

impl SenderRights {
    /// Decides a right about employment that is left out; see [`RightsTable::decided_by`].
    pub fn decide_employment_right(&mut self, people: &PeopleConfig) {
        if self.employment == EmploymentRight::LeftOut {
            self.employment = if people.employment.is_empty() {
                EmploymentRight::Withheld
            } else {
                EmploymentRight::Granted
            };
        }
    }
}
