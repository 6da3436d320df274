//! Keys that come back: a person who was off for long and returns with another name is held until a human says that it is
//! the same person. The rules are in docs/people.md.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Identity, IdentityView};
use crate::Attributes;
use crate::employment::{Contradiction, ContradictionCode, Employment};

pub(super) const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// For how long after a return another name is still noticed: values may come in another event than the arrival.
const SETTLES_AFTER: i64 = DAY_MICROS;

const GIVEN_NAMES: &[&str] = &["givenName", "firstName", "name.givenName"];
const FAMILY_NAMES: &[&str] = &["surname", "familyName", "lastName", "sn", "name.familyName"];
const DISPLAY_NAMES: &[&str] = &["displayName", "name.formatted"];
const MAILS: &[&str] = &["mail", "email", "personalEmail"];
/// What one human has all their life.
const PROOFS: &[&str] = &["birthDate", "dateOfBirth", "personalId", "nationalId"];

/// What a person was called when they left. Hashes, no values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Former {
    /// When they left (microseconds since the Unix epoch).
    pub(super) since: i64,
    /// How long they must be gone before another name counts.
    gap: i64,
    /// When they were seen to be back, as the same person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) returned_at: Option<i64>,
    /// By attribute; of names each word.
    values: BTreeMap<String, Vec<String>>,
}

/// Whether a value is the same as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    Same,
    Other,
    /// It is not known on one side.
    Unknown,
}

impl Former {
    fn of(attributes: &Attributes, since: i64, gap: i64) -> Self {
        let all = [GIVEN_NAMES, FAMILY_NAMES, DISPLAY_NAMES, MAILS, PROOFS].concat();
        let known = all.into_iter().filter_map(|name| Some((name.to_owned(), words(attributes.get(name)?)?)));
        Self { since, gap, returned_at: None, values: known.collect() }
    }

    fn compare(&self, names: &[&str], now: &Attributes) -> Compared {
        let mut compared = Compared::Unknown;
        for name in names {
            let (Some(before), Some(after)) = (self.values.get(*name), now.get(*name).and_then(words)) else {
                continue;
            };
            let shorter = before.len().min(after.len());
            // A second given name that is left out makes nobody another person.
            let is_same =
                if names == GIVEN_NAMES { before[..shorter] == after[..shorter] } else { *before == after };
            if !is_same {
                return Compared::Other;
            }
            compared = Compared::Same;
        }
        compared
    }

    pub(super) fn compare_proofs(&self, now: &Attributes) -> Compared {
        self.compare(PROOFS, now)
    }

    /// Given name and family name.
    pub(super) fn compare_names(&self, now: &Attributes) -> (Compared, Compared) {
        (self.compare(GIVEN_NAMES, now), self.compare(FAMILY_NAMES, now))
    }

    pub(super) fn compare_display_names(&self, now: &Attributes) -> Compared {
        self.compare(DISPLAY_NAMES, now)
    }

    /// The table of docs/people.md.
    fn is_another(&self, now: &Attributes) -> bool {
        use Compared::{Other, Same, Unknown};
        match self.compare_proofs(now) {
            Same => return false,
            Other => return true,
            Unknown => {}
        }
        let keeps_mail = self.compare(MAILS, now) == Same;
        match self.compare_names(now) {
            (Same, Same | Unknown) | (Unknown, Same) => false,
            (Same, Other) => !keeps_mail,
            (Other, _) | (Unknown, Other) => true,
            (Unknown, Unknown) => self.compare_display_names(now) == Other && !keeps_mail,
        }
    }

    /// Whether who is employed at `now` came back after the gap as another person.
    fn is_back_as_another(&self, attributes: &Attributes, now: i64) -> bool {
        let returned_at = self.returned_at.unwrap_or(now);
        let is_settled = now.saturating_sub(returned_at) >= SETTLES_AFTER;
        let was_gone = returned_at.saturating_sub(self.since) >= self.gap;
        was_gone && !is_settled && self.is_another(attributes)
    }
}

/// Hashes of the words of a value, in lower case and without anything but letters and digits; nothing if there are none.
fn words(value: &Value) -> Option<Vec<String>> {
    let text = value.as_str()?.to_lowercase();
    let words = text.split_whitespace().map(|word| word.chars().filter(|c| c.is_alphanumeric()).collect());
    let words: Vec<String> = words.filter(|word: &String| !word.is_empty()).collect();
    let hash = |word: &String| Sha256::digest(word)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    (!words.is_empty()).then(|| words.iter().map(hash).collect())
}

impl Identity {
    /// Keeps who came back as another person off, and lists it, until a human says that it is the same one.
    pub(super) fn hold_recycled(&self, view: &mut IdentityView, now: i64) {
        let Some(former) = self.former.as_ref().filter(|_| view.employment == Employment::Active) else {
            return;
        };
        let is_confirmed = view.orders.same.is_some_and(|order| order.since >= former.since);
        if is_confirmed || !former.is_back_as_another(&view.attributes, now) {
            return;
        }
        view.employment = Employment::Left { since: former.since };
        view.planned_departure = None;
        let code = ContradictionCode::RecycledKey;
        let said_at = former.since.saturating_add(former.gap);
        view.contradictions.push(Contradiction { code, sender: String::new(), said_at });
        view.contradictions.sort();
    }

