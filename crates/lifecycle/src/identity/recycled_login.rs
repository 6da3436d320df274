//! Recycled login names: a new key that arrives with the login of a person who was off for a long time is held until
//! an operator decides whose login it is. The rules are in docs/people.md.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::PersonRecord;
use super::recycled::{DAY_MICROS, FormerNames, ValueComparison};
use crate::{AccessOrders, AttributeMap};

/// The attributes that a person logs in with, or that targets match accounts by.
const LOGINS: &[&str] =
    &["userPrincipalName", "userName", "login", "loginName", "samAccountName", "mail", "email", "workEmail"];
/// The number of bytes of a hash.
const HASH_BYTES: usize = 16;

/// The remembered state of a person's departure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormerState {
    /// The person never left, or has been back for a long time.
    Unknown,
    /// The person is off.
    Off,
    /// The person is back.
    Back,
}

/// Returns the hash of a login name, independent of upper and lower case; `None` for an empty name.
pub fn login_hash(login: &str) -> Option<String> {
    let login = login.trim().to_lowercase();
    let hash = || hex::encode(&Sha256::digest(&login)[..HASH_BYTES]);
    (!login.is_empty()).then(hash)
}

/// Returns the hashes of the logins of a person with these attributes.
pub fn login_hashes(attributes: &AttributeMap) -> BTreeSet<String> {
    let values = LOGINS.iter().filter_map(|name| attributes.get(*name).and_then(Value::as_str));
    values.filter_map(login_hash).collect()
}

impl FormerNames {
    /// Returns whether a newcomer with one of this person's logins is, or may be, another person.
    fn is_other_than(&self, newcomer: &AttributeMap) -> bool {
        use ValueComparison::{Other, Same, Unknown};
        match self.compare_proofs(newcomer) {
            Same => return false,
            Other => return true,
            Unknown => {}
        }
        match self.compare_names(newcomer) {
            (Same, Same | Unknown) | (Unknown, Same) => false,
            (Unknown, Unknown) => self.compare_display_names(newcomer) != Same,
            _ => true,
        }
    }
}

impl PersonRecord {
    /// Returns the remembered state of the person's departure.
    pub fn former_state(&self) -> FormerState {
        match &self.former {
            None => FormerState::Unknown,
            Some(former) if former.returned_at.is_none() => FormerState::Off,
            Some(_) => FormerState::Back,
        }
    }

    /// Returns the time since which a login of this person counts as given to another person (microseconds): the
    /// person was off for `days` or more at `now`, and the newcomer with these attributes is, or may be, another
    /// person.
    pub fn login_recycled_since(&self, newcomer: &AttributeMap, days: u32, now: i64) -> Option<i64> {
        let former = self.former.as_ref().filter(|former| former.returned_at.is_none())?;
        let due = former.since.saturating_add(i64::from(days).saturating_mul(DAY_MICROS));
        (due <= now && former.is_other_than(newcomer)).then_some(due)
    }
}

impl AccessOrders {
    /// Returns whether an operator decided whose login a newcomer came with.
    pub fn settle_login(&self) -> bool {
        self.same.is_some() || self.different.is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::EventKind;
    use crate::merge_tests::event;

    const PAGE: &str = include_str!("../../../../docs/people.md");

    fn attributes(cell: &str) -> AttributeMap {
        let pairs = cell.split(", ").filter(|pair| *pair != "-").map(|pair| pair.split_once(": ").unwrap());
        pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect()
    }

    /// Returns a person with these attributes who left on the first day.
    fn former(attributes: &AttributeMap) -> PersonRecord {
        let mut person = PersonRecord::default();
        let joined = event(EventKind::WorkerJoined, 0, 0, json!(attributes));
        person.merge(&joined, 1, 0);
        person.merge(&event(EventKind::WorkerLeft, 1, 1, json!({})), 2, 1_000_000);
        let view = person.view("E-1", 1_000_000);
        person.remember_former(&view, 90, 1_000_000);
        person
    }

    #[test]
    fn every_row_of_the_page_on_people_about_logins_is_decided_as_it_says() {
        let table = PAGE.lines().skip_while(|line| !line.starts_with("| who had the login |")).skip(2);
        let mut rows = 0;
        for line in table.take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [before, after, days, is] = cells[..] else { panic!("{line}") };
            let (before, after) = (attributes(before), attributes(after));
            let shares = !login_hashes(&before).is_disjoint(&login_hashes(&after));
            let now = days.parse::<i64>().unwrap() * DAY_MICROS + 1_000_000;
            let is_recycled = former(&before).login_recycled_since(&after, 90, now).is_some();
            let is_held = shares && is_recycled;
            assert_eq!(if is_held { "held" } else { "let in" }, is, "{line}");
            rows += 1;
        }
        assert!(rows > 10, "the table was not found");
    }

    #[test]
    fn a_login_is_free_again_when_who_had_it_is_back() {
        let names = attributes("givenName: Ada, mail: a@x.org");
        let mut person = former(&names);
        let now = 200 * DAY_MICROS;
        let newcomer = attributes("givenName: Bob, mail: a@x.org");
        assert_eq!(person.former_state(), FormerState::Off);
        assert!(person.login_recycled_since(&newcomer, 90, now).is_some());
        person.merge(&event(EventKind::WorkerRehired, 200 * 86_400, 200 * 86_400, json!(names)), 3, now);
        let view = person.view("E-1", now);
        person.remember_former(&view, 90, now);
        assert_eq!(person.former_state(), FormerState::Back);
        assert_eq!(person.login_recycled_since(&newcomer, 90, now), None);
    }
}
