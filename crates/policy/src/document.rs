//! The policy file as it is written, and the checks that turn it into a [`Policy`].

mod leaving;
mod mappings;
mod path;
mod scope;
mod words;
mod written;

use lifecycle::{PolicyActions, RemovalGuard};
use serde::Deserialize;
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};

use crate::error::{PolicyError, PolicyFlaw, PolicyFlaws};
use crate::mapping::{DISPLAY_NAME, USER_NAME};
use crate::policy::{GroupRules, Policy, UserRules};
use crate::scope::{AssignedNames, Scope};
use leaving::{LeaverText, OrphansText};
pub use mappings::MAPPINGS_MAX;
use mappings::MappingText;
pub use path::PathReach;
use scope::{AssignedText, ScopeText};
use written::WrittenValue;

/// The version of the semantics of policy files. Raise it when the same
/// file gets another meaning, so that every person is decided again.
const MEANING: &str = "3";
/// The maximum length of a target name. The name appears in subjects, metrics and URLs.
const TARGET_NAME_MAX: usize = 64;
/// The maximum nesting depth of maps and lists. Each level takes stack space while it is read.
const DEPTH_MAX: usize = 24;
/// The maximum size of a policy file, in bytes.
const FILE_BYTES_MAX: usize = 256 * 1024;
/// Four weeks: the removals that the guard counts are kept for that long.
const WINDOW_HOURS_MAX: u32 = 4 * 7 * 24;

/// The whole policy in the form that the file has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PolicyDocument {
    target: Spanned<String>,
    guard: Option<Spanned<GuardText>>,
    default_domain: Option<Spanned<String>>,
    users: Spanned<RulesDocument>,
    groups: Option<Spanned<RulesDocument>>,
}

/// The limits on removals in the form that the file has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct GuardText {
    deletions: Option<u64>,
    percent: Option<u8>,
    window_hours: Option<u32>,
    hard_deletions: Option<u64>,
    failures: Option<u64>,
}

/// The rules for accounts or groups in the form that the file has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RulesDocument {
    scope: Option<ScopeText>,
    mappings: Vec<Spanned<MappingText>>,
    #[serde(rename = "match")]
    match_on: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    actions: PolicyActions,
    out_of_scope: Option<Spanned<String>>,
    leaver: Option<Spanned<LeaverText>>,
    #[serde(default)]
    assume_empty: bool,
    protected: Option<Spanned<AssignedText>>,
    orphans: Option<Spanned<OrphansText>>,
}

/// The maximum number of errors that are reported for one file.
const FLAWS_MAX: usize = 100;
/// The maximum total size of the regular expressions of a policy (see [`expression::Expression::pattern_weight`]).
/// A small file can hold thousands of them, and each one takes half a megabyte and a part of a second.
const PATTERNS_WEIGHT_MAX: u64 = 2_000_000;

/// The assumed maximum weight of an expression that fails after its patterns were compiled.
const FAILED_WEIGHT: u64 = 500_000;

/// The state that the checks of one file share.
pub(crate) struct DocumentReading<'y> {
    /// The text of the file.
    pub(crate) yaml: &'y str,
    patterns_weight: u64,
    /// The errors in mappings and clauses. A person who corrects a file needs all of them at once.
    flaws: Vec<PolicyFlaw>,
}

impl DocumentReading<'_> {
    /// Returns the value, or records its flaw for the final report and returns `None`.
    pub(crate) fn collect<T>(&mut self, read: Result<T, PolicyFlaw>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(flaw) => {
                if self.flaws.len() < FLAWS_MAX {
                    self.flaws.push(flaw);
                }
                None
            }
        }
    }

    /// Returns `true` if the checks stop here: there are enough errors, or the work done has reached its limit.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.flaws.len() >= FLAWS_MAX || self.patterns_weight > PATTERNS_WEIGHT_MAX
    }

    /// Counts the work of an expression that failed. The weight of its patterns is not known any more.
    pub(crate) fn count_failed(&mut self, expression: &str) {
        if expression.contains("Replace") {
            self.patterns_weight = self.patterns_weight.saturating_add(FAILED_WEIGHT);
        }
    }

    /// Returns `true` if there was an error so far. Checks that depend on the failed part are skipped then.
    pub(crate) fn is_flawed(&self) -> bool {
        !self.flaws.is_empty()
    }

    /// Adds the weight of the regular expressions at `value` to the total.
    pub(crate) fn count_patterns<T>(&mut self, weight: u64, value: &Spanned<T>) -> Result<(), PolicyFlaw> {
        self.patterns_weight = self.patterns_weight.saturating_add(weight);
        if self.patterns_weight <= PATTERNS_WEIGHT_MAX {
            return Ok(());
        }
        let what = "the regular expressions of the policy need too much memory together";
        let fix = "name the characters that are meant ([A-Za-z0-9_] is a fraction of \\w), or use wildcards";
        Err(PolicyFlaw::at(value, what, fix))
    }
}

