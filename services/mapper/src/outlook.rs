//! The outlook for one person: the times of upcoming changes by what is known today, and the effect of each at the targets.
//!
//! It calls [`decide`] for each time as the scheduler will, with the current groups and managers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use lifecycle::{
    AccountState, AttributeMap, DesiredAccount, PersonRecord, SCHEDULE_MOMENTS_MAX, ScheduledEffect,
    UpcomingChange, unix_micros,
};
use policy::{GroupMembership, Policy, decide_person};
use time::OffsetDateTime;

use crate::moment_of;
use crate::policies::PolicySet;
use crate::subjects::{DecidedPerson, SeedMaker};

/// The maximum number of times that are examined to find [`SCHEDULE_MOMENTS_MAX`] at which something changes.
const STEPS_MAX: usize = 8 * SCHEDULE_MOMENTS_MAX;
/// Used in place of a state if there never was an account.
const NONE: &str = "none";

/// A person, with everything that decisions about them depend on.
pub(crate) struct OutlookPerson<'a> {
    pub(crate) key: &'a str,
    pub(crate) state: &'a PersonRecord,
    pub(crate) groups: &'a [GroupMembership],
    pub(crate) manager: Option<&'a AttributeMap>,
    /// The state that was last requested, by target.
    pub(crate) asked_for: &'a BTreeMap<String, String>,
}

/// A time at which something changes.
pub(crate) struct OutlookMoment {
    pub(crate) at: OffsetDateTime,
    pub(crate) planned: Vec<UpcomingChange>,
    pub(crate) effects: Vec<ScheduledEffect>,
}

/// The desired state at one target.
struct AskedState {
    /// A word of a newer version is kept as it is.
    state: Cow<'static, str>,
    account: Option<DesiredAccount>,
}

/// Returns the times of changes after `now` and until `until`.
pub(crate) fn compute_outlook(
    person: &OutlookPerson<'_>,
    policies: &PolicySet,
    seeds: &SeedMaker,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Vec<OutlookMoment> {
    let mut planned: BTreeMap<i64, Vec<UpcomingChange>> = BTreeMap::new();
    for plan in person.state.planned(person.key, unix_micros(now)) {
        planned.entry(plan.version.effective_at).or_default().push(plan);
    }
    let (mut asked, mut turns_at) = asked_at(person, policies, seeds, now, None);
    let mut moments = Vec::new();
    let mut at = now;
    for _ in 0..STEPS_MAX {
        let due = person.state.next_due(unix_micros(at)).map(moment_of);
        let turns = turns_at.filter(|turn| *turn > at);
        let Some(next) = [due, turns].into_iter().flatten().min().filter(|next| *next <= until) else {
            break;
        };
        if moments.len() == SCHEDULE_MOMENTS_MAX {
            break;
        }
        at = next;
        let (then, turns) = asked_at(person, policies, seeds, at, Some(&asked));
        let reasons = |target: &str| change_reason(person, policies, seeds, at, target);
        let effects = state_differences(&asked, &then, reasons);
        (asked, turns_at) = (then, turns);
        let planned = planned.remove(&unix_micros(at)).unwrap_or_default();
        if !planned.is_empty() || !effects.is_empty() {
            moments.push(OutlookMoment { at, planned, effects });
        }
    }
    moments
}

/// Returns the desired state at each target at `at`, and the next time at which the passing of time changes it. A person who
/// never had an account does not get one by being switched off.
fn asked_at(
    person: &OutlookPerson<'_>,
    policies: &PolicySet,
    seeds: &SeedMaker,
    at: OffsetDateTime,
    before: Option<&BTreeMap<String, AskedState>>,
) -> (BTreeMap<String, AskedState>, Option<OffsetDateTime>) {
    let (mut asked, mut turns_at) = (BTreeMap::new(), None);
    for policy in policies.iter() {
        let target = policy.target();
        let had = match before {
            Some(before) => before.get(target).is_some_and(|asked| asked.state != NONE),
            None => person.asked_for.contains_key(target),
        };
        let (account, turns) =
            with_decision(person, policy, seeds, at, |decision| (decision.account(), decision.turns_at));
        turns_at = [turns_at, turns].into_iter().flatten().min();
        let is_active = account.as_ref().is_some_and(|account| account.state == AccountState::Active);
        let last = before.and_then(|before| before.get(target));
        let state = match (&account, last) {
            (Some(account), _) if had || is_active => Cow::Borrowed(account.state.as_str()),
            // The policy does not change this account: it stays as it is.
            (None, Some(last)) => last.state.clone(),
            (None, None) => {
                person.asked_for.get(target).map_or(Cow::Borrowed(NONE), |state| Cow::Owned(state.clone()))
            }
            _ => Cow::Borrowed(NONE),
        };
        let account = account.or_else(|| last.and_then(|last| last.account.clone()));
        asked.insert(target.to_owned(), AskedState { state, account });
    }
    (asked, turns_at)
}

/// Decides about the person at `at`, and reads the decision.
fn with_decision<T>(
    person: &OutlookPerson<'_>,
    policy: &Policy,
    seeds: &SeedMaker,
    at: OffsetDateTime,
    read: impl FnOnce(&policy::PolicyDecision<'_>) -> T,
) -> T {
    let identity = person.state.view(person.key, unix_micros(at));
    let decided = DecidedPerson { identity: &identity, groups: person.groups, manager: person.manager };
    read(&decide_person(&decided.subject(policy, seeds), policy, at))
}

/// Returns the reason for the person's state at the target at `at`.
fn change_reason(
    person: &OutlookPerson<'_>,
    policies: &PolicySet,
    seeds: &SeedMaker,
    at: OffsetDateTime,
    target: &str,
) -> String {
    let policy = policies.iter().find(|policy| policy.target() == target);
    let words = |policy: &Policy| with_decision(person, policy, seeds, at, |d| d.reason().to_string());
    policy.map(words).unwrap_or_default()
}

/// Returns the differences between two points in time, by target.
fn state_differences(
    before: &BTreeMap<String, AskedState>,
    after: &BTreeMap<String, AskedState>,
    reason: impl Fn(&str) -> String,
) -> Vec<ScheduledEffect> {
    let mut effects = Vec::new();
    for (target, now) in after {
        let Some(was) = before.get(target) else { continue };
        let has = |asked: &AskedState| asked.state != NONE;
        let changed = if has(was) && has(now) { changed_attributes(was, now) } else { Vec::new() };
        if was.state == now.state && changed.is_empty() {
            continue;
        }
        effects.push(ScheduledEffect {
            target: target.clone(),
            from: was.state.to_string(),
            to: now.state.to_string(),
            changed,
            reason: reason(target),
        });
    }
    effects
}

/// Returns the names of the attributes and references that differ.
fn changed_attributes(was: &AskedState, now: &AskedState) -> Vec<String> {
    let attributes = |asked: &AskedState| {
        let account = asked.account.as_ref();
        let mut all = account.map(|account| account.attributes.clone()).unwrap_or_default();
        let references = account.into_iter().flat_map(|account| &account.references);
        all.extend(references.map(|(path, key)| (path.clone(), key.clone().into())));
        all
    };
    let (was, now) = (attributes(was), attributes(now));
    let mut names: Vec<String> =
        was.keys().chain(now.keys()).filter(|name| was.get(*name) != now.get(*name)).cloned().collect();
    names.sort();
    names.dedup();
    names
}
