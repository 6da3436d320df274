//! Login names by which operators find people, written in the transaction that decides about the people.

use std::collections::BTreeSet;

use lifecycle::{DesiredState, PersonRecord, ResourceKind};
use sea_orm::DatabaseTransaction;
use store::StoreError;

use super::BatchState;
use crate::rows::{desired, login};
use crate::subjects::is_known;

const USER_NAME: &str = "userName";
/// Attributes of people that may contain the login name that an operator enters.
pub(crate) const LOGIN_ATTRIBUTES: [&str; 3] = ["userPrincipalName", "mail", USER_NAME];

/// Login names as they should be stored, and the parts of the table that they replace.
#[derive(Default)]
struct LoginNames {
    wanted: BTreeSet<login::Model>,
    /// Person and target.
    replaced: BTreeSet<(String, String)>,
}

impl LoginNames {
    fn replace(&mut self, person: &str, target: &str, logins: impl IntoIterator<Item = String>) {
        self.replaced.insert((person.to_owned(), target.to_owned()));
        self.wanted.extend(logins.into_iter().map(|name| login::Model {
            login: login::login_key(&name),
            target: target.to_owned(),
            person: person.to_owned(),
        }));
    }
}

/// Writes the login names of everybody who was decided about.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) async fn save_logins(tx: &DatabaseTransaction, work: &BatchState<'_>) -> Result<(), StoreError> {
    let mut names = LoginNames::default();
    let touched = work.people.iter().filter(|(_, known)| known.touched.is_some());
    for (key, known) in touched.clone() {
        names.replace(key, "", names_by_sources(key, &known.state, work.micros()));
    }
    let accounts = work.desired.iter().filter(|((_, kind, _), _)| *kind == ResourceKind::User);
    let people: BTreeSet<&str> = touched
        .map(|(key, _)| key.as_str())
        .chain(accounts.clone().map(|((_, _, subject), _)| subject.as_str()))
        .collect();
    let stored = login::of_people(tx, &people.into_iter().collect::<Vec<_>>()).await?;
    let stored: BTreeSet<login::Model> = stored.into_iter().collect();
    let with_name: BTreeSet<(&str, &str)> =
        stored.iter().map(|row| (row.person.as_str(), row.target.as_str())).collect();
    for (key, row) in accounts {
        // An account of an older version has no name in the table yet.
        if work.changed_desired.contains(key) || !with_name.contains(&(&key.2, &key.0)) {
            names.replace(&key.2, &key.0, name_of_account(row));
        }
    }
    let is_replaced =
        |row: &&login::Model| names.replaced.contains(&(row.person.clone(), row.target.clone()));
    for row in stored.difference(&names.wanted).filter(is_replaced) {
        login::forget(tx, row).await?;
    }
    login::put(tx, &names.wanted.difference(&stored).collect::<Vec<_>>()).await
}

/// Returns the login names that the sources state of a person, now or from a later day on: a person whose first day is in the
/// future has a name already.
fn names_by_sources(key: &str, state: &PersonRecord, now: i64) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if !is_known(state) {
        return names;
    }
    for at in [Some(now), state.next_due(now).map(|_| i64::MAX)].into_iter().flatten() {
        let attributes = state.view(key, at).attributes;
        let text = |name: &&str| attributes.get(*name)?.as_str().map(str::to_owned);
        names.extend(LOGIN_ATTRIBUTES.iter().filter_map(text));
    }
    names
}

/// Returns the login name of an account. One whose state cannot be read has none until it is decided about.
fn name_of_account(row: &desired::Model) -> Option<String> {
    let Ok(DesiredState::User(account)) = row.desired() else { return None };
    let name = account.attributes.get(USER_NAME).or_else(|| account.on_create.get(USER_NAME));
    name?.as_str().map(str::to_owned)
}
