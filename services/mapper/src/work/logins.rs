//! Recycled logins: a newcomer with the login of a person who was off for a long time. No account is created until an operator
//! decides whose login it is. The decision table is in docs/people.md.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{
    Employment, FormerState, IdentityView, PersonRecord, ResourceKind, login_hash, login_hashes,
};
use policy::{Policy, decide_person};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::BatchState;
use super::stale::StaleMarks;
use super::surroundings::DecisionContext;
use crate::rows::{decode_state, former_login, identity};
use crate::subjects::DecidedPerson;

/// A newcomer whose login belonged to another person.
#[derive(Debug, Clone)]
pub(super) struct HeldLogin {
    /// Key of the person who had it.
    pub(super) former: String,
    /// The time since which it counts as given to another person; microseconds.
    pub(super) since: i64,
}

/// Returns the reason for which no account is created.
pub(crate) fn held_in_words(former: &str) -> String {
    format!("held: {former} had this login before")
}

impl BatchState<'_> {
    /// Returns whether no state was ever requested for the person at the target.
    pub(super) fn is_new_at(&self, policy: &Policy, person: &str) -> bool {
        let key = (policy.target().to_owned(), ResourceKind::User, person.to_owned());
        !self.desired.contains_key(&key)
    }

    /// Returns hashes of the person's logins, from the person's attributes and from the policies' mappings.
    fn logins_of<'p>(
        &self,
        key: &str,
        identity: &IdentityView,
        around: &DecisionContext,
        policies: impl Iterator<Item = &'p Policy>,
    ) -> BTreeSet<String> {
        let mut logins = login_hashes(&identity.attributes);
        let groups = around.of_person(key);
        let manager = around.manager(self.people.get(key).and_then(|known| known.manager.as_deref()));
        for policy in policies {
            let subject = DecidedPerson { identity, groups: &groups, manager }.subject(policy, self.seeds);
            let login = decide_person(&subject, policy, self.now).user_name();
            logins.extend(login.as_deref().and_then(login_hash));
        }
        logins
    }

    /// Returns the logins of all people of the batch who are new at any target.
    fn logins_of_newcomers(&self, around: &DecisionContext) -> BTreeMap<String, BTreeSet<String>> {
        let touched = self.people.iter().filter(|(_, known)| known.touched.is_some());
        let active = touched.filter_map(|(key, _)| {
            let identity = around.people.get(key)?;
            let may_be_held = identity.employment == Employment::Active && !identity.orders.settle_login();
            may_be_held.then_some((key, identity))
        });
        let logins = active.filter_map(|(key, identity)| {
            let new_at: Vec<&Policy> =
                self.policies.iter().filter(|policy| self.is_new_at(policy, key)).collect();
            let logins = || (key.clone(), self.logins_of(key, identity, around, new_at.iter().copied()));
            (!new_at.is_empty()).then(logins)
        });
        logins.collect()
    }
}

/// Determines the newcomers of the batch that are held.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) async fn hold(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    around: &DecisionContext,
) -> Result<(), StoreError> {
    let newcomers = work.logins_of_newcomers(around);
    let wanted: BTreeSet<&String> = newcomers.values().flatten().collect();
    let rows = former_login::of(tx, &wanted.into_iter().collect::<Vec<_>>()).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let people: BTreeSet<&String> = rows.iter().map(|row| &row.person).collect();
    let former = read_people(tx, work, people.into_iter().collect()).await?;
    let (days, now) = (work.policies.people().recycled_after_days(), work.micros());
    for (key, logins) in &newcomers {
        let Some(identity) = around.people.get(key) else { continue };
        let theirs = rows.iter().filter(|row| row.person != *key && logins.contains(&row.login));
        let recycled = theirs.filter_map(|row| {
            let since = former.get(&row.person)?.login_recycled_since(&identity.attributes, days, now)?;
            Some(HeldLogin { former: row.person.clone(), since })
        });
        if let Some(held) = recycled.min_by(|a, b| (a.since, &a.former).cmp(&(b.since, &b.former))) {
            work.held_logins.insert(key.clone(), held);
        }
    }
    Ok(())
}

/// Returns people as the batch leaves them, or as they are stored.
async fn read_people(
    tx: &DatabaseTransaction,
    work: &BatchState<'_>,
    keys: Vec<&String>,
) -> Result<BTreeMap<String, PersonRecord>, StoreError> {
    let mut people = BTreeMap::new();
    let mut missing = Vec::new();
    for key in keys {
        match work.people.get(key) {
            Some(known) => drop(people.insert(key.clone(), known.state.clone())),
            None => missing.push(key.as_str()),
        }
    }
    for chunk in missing.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = identity::Entity::find()
            .filter(identity::Column::Key.is_in(chunk.iter().copied()))
            .all(tx)
            .await
            .map_err(StoreError::statement("read former logins"))?;
        for row in rows {
            people.insert(row.key, decode_state(&row.state, "a person")?);
        }
    }
    Ok(people)
}

/// Stores the logins of people who are off, and deletes those of people who are back. Newcomers that were held because of the
/// latter are decided about again.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) async fn remember(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    around: &DecisionContext,
) -> Result<(), StoreError> {
    let (mut off, mut back) = (Vec::new(), Vec::new());
    for (key, known) in work.people.iter().filter(|(_, known)| known.touched.is_some()) {
        let Some(identity) = around.people.get(key) else { continue };
        match known.state.former_state() {
            FormerState::Unknown => {}
            FormerState::Back => back.push(key.clone()),
            FormerState::Off => {
                let logins = work.logins_of(key, identity, around, work.policies.iter());
                let row = |login| former_login::Model { login, person: key.clone() };
                off.extend(logins.into_iter().map(row));
            }
        }
    }
    former_login::put(tx, &off).await?;
    if !back.is_empty() && former_login::forget(tx, &back).await? > 0 {
        work.stale.push(StaleMarks::HeldBy(back));
    }
    Ok(())
}
