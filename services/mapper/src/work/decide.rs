//! Evaluates the policies for all subjects that the batch touched, and turns changes into commands.

use std::collections::BTreeSet;

use lifecycle::{
    AccountState, Command, CommandId, DesiredState, Fact, FactRecord, Lane, ResourceKind, unix_micros,
};
use policy::{DecisionReason, Policy, decide_group, decide_person};
use time::OffsetDateTime;

use super::again::{SENT_AGAIN, lane_again};
use super::leavers::{AccessRight, LeaverDuty, access_right};
use super::logins::held_in_words;
use super::surroundings::DecisionContext;
use super::{BatchState, CommandCause};
use crate::moment_of;
use crate::rows::desired;
use crate::subjects::{DecidedGroup, DecidedPerson};

/// The state that a policy demands.
pub(super) struct PolicyWish<'d> {
    pub(super) desired: DesiredState,
    pub(super) state: &'static str,
    pub(super) because: CommandReason<'d>,
}

/// The reason and the user name. They are formatted only if a fact is published.
pub(super) type CommandReason<'d> = &'d dyn Fn() -> (DecisionReason, Option<String>);

impl BatchState<'_> {
    /// Decides about every touched group at every target.
    pub(super) fn decide_groups(&mut self, around: &DecisionContext) {
        let now = self.micros();
        let touched: Vec<(String, CommandCause)> = self
            .groups
            .iter()
            .filter_map(|(key, group)| Some((key.clone(), group.touched.clone()?)))
            .collect();
        let (policies, seeds) = (self.policies, self.seeds);
        for (key, cause) in touched {
            let Some(known) = self.groups.get(&key) else { continue };
            let mut next_due = known.state.next_due(now);
            let decided = DecidedGroup::at(&key, &known.state, around.of_group(&key), now);
            for policy in policies.iter() {
                let decision = decide_group(&decided.subject(policy, seeds), policy, self.now);
                next_due = earlier_due(next_due, decision.recheck_at, now);
                let Some(resource) = decision.resource() else { continue };
                let state = if resource.exists { "exists" } else { "absent" };
                let because = || (decision.reason(), None);
                let wish = PolicyWish { desired: DesiredState::Group(resource), state, because: &because };
                let before = self.want(policy, &key, wish, &cause);
                if state == "exists" && before.as_deref() != Some("exists") {
                    self.appeared.insert((policy.target().to_owned(), key.clone()), cause.clone());
                }
            }
            if let Some(known) = self.groups.get_mut(&key) {
                known.next_due_at = next_due;
            }
        }
    }

    /// Decides about every touched person at every target.
    pub(super) fn decide_people(&mut self, around: &DecisionContext) {
        let now = self.micros();
        let touched: Vec<(String, CommandCause)> = self
            .people
            .iter()
            .filter_map(|(key, person)| Some((key.clone(), person.touched.clone()?)))
            .collect();
        let (policies, seeds) = (self.policies, self.seeds);
        for (key, cause) in touched {
            let (Some(known), Some(identity)) = (self.people.get(&key), around.people.get(&key)) else {
                continue;
            };
            if let Some(person) = known.state.moved_to().map(str::to_owned) {
                // It is a further key of another person: its accounts are left as they are.
                if let Some(known) = self.people.get_mut(&key) {
                    (known.next_due_at, known.scheduled_at) = (None, None);
                }
                self.give_up_key(&key, &person, &cause);
                self.findings.decided(&key, &[]);
                continue;
            }
            self.findings.decided(&key, &identity.contradictions);
            let held_login = self.held_logins.get(&key).cloned();
            if let Some(held) = &held_login {
                self.findings.held_login(&key, &held.former, held.since);
            }
            let further: BTreeSet<String> = known.state.further_keys().map(str::to_owned).collect();
            let mut next_due = known.state.next_due(now);
            let mut scheduled = next_due;
            let manager = around.manager(known.manager.as_deref());
            let groups = around.of_person(&key);
            for policy in policies.iter() {
                let decided = DecidedPerson { identity, groups: &groups, manager };
                let decision = decide_person(&decided.subject(policy, seeds), policy, self.now);
                next_due = earlier_due(next_due, decision.recheck_at, now);
                scheduled = earlier_due(scheduled, decision.turns_at, now);
                let because = || (decision.reason(), decision.user_name());
                self.findings.unbuilt(&key, policy.target(), &decision, now);
                if let Some(held) = held_login.as_ref().filter(|_| self.is_new_at(policy, &key)) {
                    let reason = held_in_words(&held.former);
                    let because = || (DecisionReason(reason.clone()), decision.user_name());
                    self.tell_nothing_to_do(policy, ResourceKind::User, &key, "nothing", &because, &cause);
                    continue;
                }
                let right = access_right(identity, &decision, now);
                let account = decision.account();
                for further in &further {
                    self.follow(policy, (further, &key), account.as_ref(), right, &cause);
                }
                let Some(account) = account else {
                    self.note_right(policy, &key, right, false, &cause);
                    self.tell_nothing_to_do(policy, ResourceKind::User, &key, "nothing", &because, &cause);
                    continue;
                };
                let state = account.state.as_str();
                let wish = PolicyWish { desired: DesiredState::User(account), state, because: &because };
                let is_news = self.changed_desired.len();
                self.want(policy, &key, wish, &cause);
                let is_news = self.changed_desired.len() > is_news;
                self.note_right(policy, &key, right, is_news, &cause);
            }
            if let Some(known) = self.people.get_mut(&key) {
                known.state.remember_former(identity, policies.people().recycled_after_days(), now);
                (known.next_due_at, known.scheduled_at) = (next_due, scheduled);
            }
        }
    }

    /// Records the consequence for a person's account: a new request, or an account that is kept although the right is lost.
    pub(super) fn note_right(
        &mut self,
        policy: &Policy,
        subject: &str,
        right: Option<AccessRight>,
        is_news: bool,
        cause: &CommandCause,
    ) {
        let Some(right) = right else { return };
        let is_kept = matches!(right, AccessRight::Kept(_));
        // A lost right is recorded from the state, so its obligation exists afterwards regardless of earlier decisions.
        if !is_news && right == AccessRight::Has && !policy.may_keep_leavers() {
            return;
        }
        let key = (policy.target().to_owned(), ResourceKind::User, subject.to_owned());
        // Without a command there was never an account.
        let Some(row) = self.desired.get(&key) else { return };
        if is_kept && row.state != AccountState::Active.as_str() {
            return;
        }
        let (revision, rule) = (row.revision, policy.users().leaver);
        let (target, subject, member_of) = (key.0, key.2, String::new());
        self.duties.push(LeaverDuty {
            target,
            subject,
            member_of,
            right,
            rule,
            cause: cause.clone(),
            revision,
        });
    }

    /// Emits a command if this differs from the last request. Returns the state of the last request.
    pub(super) fn want(
        &mut self,
        policy: &Policy,
        subject: &str,
        wish: PolicyWish<'_>,
        cause: &CommandCause,
    ) -> Option<String> {
        let kind = wish.desired.kind();
        let key = (policy.target().to_owned(), kind, subject.to_owned());
        let gives = wish.state == AccountState::Active.as_str() || wish.state == "exists";
        let mut wish = wish;
        let mut json = encode_desired(&wish.desired);
        if !gives && json.len() + COMMAND_BYTES_BESIDE > self.message_bytes_max {
            // A removal of access is sent even if its values are too large: it goes out without them, and they stay unchanged.
            wish.desired = without_values(wish.desired);
            json = encode_desired(&wish.desired);
        }
        let before = self.desired.get(&key);
        let was = before.map(|row| row.state.clone());
        let confirms = before.is_some_and(|row| self.confirms_access(row, gives));
        // An order is sent even if nothing changes: the writer may hold the same change for another reason.
        let is_ordered = cause.ordered_off && !gives;
        match before {
            Some(row)
                if row.desired == json && !confirms && !is_ordered && !self.again.contains_key(&key) =>
            {
                self.tell_nothing_to_do(policy, kind, subject, "unchanged", wish.because, cause);
                return was;
            }
            None if !gives && !self.again.contains_key(&key) => {
                // The subject never had anything at the target.
                self.tell_nothing_to_do(policy, kind, subject, "nothing", wish.because, cause);
                return None;
            }
            _ => {}
        }
        let changed = changed_attributes(before, &wish.desired);
        let again = self.again.get(&key).copied();
        let theirs = again.map(|theirs| theirs.revision);
        let revision = self.revision_after(before.map_or(0, |row| row.revision), theirs);
        let is_same = before.is_some_and(|row| row.desired == json);
        let lane = match is_same {
            _ if again.is_some() => lane_again(gives),
            _ if is_ordered => Lane::Leaver,
            true => Lane::Backfill,
            false => command_lane(was.as_deref(), gives, cause),
        };
        let stated_at = before.and_then(|row| row.stated_at).max(self.stated_at(kind, subject));
        let row = desired::Model {
            target: key.0.clone(),
            kind: kind.as_str().to_owned(),
            subject: subject.to_owned(),
            revision,
            state: wish.state.to_owned(),
            desired: json,
            version: before.map_or(0, |row| row.version) + 1,
            stated_at,
        };
        self.again.remove(&key);
        self.desired.insert(key.clone(), row);
        self.changed_desired.insert(key.clone());
        self.tell_decided((&key.0, subject, again.is_some()), kind, revision, lane, &wish, changed, cause);
        self.commands.push((
            Command {
                id: CommandId::fresh(),
                target: key.0,
                subject: subject.to_owned(),
                revision,
                lane,
                desired: wish.desired,
                event: cause.event.clone(),
                accepted_at: cause.accepted_at,
                guard: Some(policy.guard()),
                planned: cause.backfill,
                ordered: is_ordered,
                needs_approval: gives
                    && (self.withholds_access || again.is_some_and(|theirs| theirs.is_later_removal)),
                stated_at: stated_at.map(moment_of),
                orphans: None,
            },
            cause.trace,
        ));
        was
    }

    /// Returns the time of the last statement of a source about the person in this batch.
    fn stated_at(&self, kind: ResourceKind, subject: &str) -> Option<i64> {
        self.stated.get(subject).copied().filter(|_| kind == ResourceKind::User)
    }

    /// Returns whether a source has confirmed the person's access for the first time since the target was restored. The
    /// writer waits for that before it gives access back, so the decision is sent although nothing changed.
    fn confirms_access(&self, row: &desired::Model, gives: bool) -> bool {
        let is_person = row.kind == ResourceKind::User.as_str();
        let stated_at = self.stated.get(&row.subject).copied().filter(|_| gives && is_person);
        let restored_at = self.restored.get(&row.target).copied();
        restored_at.is_some_and(|at| row.stated_at.max(Some(at)) == Some(at) && stated_at > Some(at))
    }

    /// Publishes the reason why an event leads to no command. Policy changes without effect are not published.
    fn tell_nothing_to_do(
        &mut self,
        policy: &Policy,
        kind: ResourceKind,
        subject: &str,
        state: &str,
        because: CommandReason<'_>,
        cause: &CommandCause,
    ) {
        let Some(event) = cause.event.as_ref().filter(|_| !cause.repeated) else { return };
        let target = policy.target().to_owned();
        let (reason, user_name) = because();
        self.facts.push(FactRecord {
            id: format!("non:{target}:{subject}:{event}"),
            at: self.now,
            subject: subject.to_owned(),
            trace: Some(cause.trace),
            fact: Fact::Decided {
                target,
                kind,
                revision: 0,
                state: state.to_owned(),
                lane: Lane::Mover,
                reason: reason.to_string(),
                changed: Vec::new(),
                user_name,
            },
        });
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one fact")]
    fn tell_decided(
        &mut self,
        (target, subject, again): (&str, &str, bool),
        kind: ResourceKind,
        revision: i64,
        lane: Lane,
        wish: &PolicyWish<'_>,
        changed: Vec<String>,
        cause: &CommandCause,
    ) {
        telemetry::metrics::count_decision(target, kind, lane);
        let (reason, user_name) = (wish.because)();
        let reason = if again { format!("{reason}; {SENT_AGAIN}") } else { reason.to_string() };
        self.facts.push(FactRecord {
            id: format!("dec:{target}:{}:{subject}:{revision}", kind.as_str()),
            at: self.now,
            subject: subject.to_owned(),
            trace: Some(cause.trace),
            fact: Fact::Decided {
                target: target.to_owned(),
                kind,
                revision,
                state: wish.state.to_owned(),
                lane,
                reason,
                changed,
                user_name,
            },
        });
    }
}

