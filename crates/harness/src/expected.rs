//! The expected content of a target, and its differences from the actual content.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::reader::{ServerAccount, ServerDirectory};

/// The maximum number of differences that are listed; the rest are counted.
pub const DIFFERENCES_SHOWN_MAX: usize = 20;

/// The expected presence of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedPresence {
    /// The account must exist.
    Required,
    /// The account may be missing: the person left before it was certainly created.
    Possible,
}

/// One account in its expected state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedUser {
    /// The login name.
    pub user_name: String,
    /// `true` if the account can be used.
    pub active: bool,
    /// The expected presence.
    pub presence: ExpectedPresence,
    /// The given name.
    pub given_name: String,
    /// The family name; empty if there is none.
    pub surname: String,
    /// The whole name.
    pub display_name: String,
    /// The work mail address.
    pub email: String,
    /// The department.
    pub department: String,
    /// The job title.
    pub title: String,
    /// The login name of the manager.
    pub manager: Option<String>,
}

/// The complete expected content of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedDirectory {
    /// The accounts by login name.
    pub users: BTreeMap<String, ExpectedUser>,
    /// The login names of the members, by the group's display name. A leaver is allowed, but not required, as a member.
    pub groups: BTreeMap<String, BTreeSet<String>>,
}

/// The differences between a target and the expected content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryDifferences(Vec<String>);

impl DirectoryDifferences {
    /// Returns `true` if there are no differences.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of differences.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn check<T: fmt::Debug>(&mut self, of: &str, what: &str, expected: T, found: T, same: bool) {
        if !same {
            self.0.push(format!("{of}: {what} should be {expected:?} and is {found:?}"));
        }
    }
}

impl fmt::Display for DirectoryDifferences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.iter().take(DIFFERENCES_SHOWN_MAX) {
            writeln!(f, "  {line}")?;
        }
        match self.0.len().saturating_sub(DIFFERENCES_SHOWN_MAX) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}

impl ExpectedDirectory {
    /// Returns the differences between `found` and the expected content.
    pub fn differences(&self, found: &ServerDirectory) -> DirectoryDifferences {
        let mut differences = DirectoryDifferences::default();
        differences.0.extend(found.problems.iter().cloned());
        for user in self.users.values() {
            match (found.users.get(&user.user_name.to_lowercase()), user.presence) {
                (Some(account), _) => user.compare(account, found, &mut differences),
                (None, ExpectedPresence::Possible) => {}
                (None, ExpectedPresence::Required) => {
                    differences.0.push(format!("{}: the account is missing", user.user_name));
                }
            }
        }
        let wanted: BTreeSet<String> = self.users.keys().map(|name| name.to_lowercase()).collect();
        for name in found.users.keys().filter(|name| !wanted.contains(*name)) {
            differences.0.push(format!("{name}: the account should not be there"));
        }
        self.compare_groups(found, &mut differences);
        differences
    }

    fn compare_groups(&self, found: &ServerDirectory, differences: &mut DirectoryDifferences) {
        for (name, members) in &self.groups {
            match found.groups.get(name) {
                Some(group) => self.compare_members(name, members, &group.members, differences),
                None => differences.0.push(format!("group {name}: is missing")),
            }
        }
        for name in found.groups.keys().filter(|name| !self.groups.contains_key(*name)) {
            differences.0.push(format!("group {name}: should not be there"));
        }
    }

    /// Compares the members of a group. An expected member who left may be missing.
    fn compare_members(
        &self,
        group: &str,
        wanted: &BTreeSet<String>,
        found: &BTreeSet<String>,
        differences: &mut DirectoryDifferences,
    ) {
        let employed = |name: &&String| self.users.get(*name).is_some_and(|user| user.active);
        for name in wanted.difference(found).filter(employed) {
            differences.0.push(format!("group {group}: member {name} is missing"));
        }
        for name in found.difference(wanted) {
            differences.0.push(format!("group {group}: {name} should not be a member"));
        }
    }
}

