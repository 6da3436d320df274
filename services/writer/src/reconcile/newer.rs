//! Evidence that a target has changed after the stored state was written. Correcting it would give back access that was
//! taken away in the meantime.

use std::collections::{HashMap, HashSet};
use std::fmt;

use lifecycle::{AccountState, DesiredState};
use scim::{FoundResource, ScimKind};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::micros;
use crate::rows::resource;

/// The maximum lag of a target's clock behind ours, in microseconds.
const SKEW_MAX: i64 = 3_600 * 1_000_000;

/// The newer changes at the target.
#[derive(Debug)]
pub(crate) struct NewerAtTarget {
    since: i64,
    /// The number of accounts that should be active and were switched off.
    switched_off: u64,
    /// The number of accounts and groups that should be there and are gone.
    gone: u64,
    /// The number of accounts with a person's key that are unknown here.
    unknown: u64,
    /// The number of memberships that should be there and are missing.
    members_missing: u64,
    changed_groups: HashSet<String>,
}

impl NewerAtTarget {
    /// Creates an empty record of changes after `since` (microseconds since the Unix epoch, 0 if unknown).
    pub(crate) fn than(since: i64) -> Self {
        Self {
            since,
            switched_off: 0,
            gone: 0,
            unknown: 0,
            members_missing: 0,
            changed_groups: HashSet::new(),
        }
    }

    /// Returns `true` if any change is newer.
    pub(crate) fn is_something(&self) -> bool {
        self.switched_off + self.gone + self.unknown + self.members_missing > 0
    }

    /// Notes the newer changes on one page.
    pub(super) fn note_page(
        &mut self,
        kind: ScimKind,
        page: &[&FoundResource],
        linked: &HashMap<String, resource::Model>,
        namesakes: &HashMap<String, resource::Model>,
    ) {
        for seen in page {
            let namesake = || seen.external_id.as_ref().and_then(|id| namesakes.get(id));
            match (kind, linked.get(&seen.id).or_else(namesake)) {
                (ScimKind::User, Some(row)) => {
                    self.switched_off += u64::from(self.was_switched_off(row, seen))
                }
                (ScimKind::User, None) => self.unknown += u64::from(self.was_created(seen)),
                (ScimKind::Group, Some(row)) if self.is_later(time_of(seen, "lastModified"), true) => {
                    self.changed_groups.insert(row.subject.clone());
                }
                (ScimKind::Group, _) => {}
            }
        }
    }

    pub(super) fn note_gone(&mut self, row: &resource::Model) {
        self.gone += u64::from(is_wanted(row));
    }

    pub(super) fn note_missing(&mut self, group: &str, members: u64) {
        if self.changed_groups.contains(group) {
            self.members_missing += members;
        }
    }

    /// Returns whether the account was switched off later. If the target gives no time, only an account that we believed
    /// to be on counts.
    fn was_switched_off(&self, row: &resource::Model, seen: &FoundResource) -> bool {
        let believed_on = row.applied().get("active") != Some(&false.into());
        seen.active == Some(false)
            && is_wanted(row)
            && self.is_later(time_of(seen, "lastModified"), believed_on)
    }

    /// Returns whether the account was created later. Other tools give accounts keys as well, so only a time from the target counts.
    fn was_created(&self, seen: &FoundResource) -> bool {
        self.since > 0 && seen.external_id.is_some() && self.is_later(time_of(seen, "created"), false)
    }

    fn is_later(&self, at: Option<i64>, unknown: bool) -> bool {
        at.map_or(unknown, |at| at > self.since.saturating_sub(SKEW_MAX))
    }
}

impl fmt::Display for NewerAtTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.switched_off, "accounts are off there that should be active"),
            (self.gone, "accounts or groups are gone there"),
            (self.unknown, "accounts were created there that are not known here"),
            (self.members_missing, "memberships are missing there"),
        ];
        let found = counts.iter().filter(|(count, _)| *count > 0);
        let found: Vec<String> = found.map(|(count, what)| format!("{count} {what}")).collect();
        f.write_str(&found.join(", "))
    }
}

