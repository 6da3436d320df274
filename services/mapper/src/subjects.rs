//! The surroundings of a decision: the groups of a person, their manager, and their seed.
//!
//! The batch processor ([`crate::work`]) and bulk evaluation (a plan) build them from the same parts. In bulk:
//! [`GroupIndex::load`] once, [`SeedMaker::load`] once, then [`SubjectPage::read`] for each page of people.
//!
//! A row of `mapper_identities` with an empty state is not a person: it exists so that two replicas which write to the
//! same key concurrently detect each other. All code here skips such rows ([`is_known`]).
//!
//! This module never decides, and never writes anything but the secret from which seeds are derived.

mod decided;
mod index;
mod managers;
mod page;
mod seeds;

pub(crate) use decided::{DecidedGroup, DecidedPerson};
pub(crate) use index::{GroupIndex, NESTING_LEVELS_MAX, display_name};
pub(crate) use managers::{key_of_manager, load_managers};
pub(crate) use page::SubjectPage;
pub(crate) use seeds::SeedMaker;
pub use seeds::SeedsError;

use std::collections::BTreeSet;

use lifecycle::PersonRecord;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use crate::policies::PolicySet;
use crate::rows::{decode_state, identity};

/// Returns whether any statement about the person exists. A key that was joined to another person is no person of its own.
pub(crate) fn is_known(state: &PersonRecord) -> bool {
    *state != PersonRecord::default() && state.moved_to().is_none()
}

/// Returns those of `keys` that are keys of people.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn people_among(
    connection: &impl ConnectionTrait,
    keys: &[String],
) -> Result<BTreeSet<String>, StoreError> {
    let mut found = BTreeSet::new();
    for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = identity::Entity::find()
            .filter(identity::Column::Key.is_in(chunk))
            .all(connection)
            .await
            .map_err(StoreError::statement("read people"))?;
        let known = rows
            .into_iter()
            // An unreadable state still means that statements about the person exist.
            .filter(|row| decode_state(&row.state, &row.key).map_or(true, |state| is_known(&state)));
        found.extend(known.map(|row| row.key));
    }
    Ok(found)
}

impl PolicySet {
    /// Returns whether a policy uses the names of groups.
    pub(crate) fn names_groups(&self) -> bool {
        self.iter().any(policy::Policy::names_groups)
    }

    /// Returns the attributes of managers that policies use.
    pub(crate) fn manager_attributes(&self) -> BTreeSet<&str> {
        self.iter().flat_map(|policy| policy.manager_attributes().iter().map(String::as_str)).collect()
    }
}

#[cfg(test)]
mod tests;