impl ExpectedUser {
    /// Compares one account.
    fn compare(
        &self,
        account: &ServerAccount,
        found: &ServerDirectory,
        differences: &mut DirectoryDifferences,
    ) {
        let of = self.user_name.as_str();
        let mut text = |what: &str, expected: &str, found: &str| {
            differences.check(of, what, expected, found, expected == found);
        };
        text("userName", &self.user_name, &account.user_name);
        if self.active {
            text("given name", &self.given_name, &account.given_name);
            text("family name", &self.surname, &account.surname);
            text("display name", &self.display_name, &account.display_name);
            text("mail", &self.email, &account.email);
            text("department", &self.department, &account.department);
            text("title", &self.title, &account.title);
            // A missing account cannot be referred to. If it is required, its absence is reported separately.
            let manager = self.manager.as_ref().filter(|m| found.users.contains_key(&m.to_lowercase()));
            text("manager", manager.map_or("", String::as_str), &account.manager);
        }
        let same = Some(self.active) == account.active;
        differences.check(of, "active", Some(self.active), account.active, same);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, active: bool, presence: ExpectedPresence) -> ExpectedUser {
        let text = || "x".to_owned();
        ExpectedUser {
            user_name: name.to_owned(),
            active,
            presence,
            given_name: text(),
            surname: text(),
            display_name: text(),
            email: text(),
            department: text(),
            title: text(),
            manager: None,
        }
    }

    fn account(name: &str, active: bool) -> ServerAccount {
        let text = || "x".to_owned();
        ServerAccount {
            user_name: name.to_owned(),
            active: Some(active),
            given_name: text(),
            surname: text(),
            display_name: text(),
            email: text(),
            department: text(),
            title: text(),
            ..ServerAccount::default()
        }
    }

    fn expected(users: Vec<ExpectedUser>) -> ExpectedDirectory {
        let users = users.into_iter().map(|u| (u.user_name.clone(), u)).collect();
        ExpectedDirectory { users, groups: BTreeMap::new() }
    }

    fn found(accounts: Vec<ServerAccount>) -> ServerDirectory {
        let users = accounts.into_iter().map(|a| (a.user_name.to_lowercase(), a)).collect();
        ServerDirectory { users, ..ServerDirectory::default() }
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let expected = expected(vec![
            user("ada", true, ExpectedPresence::Required),
            user("bob", false, ExpectedPresence::Required),
            user("eve", false, ExpectedPresence::Possible),
            user("kim", true, ExpectedPresence::Required),
        ]);
        let mut wrong = account("ada", true);
        wrong.department = "y".to_owned();
        let found = found(vec![wrong, account("bob", true), account("mallory", true)]);
        let told = expected.differences(&found).to_string();
        for line in [
            "ada: department should be \"x\" and is \"y\"",
            "bob: active should be Some(false) and is Some(true)",
            "kim: the account is missing",
            "mallory: the account should not be there",
        ] {
            assert!(told.contains(line), "{told}");
        }
        assert!(!told.contains("eve"), "{told}");
    }

    #[test]
    fn whoever_left_may_stay_in_a_group_but_nobody_else_may_be_missing_or_too_many() {
        let mut expected = expected(vec![
            user("ada", true, ExpectedPresence::Required),
            user("bob", false, ExpectedPresence::Required),
        ]);
        let names = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<BTreeSet<_>>();
        expected.groups.insert("g".to_owned(), names(&["ada", "bob"]));
        let mut found = found(vec![account("ada", true), account("bob", false)]);
        for (members, differences) in
            [(&["ada", "bob"][..], 0), (&["ada"], 0), (&["bob"], 1), (&["ada", "bob", "kim"], 1)]
        {
            let group = crate::reader::FoundGroup { members: names(members), ..Default::default() };
            found.groups.insert("g".to_owned(), group);
            assert_eq!(expected.differences(&found).len(), differences, "{members:?}");
        }
    }
}