fn is_wanted(row: &resource::Model) -> bool {
    match row.desired() {
        Ok(DesiredState::User(account)) => account.state == AccountState::Active,
        Ok(DesiredState::Group(group)) => group.exists,
        _ => false,
    }
}

/// Returns a time from the `meta` attribute of a resource, in microseconds since the Unix epoch.
fn time_of(seen: &FoundResource, name: &str) -> Option<i64> {
    let find = |map: &serde_json::Map<String, Value>, name: &str| {
        map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let meta = find(&seen.attributes, "meta")?;
    let text = find(meta.as_object()?, name)?;
    OffsetDateTime::parse(text.as_str()?, &Rfc3339).ok().map(micros)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PAGE: &str = include_str!("../../../../docs/operations-backup.md");
    const HOUR: i64 = 3_600 * 1_000_000;
    /// 2026-07-01T12:00:00Z.
    const SINCE: i64 = 1_782_907_200 * 1_000_000;

    fn row(known: &str) -> Option<resource::Model> {
        let (state, is_on) = match known {
            "account on" => ("active", true),
            "account being switched on" => ("active", false),
            "account off" => ("disabled", false),
            "nothing" => return None,
            _ => panic!("known here: {known}"),
        };
        let desired = json!({ "kind": "user", "state": state, "attributes": {} });
        let mut row = resource::Model::new("crm", lifecycle::ResourceKind::User, "E-1");
        row.desired = desired.to_string();
        row.applied = Some(json!({ "active": is_on }).to_string());
        row.remote_id = Some("1".to_owned());
        Some(row)
    }

    fn time(changed: &str) -> Option<String> {
        let hours = match changed {
            "since" => 0,
            "before" => -2,
            "not said" => return None,
            _ => panic!("changed there: {changed}"),
        };
        Some(crate::moment_of(SINCE + hours * HOUR).format(&Rfc3339).unwrap())
    }

    fn account(there: &str, changed: &str) -> FoundResource {
        let at = time(changed);
        let external_id = (there != "account without an externalId").then_some("E-1");
        let text = json!({ "id": "1", "externalId": external_id, "active": there != "off",
                           "meta": { "lastModified": at, "created": at } });
        FoundResource::read(&text.to_string()).unwrap()
    }

    fn is_newer(known: &str, there: &str, changed: &str) -> bool {
        let mut newer = NewerAtTarget::than(SINCE);
        let none = HashMap::new();
        match (known, there) {
            ("membership", "missing") => {
                let group = resource::Model::new("crm", lifecycle::ResourceKind::Group, "G-1");
                let seen = account("on", changed);
                newer.note_page(ScimKind::Group, &[&seen], &HashMap::from([("1".to_owned(), group)]), &none);
                newer.note_missing("G-1", 1);
            }
            (known, "gone") => newer.note_gone(&row(known).unwrap()),
            (known, there) => {
                let linked = row(known).map(|row| ("1".to_owned(), row));
                let seen = account(there, changed);
                newer.note_page(ScimKind::User, &[&seen], &linked.into_iter().collect(), &none);
            }
        }
        newer.is_something()
    }

    #[test]
    fn a_target_is_newer_where_the_table_of_the_page_says_so() {
        let table = PAGE.lines().skip_while(|line| !line.starts_with("| known here |"));
        let mut rows = 0;
        for line in table.skip(2).take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [known, there, changed, expected] = cells[..] else { panic!("{line}") };
            assert_eq!(is_newer(known, there, changed), expected == "yes", "{line}");
            rows += 1;
        }
        assert!(rows > 10, "the table is gone");
    }

    #[test]
    fn of_an_older_version_no_unknown_account_counts() {
        let mut newer = NewerAtTarget::than(0);
        newer.note_page(ScimKind::User, &[&account("on", "since")], &HashMap::new(), &HashMap::new());
        assert!(!newer.is_something());
    }
}
