//! The policies in force: the newest version of each target's policy in the database.
//!
//! A policy comes into force in two ways: an operator applies a plan ([`crate::control`]), or a file in the folder of policies
//! changes ([`folder`]). Both create a version ([`versions`]). Every replica polls for new versions and publishes them to its
//! tasks that decide ([`crate::policy_keeper`]).

pub(crate) mod folder;
pub(crate) mod versions;

use std::sync::Arc;

use lifecycle::{MatchedBy, PeopleConfig, RightsTable};
use policy::Policy;
use sha2::{Digest, Sha256};

pub use folder::PoliciesError;

/// Attributes of people that count regardless of the policies.
const ALWAYS_USED: [&str; 4] = ["active", "manager", "userPrincipalName", "displayName"];

/// All policies in force, one per target.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicySet {
    policies: Vec<InForce>,
    fingerprint: String,
    /// Targets and versions, sorted; including policies that cannot be parsed.
    versions: Vec<(String, i64)>,
    rules: Arc<SourceRules>,
}

/// The configuration of sources: how they describe the same people, and what each sender may say.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceRules {
    pub(crate) people: PeopleConfig,
    pub(crate) rights: RightsTable,
    /// `true` if departures were refused, or can be: later statements settle them.
    pub(crate) tracks_refusals: bool,
}

/// A policy in force.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    pub(crate) policy: Policy,
    pub(crate) version: i64,
}

impl PolicySet {
    /// Creates a set. `unreadable` contains targets and versions of policies in force that cannot be parsed: they decide nothing.
    pub(crate) fn new(mut policies: Vec<InForce>, unreadable: Vec<(String, i64)>) -> Self {
        policies.sort_by(|a, b| a.policy.target().cmp(b.policy.target()));
        let fingerprint = policies_fingerprint(&policies);
        let mut versions = unreadable;
        versions.extend(policies.iter().map(|known| (known.policy.target().to_owned(), known.version)));
        versions.sort();
        Self { policies, fingerprint, versions, rules: Arc::default() }
    }

    /// Returns the set with this configuration of sources. When that changes, all people are evaluated again.
    pub(crate) fn with_rules(mut self, rules: Arc<SourceRules>) -> Self {
        if rules.people.tells_apart() {
            let text = serde_json::to_string(&rules.people).expect("a configuration has only string keys");
            self.fingerprint = format!("{}+{}", self.fingerprint, fingerprint_of(&text));
        }
        Self { rules, ..self }
    }

    /// The configuration of sources: which of them describe the same people, and which takes precedence for which attribute.
    pub(crate) fn people(&self) -> &PeopleConfig {
        &self.rules.people
    }

    /// What each sender may say.
    pub(crate) fn rights(&self) -> &RightsTable {
        &self.rules.rights
    }

    /// Returns whether departures were refused, or can be.
    pub(crate) fn track_refusals(&self) -> bool {
        self.rules.tracks_refusals
    }

    /// Returns the shared configuration of sources.
    pub(crate) fn shared_rules(&self) -> Arc<SourceRules> {
        Arc::clone(&self.rules)
    }

    /// Iterates over the policies, in order of target.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().map(|in_force| &in_force.policy)
    }

    /// Returns the policy of `target`.
    pub(crate) fn of(&self, target: &str) -> Option<&InForce> {
        self.policies.iter().find(|in_force| in_force.policy.target() == target)
    }

    /// Returns the names of the targets, and the versions in force.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (&str, i64)> {
        self.versions.iter().map(|(target, version)| (target.as_str(), *version))
    }

    /// Returns whether this set has a newer version of any policy than `other`.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        let of = |target: &str| other.versions().find(|(name, _)| *name == target);
        self.versions().any(|(target, version)| of(target).is_none_or(|(_, theirs)| theirs < version))
    }

    /// Returns a fingerprint that changes whenever one of the policies does. It is empty if there is none.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns whether a policy, or the configuration of sources, uses this attribute of people.
    pub(crate) fn use_attribute(&self, name: &str) -> bool {
        let by_records = self.rules.people.correlate.iter().flat_map(|rule| &rule.match_on);
        let mut matched = by_records.flat_map(|of| match &of.person {
            MatchedBy::Attribute(person) => [Some(&of.record), Some(person)],
            MatchedBy::Key => [Some(&of.record), None],
        });
        ALWAYS_USED.contains(&name)
            || self.iter().any(|policy| policy.person_attributes().any(|used| used == name))
            || matched.any(|used| used.is_some_and(|used| used == name))
    }

    /// Returns whether membership in the group decides about accounts or groups at a target.
    pub(crate) fn decide_by_group(&self, key: &str, name: Option<&str>) -> bool {
        self.iter().any(|policy| policy.decides_by_group(key, name))
    }

    /// Returns whether a policy uses the groups of people.
    pub(crate) fn use_groups(&self) -> bool {
        self.iter().any(Policy::uses_groups)
    }
}

/// Returns a fingerprint of all policies, in order of target.
fn policies_fingerprint(policies: &[InForce]) -> String {
    if policies.is_empty() {
        return String::new();
    }
    let mut hash = Sha256::new();
    for InForce { policy, .. } in policies {
        hash.update(policy.target());
        hash.update([0]);
        hash.update(policy.fingerprint());
    }
    hex::encode(&hash.finalize()[..16])
}

/// Returns the fingerprint of a file's text.
pub(crate) fn fingerprint_of(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..16])
}