impl Policy {
    /// Reads a policy. `file_name` is only used in errors.
    ///
    /// # Errors
    /// Fails if the text is not YAML, has unknown or missing fields, or contradicts itself.
    pub fn parse(yaml: &str, file_name: &str) -> Result<Self, PolicyError> {
        read_policy(yaml).map_err(|flaws| flaws.in_file(file_name))
    }
}

/// Reads and checks a policy file.
fn read_policy(yaml: &str) -> Result<Policy, PolicyFlaws> {
    if yaml.len() > FILE_BYTES_MAX {
        return Err(PolicyFlaw {
            line: 0,
            column: 0,
            what: format!("the file has {} bytes; at most {FILE_BYTES_MAX} are read", yaml.len()),
            fix: "put lists of people into groups at the source".to_owned(),
            part: None,
        }
        .into());
    }
    // Locations are counted from behind the byte order mark.
    let yaml = yaml.strip_prefix('\u{feff}').unwrap_or(yaml);
    // `no` is Norway and not a Boolean, and a text that YAML would read as another type must be quoted.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX },
        strict_booleans: true,
        no_schema: true,
    };
    let document: PolicyDocument =
        serde_saphyr::from_str_with_options(yaml, options.clone()).map_err(|error| from_yaml(&error))?;
    let whole: WrittenValue =
        serde_saphyr::from_str_with_options(yaml, options).map_err(|error| from_yaml(&error))?;
    if let Some(flaw) = written::empty_key(&whole) {
        return Err(flaw.into());
    }
    let mut reading = DocumentReading { yaml, patterns_weight: 0, flaws: Vec::new() };
    let checked = check_document(&document, yaml, &mut reading);
    let mut flaws = reading.flaws;
    match checked {
        Ok(policy) => PolicyFlaws::of(flaws).map_or(Ok(policy), Err),
        Err(flaw) => {
            flaws.push(flaw);
            Err(PolicyFlaws::of(flaws).expect("one was just put there"))
        }
    }
}

/// Checks all parts of the file, and builds the policy.
fn check_document(
    document: &PolicyDocument,
    yaml: &str,
    reading: &mut DocumentReading<'_>,
) -> Result<Policy, PolicyFlaw> {
    let target = target_name(&document.target)?;
    let groups = document.groups.as_ref().map(|groups| group_rules(groups, reading)).transpose()?;
    let users = user_rules(&document.users, reading)?;
    let guard = document.guard.as_ref().map_or(Ok(RemovalGuard::default()), guard_of)?;
    let default_domain = document.default_domain.as_ref().map(default_domain_of).transpose()?;
    let manager_attributes = Policy::looked_at_in_managers(&users, groups.as_ref());
    let mut remarks = mappings::mapping_remarks(&document.users.value.mappings, path::USER);
    if let Some(groups) = &document.groups {
        remarks.extend(mappings::mapping_remarks(&groups.value.mappings, path::GROUP));
    }
    let fingerprint = policy_fingerprint(yaml);
    Ok(Policy { target, fingerprint, guard, default_domain, users, groups, manager_attributes, remarks })
}

fn from_yaml(error: &serde_saphyr::Error) -> PolicyFlaw {
    let error = error.without_snippet();
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    // The parser repeats the location at the end of its message.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message).trim();
    let (what, fix) = words::in_words(message);
    PolicyFlaw { line, column, what, fix, part: None }
}

fn policy_fingerprint(yaml: &str) -> String {
    let digest = Sha256::new().chain_update(MEANING).chain_update(yaml).finalize();
    hex::encode(&digest[..16])
}

fn target_name(name: &Spanned<String>) -> Result<String, PolicyFlaw> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.value.is_empty() || name.value.len() > TARGET_NAME_MAX || !name.value.chars().all(fits) {
        return Err(PolicyFlaw::at(
            name,
            format!("`{}` cannot be the name of a target", name.value),
            format!("use at most {TARGET_NAME_MAX} of a-z, A-Z, 0-9, `-` and `_`"),
        ));
    }
    Ok(name.value.clone())
}

fn default_domain_of(domain: &Spanned<String>) -> Result<String, PolicyFlaw> {
    let is_part = |c: char| c.is_whitespace() || c == '@';
    if domain.value.is_empty() || domain.value.contains(is_part) {
        return Err(PolicyFlaw::at(
            domain,
            format!("`{}` is not a domain", domain.value),
            "write it without @: example.com",
        ));
    }
    Ok(domain.value.clone())
}

