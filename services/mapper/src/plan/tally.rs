//! Adds up the results of a plan.

use std::collections::BTreeMap;

use lifecycle::{PlanCounts, PlannedAction, PlannedChange, PolicyPlan, ResourceKind, ScopeChange};

use super::change::AccountChange;

/// The maximum number of different attributes that are counted. A policy maps at most 500.
const ATTRIBUTES_MAX: usize = 2_000;

/// The maximum size of the listed changes as JSON, in bytes. An answer must fit into one message, and brokers allow 1 MiB
/// unless configured otherwise.
const LISTED_BYTES_MAX: usize = 700 * 1024;

/// The counts, and the first changes.
#[derive(Debug, Default)]
pub(super) struct PlanTally {
    users: PlanCounts,
    groups: PlanCounts,
    pub(super) memberships: u64,
    attributes: BTreeMap<String, u64>,
    failures: BTreeMap<String, u64>,
    newly_failing: u64,
    /// The number of people and groups that are not evaluated, because their stored state cannot be read.
    pub(super) unreadable: u64,
    changes: Vec<PlannedChange>,
    changes_max: usize,
    /// `true` if subjects without a change are listed as well.
    lists_all: bool,
    more: u64,
}

/// The result for one person or group.
pub(super) struct PlannedSubject<'a> {
    pub(super) kind: ResourceKind,
    pub(super) subject: &'a str,
    pub(super) change: AccountChange,
    pub(super) scope: Option<ScopeChange>,
    pub(super) is_impossible: bool,
    /// Target attributes without a value because their mapping fails.
    pub(super) failures: Vec<&'a str>,
    /// `true` if more mappings fail than with the policy in force.
    pub(super) fails_newly: bool,
    /// Returns the name and the reason as text.
    pub(super) words: &'a dyn Fn() -> (Option<String>, String),
}

impl PlanTally {
    pub(super) fn new(changes_max: usize, lists_all: bool) -> Self {
        Self { changes_max, lists_all, ..Self::default() }
    }

    /// Returns an empty tally with the same limits, for another thread.
    pub(super) fn part(&self) -> Self {
        Self::new(self.changes_max, self.lists_all)
    }

    /// Counts a person or group, and lists the change while there is room.
    pub(super) fn add(&mut self, found: PlannedSubject<'_>) {
        let PlannedSubject { kind, subject, change, scope, is_impossible, failures, fails_newly, words } =
            found;
        let counts = if kind == ResourceKind::Group { &mut self.groups } else { &mut self.users };
        counts.evaluated += 1;
        counts.into_scope += u64::from(scope == Some(ScopeChange::Into));
        counts.out_of_scope += u64::from(scope == Some(ScopeChange::OutOf));
        self.newly_failing += u64::from(fails_newly);
        for path in failures {
            count_change(&mut self.failures, path);
        }
        match change.action {
            PlannedAction::Create => counts.create += 1,
            PlannedAction::Adopt => counts.adopt += 1,
            PlannedAction::Update => counts.update += 1,
            PlannedAction::Enable => counts.enable += 1,
            PlannedAction::Disable => counts.disable += 1,
            PlannedAction::Delete => counts.delete += 1,
            PlannedAction::None if is_impossible => counts.impossible += 1,
            PlannedAction::None => counts.unchanged += 1,
        }
        if change.action == PlannedAction::None && !is_impossible && !self.lists_all {
            return;
        }
        // A created or adopted resource gets all attributes: that does not count as a change of attributes.
        let counts_attributes = !matches!(change.action, PlannedAction::Create | PlannedAction::Adopt);
        for attribute in change.attributes.iter().filter(|change| counts_attributes && !change.released) {
            count_change(&mut self.attributes, &attribute.path);
        }
        if self.changes.len() >= self.changes_max {
            self.more += 1;
            return;
        }
        let (name, reason) = words();
        self.changes.push(PlannedChange {
            kind,
            subject: subject.to_owned(),
            name,
            action: change.action,
            reason,
            scope,
            attributes: change.attributes,
        });
    }

    /// Adds the result of another thread for the following page.
    pub(super) fn append(&mut self, part: Self) {
        add_counts(&mut self.users, part.users);
        add_counts(&mut self.groups, part.groups);
        self.memberships += part.memberships;
        for (path, count) in part.attributes {
            *self.attributes.entry(path).or_default() += count;
        }
        for (path, count) in part.failures {
            *self.failures.entry(path).or_default() += count;
        }
        self.newly_failing += part.newly_failing;
        self.unreadable += part.unreadable;
        self.more += part.more;
        for change in part.changes {
            if self.changes.len() < self.changes_max {
                self.changes.push(change);
            } else {
                self.more += 1;
            }
        }
    }

    /// Builds the plan. Changes that do not fit into one message are only counted.
    pub(super) fn into_plan(mut self, target: &str, base_version: Option<i64>) -> PolicyPlan {
        let listed = fitting_changes(&self.changes, LISTED_BYTES_MAX);
        self.more += u64::try_from(self.changes.len() - listed).unwrap_or(u64::MAX);
        self.changes.truncate(listed);
        PolicyPlan {
            target: target.to_owned(),
            base_version,
            users: self.users,
            groups: self.groups,
            memberships: self.memberships,
            attributes: self.attributes,
            failures: self.failures,
            newly_failing: self.newly_failing,
            unreadable: self.unreadable,
            guard: Vec::new(),
            grants_guard: Vec::new(),
            changes: self.changes,
            more: self.more,
            orphans: None,
        }
    }
}

/// Counts a path, as long as there are fewer than [`ATTRIBUTES_MAX`].
fn count_change(counts: &mut BTreeMap<String, u64>, path: &str) {
    if let Some(count) = counts.get_mut(path) {
        *count += 1;
    } else if counts.len() < ATTRIBUTES_MAX {
        counts.insert(path.to_owned(), 1);
    }
}

/// Returns the number of first changes that fit into `bytes_max` bytes.
fn fitting_changes(changes: &[PlannedChange], bytes_max: usize) -> usize {
    let mut bytes: usize = 0;
    let fits = |change: &&PlannedChange| {
        let json = serde_json::to_vec(change).expect("a change is plain data");
        bytes = bytes.saturating_add(json.len());
        bytes <= bytes_max
    };
    changes.iter().take_while(fits).count()
}

fn add_counts(to: &mut PlanCounts, more: PlanCounts) {
    let PlanCounts {
        evaluated,
        create,
        adopt,
        update,
        enable,
        disable,
        delete,
        unchanged,
        impossible,
        into_scope,
        out_of_scope,
    } = more;
    to.evaluated += evaluated;
    to.create += create;
    to.adopt += adopt;
    to.update += update;
    to.enable += enable;
    to.disable += disable;
    to.delete += delete;
    to.unchanged += unchanged;
    to.impossible += impossible;
    to.into_scope += into_scope;
    to.out_of_scope += out_of_scope;
}