/// The size reserved for the parts of a command besides its desired state, in bytes.
const COMMAND_BYTES_BESIDE: usize = 32 * 1_024;

fn encode_desired(desired: &DesiredState) -> String {
    serde_json::to_string(desired).expect("a desired state is plain data")
}

fn without_values(desired: DesiredState) -> DesiredState {
    match desired {
        DesiredState::User(account) => DesiredState::User(account.without_values()),
        other => other,
    }
}

/// Returns the earlier of the two times, if it is in the future; microseconds.
fn earlier_due(due: Option<i64>, recheck: Option<OffsetDateTime>, now: i64) -> Option<i64> {
    let recheck = recheck.map(unix_micros).filter(|at| *at > now);
    [due, recheck].into_iter().flatten().min()
}

/// Returns the lane of a command. Removals of access overtake everything; a new account can wait longest among events. All
/// commands of a policy change wait behind events, including removals: they are no departures, and one edit of a policy can
/// put thousands of people out of scope. A real departure must not wait behind them.
fn command_lane(was: Option<&str>, gives: bool, cause: &CommandCause) -> Lane {
    let had = matches!(was, Some("active" | "exists"));
    match (gives, had) {
        _ if cause.backfill => Lane::Backfill,
        (false, true) => Lane::Leaver,
        (false, false) => Lane::Mover, // it has no access already
        (true, true) => Lane::Mover,
        (true, false) => Lane::Joiner,
    }
}

/// Returns the names of target attributes that differ from the last request; all names if that cannot be read.
fn changed_attributes(before: Option<&desired::Model>, desired: &DesiredState) -> Vec<String> {
    let attributes = |desired: &DesiredState| match desired {
        DesiredState::User(account) => {
            let mut all = account.attributes.clone();
            all.extend(account.references.iter().map(|(path, key)| (path.clone(), key.clone().into())));
            all
        }
        DesiredState::Group(group) => group.attributes.clone(),
        DesiredState::Membership { .. } => lifecycle::AttributeMap::new(),
    };
    let old = before.and_then(|row| row.desired().ok());
    let old = old.as_ref().map(attributes).unwrap_or_default();
    let new = attributes(desired);
    let mut names: Vec<String> =
        old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name)).cloned().collect();
    names.sort();
    names.dedup();
    names
}
