//! Finds the orphans whose names are like a person's.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lifecycle::{
    AccountLikeness, DesiredState, OTHER_ACCOUNTS_MAX, OtherAccount, OtherAccounts, OtherAccountsGap,
    OtherAccountsOf, OtherAccountsReply, OtherAccountsRequest, ResourceKind, sought_name_keys,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use super::{load, names};
use crate::moment_of;
use crate::rows::{load_resources, orphan, orphan_key, orphan_sweep, resource};

/// The maximum number of accounts that are compared for one statement of keys.
const ALIKE_MAX: u64 = 10_000;

/// The keys to search for one person, and the accounts that were found.
struct SoughtPerson {
    person: String,
    /// True if the writer knows a login or a mail address.
    has_name: bool,
    keys: BTreeMap<String, AccountLikeness>,
    found: BTreeMap<String, AccountLikeness>,
    has_too_many: bool,
}

impl SoughtPerson {
    fn of(person: &str, row: Option<&resource::Model>) -> Self {
        let names = row.map(names_of).unwrap_or_default();
        Self {
            person: person.to_owned(),
            has_name: !names.is_empty(),
            keys: sought_name_keys(names.iter().map(String::as_str), person),
            found: BTreeMap::new(),
            has_too_many: false,
        }
    }

    fn take(&mut self, hits: &HashMap<String, Vec<String>>) {
        for (key, likeness) in &self.keys {
            for remote_id in hits.get(key).into_iter().flatten() {
                let known = self.found.entry(remote_id.clone()).or_insert(*likeness);
                *known = (*likeness).min(*known);
            }
        }
    }

    /// Builds the reply for the person: the accounts that were found, and the gaps of the search.
    fn told(
        self,
        orphans: &HashMap<String, orphan::Model>,
        sweep: Option<&orphan_sweep::Model>,
    ) -> OtherAccountsOf {
        let mut accounts: Vec<OtherAccount> = self
            .found
            .into_iter()
            .filter_map(|(remote_id, likeness)| {
                let row = orphans.get(&remote_id)?;
                let (login, seen_at) = (row.login.clone(), moment_of(row.seen_at));
                Some(OtherAccount { remote_id, login, active: row.active, likeness, seen_at })
            })
            .collect();
        accounts.sort_by(|a, b| {
            let order = |account: &OtherAccount| (account.active == Some(false), account.likeness);
            order(a).cmp(&order(b)).then_with(|| a.name().cmp(b.name()))
        });
        let unnamed = accounts.len().saturating_sub(OTHER_ACCOUNTS_MAX) as u64;
        accounts.truncate(OTHER_ACCOUNTS_MAX);
        let gaps = [
            (sweep.is_none(), OtherAccountsGap::NeverReconciled),
            (sweep.is_some_and(|sweep| sweep.incomplete), OtherAccountsGap::TooManyOrphans),
            (!self.has_name, OtherAccountsGap::NoName),
            (self.has_too_many, OtherAccountsGap::TooManyAlike),
        ];
        let gaps = gaps.into_iter().filter(|(is_so, _)| *is_so).map(|(_, gap)| gap).collect();
        let reconciled_at = sweep.map(|sweep| moment_of(sweep.swept_at));
        OtherAccountsOf {
            person: self.person,
            found: OtherAccounts { accounts, unnamed, reconciled_at, gaps },
        }
    }
}

/// Returns the login names and mail addresses that the person's account should have, or has.
fn names_of(row: &resource::Model) -> Vec<String> {
    let mut found = names(&row.applied());
    if let Ok(DesiredState::User(account)) = row.desired() {
        found.extend(names(&account.attributes));
        found.extend(names(&account.on_create));
    }
    found
}

/// Returns the orphans that may belong to these people.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn look_up(
    store: &Store,
    request: &OtherAccountsRequest,
) -> Result<OtherAccountsReply, StoreError> {
    let OtherAccountsRequest { target, people } = request;
    let reader = store.reader();
    let rows = load_resources(reader, target, ResourceKind::User, people, false).await?;
    let mut sought: Vec<SoughtPerson> =
        people.iter().map(|person| SoughtPerson::of(person, rows.get(person))).collect();
    let keys: BTreeSet<&String> = sought.iter().flat_map(|sought| sought.keys.keys()).collect();
    let keys: Vec<String> = keys.into_iter().cloned().collect();
    for keys in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let hits = alike(reader, target, keys).await?;
        let has_too_many = hits.len() as u64 > ALIKE_MAX;
        let mut by_key: HashMap<String, Vec<String>> = HashMap::new();
        for hit in hits {
            by_key.entry(hit.name_key).or_default().push(hit.remote_id);
        }
        for one in &mut sought {
            one.take(&by_key);
            one.has_too_many |= has_too_many && keys.iter().any(|key| one.keys.contains_key(key));
        }
    }
    let ids: BTreeSet<&String> = sought.iter().flat_map(|sought| sought.found.keys()).collect();
    let ids: Vec<String> = ids.into_iter().cloned().collect();
    let orphans = load(reader, target, &ids).await?;
    let sweep = orphan_sweep::Entity::find_by_id(target.clone()).one(reader).await;
    let sweep = sweep.map_err(StoreError::statement("read when all accounts were read"))?;
    let people = sought.into_iter().map(|sought| sought.told(&orphans, sweep.as_ref())).collect();
    Ok(OtherAccountsReply { people })
}

/// Reads the keys of orphans that equal one of `keys`.
async fn alike(
    connection: &impl ConnectionTrait,
    target: &str,
    keys: &[String],
) -> Result<Vec<orphan_key::Model>, StoreError> {
    orphan_key::Entity::find()
        .filter(orphan_key::Column::Target.eq(target))
        .filter(orphan_key::Column::NameKey.is_in(keys))
        .order_by_asc(orphan_key::Column::NameKey)
        .limit(ALIKE_MAX + 1)
        .all(connection)
        .await
        .map_err(StoreError::statement("read names of orphans"))
}