/// Reads the limits on removals. Absent ones have their default.
fn guard_of(guard: &Spanned<GuardText>) -> Result<RemovalGuard, PolicyFlaw> {
    let usual = RemovalGuard::default();
    let GuardText { deletions, percent, window_hours, hard_deletions, failures } = guard.value;
    let percent = percent.unwrap_or(usual.percent);
    if percent > 100 {
        return Err(PolicyFlaw::at(guard, format!("`percent` is {percent}"), "use 0 to 100"));
    }
    let window_hours = window_hours.unwrap_or(usual.window_hours);
    if !(1..=WINDOW_HOURS_MAX).contains(&window_hours) {
        let what = format!("`windowHours` is {window_hours}");
        return Err(PolicyFlaw::at(guard, what, format!("use 1 to {WINDOW_HOURS_MAX}")));
    }
    Ok(RemovalGuard {
        deletions: deletions.unwrap_or(usual.deletions),
        percent,
        window_hours,
        hard_deletions: hard_deletions.unwrap_or(usual.hard_deletions),
        failures: failures.unwrap_or(usual.failures),
    })
}

/// Reads and checks the rules for accounts.
fn user_rules(
    rules: &Spanned<RulesDocument>,
    reading: &mut DocumentReading<'_>,
) -> Result<UserRules, PolicyFlaw> {
    let RulesDocument {
        scope,
        mappings,
        match_on,
        actions,
        out_of_scope,
        leaver,
        assume_empty,
        protected,
        orphans,
    } = &rules.value;
    let scope = scope_of(scope.as_ref(), true, reading)?;
    let mappings = mappings::read_mappings(rules, mappings, USER_NAME, reading)?;
    let match_on = mappings::read_matching(match_on.as_ref(), &mappings, USER_NAME, reading)?;
    Ok(UserRules {
        scope,
        mappings,
        match_on,
        actions: *actions,
        out_of_scope: leaving::out_of_scope(out_of_scope.as_ref())?,
        leaver: leaving::read_leaver(leaver.as_ref())?,
        assume_empty: *assume_empty,
        protected: protected_of(protected.as_ref(), true)?,
        orphans: leaving::read_orphans(orphans.as_ref())?,
    })
}

/// Reads and checks the rules for groups, which have no leavers, orphans or references.
fn group_rules(
    rules: &Spanned<RulesDocument>,
    reading: &mut DocumentReading<'_>,
) -> Result<GroupRules, PolicyFlaw> {
    let RulesDocument {
        scope,
        mappings,
        match_on,
        actions,
        out_of_scope,
        leaver,
        assume_empty,
        protected,
        orphans,
    } = &rules.value;
    if let Some(leaver) = leaver {
        return Err(PolicyFlaw::at(leaver, "groups have no leaver rule", "move `leaver` to `users`"));
    }
    if let Some(orphans) = orphans {
        let what = "groups without a source are never changed";
        return Err(PolicyFlaw::at(orphans, what, "move `orphans` to `users`"));
    }
    let scope = scope_of(scope.as_ref(), false, reading)?;
    let mappings = mappings::read_mappings(rules, mappings, DISPLAY_NAME, reading)?;
    if mappings.iter().any(|mapping| mapping.is_reference)
        && let Some(mapping) = rules.value.mappings.iter().find(|mapping| mapping.value.is_reference())
    {
        return Err(PolicyFlaw::at(mapping, "groups cannot refer to a person", "remove `reference`"));
    }
    let match_on = mappings::read_matching(match_on.as_ref(), &mappings, DISPLAY_NAME, reading)?;
    Ok(GroupRules {
        scope,
        mappings,
        match_on,
        actions: *actions,
        out_of_scope: leaving::out_of_scope(out_of_scope.as_ref())?,
        assume_empty: *assume_empty,
        protected: protected_of(protected.as_ref(), false)?,
    })
}

fn protected_of(
    list: Option<&Spanned<AssignedText>>,
    people: bool,
) -> Result<Option<AssignedNames>, PolicyFlaw> {
    list.map(|list| scope::read_protected(list, people)).transpose()
}

fn scope_of(
    scope: Option<&ScopeText>,
    people: bool,
    reading: &mut DocumentReading<'_>,
) -> Result<Scope, PolicyFlaw> {
    scope.map_or_else(|| Ok(Scope::default()), |scope| scope::read_scope(scope, people, reading))
}

#[cfg(test)]
mod tests;
