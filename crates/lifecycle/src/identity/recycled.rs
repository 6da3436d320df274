//! Recycled keys: a person who was off for a long time and returns with another name is held until an operator
//! confirms that it is the same person. The rules are in docs/people.md.

mod known;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{IdentityView, PersonRecord};
use crate::AttributeMap;
use crate::employment::{Contradiction, ContradictionCode, Employment};
use known::KnownValues;

pub(super) use known::ValueComparison;

/// One day in microseconds.
pub(super) const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// The time after a return during which another name still counts. Values may arrive in another event than the
/// arrival.
const SETTLES_AFTER: i64 = DAY_MICROS;

/// The names of a person at the time of their departure, as hashes without values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FormerNames {
    /// The time at which the person left (microseconds since the Unix epoch).
    pub(super) since: i64,
    /// The time that the person must be gone before another name counts, in microseconds.
    gap: i64,
    /// The time at which the person was seen to be back, as the same person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) returned_at: Option<i64>,
    /// `true` if another person was seen under the key since then. That was not a return.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    was_held: bool,
    /// `true` if the person's record was erased.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_erased: bool,
    #[serde(flatten)]
    known: KnownValues,
    /// The same values by each source with employment authority, if there are several sources.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    by_employer: BTreeMap<String, KnownValues>,
}

/// The present names of a person: by all sources together, and by each source with employment authority.
struct CalledNow<'a> {
    attributes: &'a AttributeMap,
    by_employer: BTreeMap<String, AttributeMap>,
}

impl FormerNames {
    /// Remembers the names of a person who left at `since`.
    fn of(now: &CalledNow<'_>, since: i64, gap: i64) -> Self {
        let by_employer = now.by_employer.iter();
        let by_employer = by_employer.map(|(name, said)| (name.clone(), KnownValues::of(said))).collect();
        let known = KnownValues::of(now.attributes);
        Self { since, gap, returned_at: None, was_held: false, is_erased: false, known, by_employer }
    }

    /// Compares values that stay the same for all of a person's life.
    pub(super) fn compare_proofs(&self, now: &AttributeMap) -> ValueComparison {
        self.known.compare_proofs(now)
    }

    /// Compares the given name and the family name.
    pub(super) fn compare_names(&self, now: &AttributeMap) -> (ValueComparison, ValueComparison) {
        self.known.compare_names(now)
    }

    /// Compares whole names.
    pub(super) fn compare_display_names(&self, now: &AttributeMap) -> ValueComparison {
        self.known.compare_display_names(now)
    }

    /// Returns whether the names belong to another person, by all sources together or by one with employment authority.
    fn is_another(&self, now: &CalledNow<'_>) -> bool {
        let said = |name: &String| now.by_employer.get(name);
        let employers = self.by_employer.iter().filter_map(|(name, known)| Some((known, said(name)?)));
        let is_another = |(known, now): (&KnownValues, &AttributeMap)| known.is_another(now, self.is_erased);
        self.known.is_another(now.attributes, self.is_erased) || employers.into_iter().any(is_another)
    }

    /// Returns whether the person employed at `now` came back after the gap as another person. A day that has begun
    /// counts.
    fn is_back_as_another(&self, called: &CalledNow<'_>, now: i64) -> bool {
        let returned_at = self.returned_at.unwrap_or(now);
        let was_gone = returned_at.saturating_sub(self.since) > self.gap.saturating_sub(DAY_MICROS);
        was_gone && !self.is_settled(now) && self.is_another(called)
    }

    /// Returns whether the person has been back for so long that another name is a change of name.
    fn is_settled(&self, now: i64) -> bool {
        self.returned_at.is_some_and(|returned_at| now.saturating_sub(returned_at) >= SETTLES_AFTER)
    }

    /// Returns whether an operator confirmed that it is the same person.
    fn is_confirmed(&self, view: &IdentityView) -> bool {
        view.orders.same.is_some_and(|order| order.since >= self.since)
    }

    /// Notes at `now` that the person is away (again) since `since`.
    fn left_again(&mut self, called: &CalledNow<'_>, is_confirmed: bool, since: i64, gap: i64, now: i64) {
        let was_another = self.returned_at.is_some() && !is_confirmed && self.is_back_as_another(called, now);
        if self.returned_at.is_some() && !was_another {
            *self = Self::of(called, since, gap);
            return;
        }
        self.was_held |= was_another;
        self.returned_at = None;
        self.gap = gap;
        // The person who left in between was a different one; none of that person's values are kept.
        if !self.was_held {
            self.since = since;
        }
    }
}

impl PersonRecord {
    /// Keeps a person off who came back as another one, and reports it, until an operator confirms that it is the
    /// same person.
    pub(super) fn hold_recycled(&self, view: &mut IdentityView, now: i64) {
        let Some(former) = self.former.as_ref().filter(|_| view.employment == Employment::Active) else {
            return;
        };
        if former.is_confirmed(view) || !former.is_back_as_another(&self.called(&view.attributes, now), now) {
            return;
        }
        view.employment = Employment::Left { since: former.since };
        view.planned_departure = None;
        let code = ContradictionCode::RecycledKey;
        let said_at = former.since.saturating_add(former.gap);
        view.contradictions.push(Contradiction { code, sender: String::new(), said_at });
        view.contradictions.sort();
    }

    /// Remembers the names of a person who left, and forgets them when the person is back. `view` is the view at
    /// `now` (microseconds); another name counts after `days` days.
    pub fn remember_former(&mut self, view: &IdentityView, days: u32, now: i64) {
        let gap = i64::from(days).saturating_mul(DAY_MICROS);
        let is_held = view.contradictions.iter().any(|known| known.code == ContradictionCode::RecycledKey);
        let is_erased = matches!(view.employment, Employment::Deleted { .. });
        let mut former = self.former.take();
        match (view.employment, &mut former) {
            (_, Some(former)) if is_held => {
                (former.returned_at, former.gap, former.was_held) = (None, gap, true);
            }
            (Employment::Active, Some(known)) => {
                known.returned_at.get_or_insert(now);
                known.was_held = false;
                if known.is_settled(now) {
                    former = None;
                }
            }
            (Employment::Left { since } | Employment::Deleted { since }, known) => {
                let called = self.called(&view.attributes, now);
                match known {
                    Some(known) => known.left_again(&called, known.is_confirmed(view), since, gap, now),
                    None => *known = Some(FormerNames::of(&called, since, gap)),
                }
                if let Some(known) = known {
                    known.is_erased = is_erased;
                }
            }
            (Employment::Active | Employment::Unknown, _) => {}
        }
        self.former = former;
    }

    /// Returns the present names of the person.
    fn called<'a>(&self, attributes: &'a AttributeMap, now: i64) -> CalledNow<'a> {
        CalledNow { attributes, by_employer: self.attributes_by_employer(now) }
    }
}

#[cfg(test)]
mod tests;
