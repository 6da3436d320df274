//! Flattens nested groups: a person in a group that is in another one is sent to targets as a member of both. SCIM targets do
//! not follow nested groups, and a person must not lose the access by a group because the directory nests groups.
//!
//! A membership row tells whether a person is listed (`present`) and whether they are a member through other groups
//! (`indirect`); targets receive both. Only people that the batch touched are processed: [`super::spread`] touches or marks
//! everybody below a group that was nested, removed, deleted, or restored.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::next_revision;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::surroundings::DecisionContext;
use super::{BatchState, CommandCause, load, members};
use crate::rows::edge;

/// Sets `indirect` for all touched people.
pub(super) async fn flatten_memberships(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    around: &DecisionContext,
) -> Result<(), StoreError> {
    let touched = work.people.iter().filter_map(|(key, known)| Some((key.clone(), known.touched.clone()?)));
    let touched: BTreeMap<String, CommandCause> = touched.collect();
    let wanted: BTreeSet<(String, String)> = touched
        .keys()
        .flat_map(|member| around.through_groups(member).into_iter().map(|group| (group, member.clone())))
        .collect();
    read_indirect(tx, work, &touched, &wanted).await?;
    for (group, member) in &wanted {
        let key = (group.clone(), member.clone());
        work.edges.entry(key).or_insert_with(|| members::unknown_edge(group, member));
    }
    let clock = work.clock;
    for ((group, member), known) in &mut work.edges {
        let Some(cause) = touched.get(member) else { continue };
        let indirect = wanted.contains(&(group.clone(), member.clone()));
        if indirect == known.row.indirect {
            continue;
        }
        known.row.indirect = indirect;
        known.touched = true;
        if !known.row.present {
            known.row.revision = next_revision(known.row.revision, clock);
            known.changed = Some(cause.clone());
        }
    }
    Ok(())
}

/// Reads the rows that are indirect, and those that must become so.
async fn read_indirect(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    touched: &BTreeMap<String, CommandCause>,
    wanted: &BTreeSet<(String, String)>,
) -> Result<(), StoreError> {
    let failed = StoreError::statement("read memberships through groups");
    let people: Vec<&String> = touched.keys().collect();
    for some in people.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = edge::Entity::find()
            .filter(edge::Column::MemberKey.is_in(some.iter().copied()))
            .filter(edge::Column::Indirect.eq(true))
            .all(tx)
            .await
            .map_err(&failed)?;
        load::keep_edges(work, rows);
    }
    let mut by_group: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for (group, member) in wanted {
        if !work.edges.contains_key(&(group.clone(), member.clone())) {
            by_group.entry(group).or_default().push(member);
        }
    }
    for (group, members) in by_group {
        for some in members.chunks(ROWS_PER_STATEMENT_MAX) {
            let rows = edge::Entity::find()
                .filter(edge::Column::GroupKey.eq(group))
                .filter(edge::Column::MemberKey.is_in(some.iter().copied()))
                .all(tx)
                .await
                .map_err(&failed)?;
            load::keep_edges(work, rows);
        }
    }
    Ok(())
}