    /// Remembers what a person was called when they left, and forgets it when they are back. `view` is of `now` (microseconds);
    /// `days` are those after which another name counts.
    pub fn remember_former(&mut self, view: &IdentityView, days: u32, now: i64) {
        let gap = i64::from(days).saturating_mul(DAY_MICROS);
        let is_held = view.contradictions.iter().any(|known| known.code == ContradictionCode::RecycledKey);
        match (view.employment, &mut self.former) {
            (_, Some(former)) if is_held => (former.returned_at, former.gap) = (None, gap),
            (Employment::Active, Some(former)) => {
                let returned_at = *former.returned_at.get_or_insert(now);
                if now.saturating_sub(returned_at) >= SETTLES_AFTER {
                    self.former = None;
                }
            }
            (Employment::Left { since } | Employment::Deleted { since }, former) => match former {
                Some(known) if known.returned_at.is_none() => {
                    (known.since, known.gap) = (known.since.max(since), gap);
                }
                _ => *former = Some(Former::of(&view.attributes, since, gap)),
            },
            (Employment::Active | Employment::Unknown, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::merge_tests::event;
    use crate::{AccessOrder, AccessOrderKind, EventKind};

    const PAGE: &str = include_str!("../../../../docs/people.md");

    fn attributes(cell: &str) -> Attributes {
        let pairs = cell.split(", ").filter(|pair| *pair != "-").map(|pair| pair.split_once(": ").unwrap());
        pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect()
    }

    #[test]
    fn every_row_of_the_page_on_people_is_decided_as_it_says() {
        let table = PAGE.lines().skip_while(|line| !line.starts_with("| when they left |")).skip(2);
        let mut rows = 0;
        for line in table.take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [before, after, days, is] = cells[..] else { panic!("{line}") };
            let former = Former::of(&attributes(before), 0, 90 * DAY_MICROS);
            let now = days.parse::<i64>().unwrap() * DAY_MICROS;
            let is_held = former.is_back_as_another(&attributes(after), now);
            assert_eq!(if is_held { "held" } else { "the same" }, is, "{line}");
            rows += 1;
        }
        assert!(rows > 12, "the table was not found");
    }

    /// Looked at by the mapper at `now`.
    fn look(person: &mut Identity, now: i64) -> IdentityView {
        let view = person.view("E-1", now);
        person.remember_former(&view, 90, now);
        view
    }

    #[test]
    fn who_comes_back_after_long_with_another_name_is_off_until_a_human_says_that_it_is_the_same_person() {
        let day = |day: i64| day * DAY_MICROS;
        let seconds = |days: i64| days * 24 * 3_600;
        let mut person = Identity::default();
        let said = |kind, days, name: &str| {
            let names = json!({ "givenName": name, "surname": "Byron" });
            event(kind, seconds(days), seconds(days), names)
        };
        person.merge(&said(EventKind::WorkerJoined, 1, "Ada"), 1, day(1));
        assert_eq!(look(&mut person, day(1)).employment, Employment::Active);
        person.merge(&event(EventKind::WorkerLeft, seconds(10), seconds(10), json!({})), 2, day(10));
        assert_eq!(look(&mut person, day(10)).employment, Employment::Left { since: day(10) });
        person.merge(&said(EventKind::WorkerRehired, 200, "Bob"), 3, day(200));
        for now in [day(200), day(201), day(300)] {
            let view = look(&mut person, now);
            assert_eq!(view.employment, Employment::Left { since: day(10) });
            assert_eq!(view.contradictions[0].code, ContradictionCode::RecycledKey);
        }
        person.order_access(AccessOrderKind::Same, Some(AccessOrder { since: day(301), until: None }));
        assert_eq!(look(&mut person, day(301)).employment, Employment::Active);
        // They are known by that name from now on; the next one who comes is held again.
        look(&mut person, day(303));
        person.merge(&event(EventKind::WorkerLeft, seconds(310), seconds(310), json!({})), 4, day(310));
        assert_eq!(look(&mut person, day(310)).employment, Employment::Left { since: day(310) });
        person.merge(&said(EventKind::WorkerRehired, 500, "Carol"), 5, day(500));
        assert_eq!(look(&mut person, day(500)).employment, Employment::Left { since: day(310) });
    }

    #[test]
    fn a_name_that_comes_a_moment_after_the_return_is_noticed_and_a_marriage_later_is_not() {
        let mut person = Identity::default();
        let seconds = |days: i64| days * 24 * 3_600;
        let names = |name: &str| json!({ "givenName": name });
        person.merge(&event(EventKind::WorkerJoined, 1, 1, names("Ada")), 1, DAY_MICROS);
        look(&mut person, DAY_MICROS);
        person.merge(&event(EventKind::WorkerLeft, seconds(10), seconds(10), json!({})), 2, 10 * DAY_MICROS);
        look(&mut person, 10 * DAY_MICROS);
        let back = 200 * DAY_MICROS;
        person.merge(&event(EventKind::WorkerRehired, seconds(200), seconds(200), json!({})), 3, back);
        assert_eq!(look(&mut person, back).employment, Employment::Active);
        let mut late = person.clone();
        let renamed = event(EventKind::WorkerChanged, seconds(200) + 1, seconds(200) + 1, names("Bob"));
        person.merge(&renamed, 4, back + 1_000_000);
        assert_ne!(look(&mut person, back + 1_000_000).employment, Employment::Active);
        let renamed = event(EventKind::WorkerChanged, seconds(203), seconds(203), names("Bob"));
        late.merge(&renamed, 4, 203 * DAY_MICROS);
        assert_eq!(look(&mut late, 203 * DAY_MICROS).employment, Employment::Active);
    }
}
