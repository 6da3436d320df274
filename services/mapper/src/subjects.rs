//! What a decision looks at besides its subject: the groups that somebody is in, their manager, and their seed.
//!
//! The batch ([`crate::work`]) and whoever decides about many people at once (a plan) build it from the same parts. In
//! bulk: [`GroupIndex::load`] once, [`SeedMaker::load`] once, then [`SubjectPage::read`] for each page of people.
//!
//! A row of `mapper_identities` with an empty state is no person: it is there so that two replicas which write about the
//! same key at the same moment notice each other. Everybody here passes over such rows ([`is_known`]).
//!
//! It never decides, and never writes anything but the secret that seeds are made of.

mod index;
mod managers;
mod page;
mod seeds;

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

/// Whether anything was ever said about the person; a key that turned out to be somebody else's is nobody's.
pub(crate) fn is_known(state: &PersonRecord) -> bool {
    *state != PersonRecord::default() && state.moved_to().is_none()
}

/// Those of `keys` that are keys of people.
///
/// # Errors
/// As the database reports them.
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
            // Something was said of them, whatever it was.
            .filter(|row| decode_state(&row.state, &row.key).map_or(true, |state| is_known(&state)));
        found.extend(known.map(|row| row.key));
    }
    Ok(found)
}

impl PolicySet {
    /// Whether some policy looks at the names of groups.
    pub(crate) fn names_groups(&self) -> bool {
        self.iter().any(policy::Policy::names_groups)
    }

    /// The attributes of managers that policies look at.
    pub(crate) fn manager_attributes(&self) -> BTreeSet<&str> {
        self.iter().flat_map(|policy| policy.manager_attributes().iter().map(String::as_str)).collect()
    }
}

#[cfg(test)]
mod tests;
