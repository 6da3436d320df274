//! The surroundings of many people at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lifecycle::{AttributeMap, IdentityView};
use policy::GroupMembership;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::{GroupIndex, key_of_manager, load_managers};
use crate::rows::edge;
use crate::unreadable::UnreadableStates;

/// The groups and managers that decisions about a page of people depend on.
#[derive(Debug, Default)]
pub(crate) struct SubjectPage {
    memberships: HashMap<String, Vec<GroupMembership>>,
    managers: HashMap<String, AttributeMap>,
    /// Managers whose states cannot be read.
    pub(crate) unreadable: UnreadableStates,
}

impl SubjectPage {
    /// Reads the groups and managers of `people` as of `now` (microseconds): two statements per 500 people.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn read(
        connection: &impl ConnectionTrait,
        index: &GroupIndex,
        people: &[IdentityView],
        now: i64,
    ) -> Result<Self, StoreError> {
        let mut direct: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for chunk in people.chunks(ROWS_PER_STATEMENT_MAX) {
            let rows: Vec<(String, String)> = edge::Entity::find()
                .select_only()
                .columns([edge::Column::MemberKey, edge::Column::GroupKey])
                .filter(edge::Column::MemberKey.is_in(chunk.iter().map(|person| &person.key)))
                .filter(edge::Column::Present.eq(true))
                .into_tuple()
                .all(connection)
                .await
                .map_err(StoreError::statement("read memberships of people"))?;
            for (member, group) in rows {
                direct.entry(member).or_default().push(group);
            }
        }
        let memberships =
            direct.into_iter().map(|(member, groups)| (member, index.memberships(&groups))).collect();
        let keys: BTreeSet<String> =
            people.iter().filter_map(|person| key_of_manager(&person.attributes)).collect();
        let mut unreadable = UnreadableStates::default();
        let managers = load_managers(connection, &keys, now, &mut unreadable).await?;
        Ok(Self { memberships, managers, unreadable })
    }

    /// Returns the groups that the person is in, directly or nested.
    pub(crate) fn memberships(&self, person: &str) -> &[GroupMembership] {
        self.memberships.get(person).map_or(&[], Vec::as_slice)
    }

    /// Returns the attributes of the person's manager.
    pub(crate) fn manager(&self, person: &IdentityView) -> Option<&AttributeMap> {
        self.managers.get(&key_of_manager(&person.attributes)?)
    }
}
