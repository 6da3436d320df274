//! The history of a company: messages for the gateway, and the expected content of a target after them.
//!
//! The model is deliberately separate code of a few lines: it shares nothing with the mapper or the
//! policies, so that it can contradict them.

mod messages;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use crate::expected::{ExpectedDirectory, ExpectedPresence, ExpectedUser};
use crate::people::{SampleGroup, SamplePerson, SamplePopulation, display_name, new_surname};

pub use messages::CloudEventMessage;

/// The employment of a person according to the messages so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EmploymentStanding {
    NotHired,
    Employed,
    Left,
}

/// A person with their employment so far.
#[derive(Debug, Clone)]
struct HistoryPerson {
    person: SamplePerson,
    standing: EmploymentStanding,
    /// `true` if the account must have been created: the person was employed at a time when nothing was pending.
    account_certain: bool,
}

/// A company and the messages about it so far. Every method that returns a message assumes that it will be accepted.
#[derive(Debug, Clone)]
pub struct CompanyHistory {
    source: String,
    clock: OffsetDateTime,
    said: u64,
    people: BTreeMap<String, HistoryPerson>,
    groups: BTreeMap<String, (SampleGroup, bool)>,
    departments: Vec<String>,
}

impl CompanyHistory {
    /// Creates a company without any messages so far. `source` is the CloudEvents `source`; events are dated `now`.
    pub fn new(source: &str, company: SamplePopulation, now: OffsetDateTime) -> Self {
        let known = |person: SamplePerson| {
            (
                person.key.clone(),
                HistoryPerson { person, standing: EmploymentStanding::NotHired, account_certain: false },
            )
        };
        Self {
            source: source.to_owned(),
            clock: now,
            said: 0,
            people: company.people.into_iter().map(known).collect(),
            groups: company.groups.into_iter().map(|g| (g.key.clone(), (g, false))).collect(),
            departments: company.departments,
        }
    }

    /// Dates the following events at `now`. A SCIM bulk feed carries no dates: its statements take
    /// the time of their receipt. Events that must take precedence over it need a later date.
    pub fn set_time(&mut self, now: OffsetDateTime) {
        self.clock = self.clock.max(now);
    }

    /// Records that nothing is pending: every employed person has an account, so if they leave it must exist, disabled.
    pub fn accounts_are_there(&mut self) {
        for known in self.people.values_mut() {
            known.account_certain |= known.standing == EmploymentStanding::Employed;
        }
    }

    /// Returns the keys of all people, in order of generation.
    pub fn keys(&self) -> Vec<String> {
        self.people.keys().cloned().collect()
    }

    /// Returns the keys of the groups.
    pub fn group_keys(&self) -> Vec<String> {
        self.groups.keys().cloned().collect()
    }

    /// Returns the person as the source knows them now.
    ///
    /// # Panics
    /// Panics if there is no such person.
    pub fn person(&self, key: &str) -> &SamplePerson {
        &self.known(key).person
    }

    /// Returns a SCIM BulkRequest that creates these people.
    pub fn hire_by_bulk(&mut self, keys: &[String]) -> Value {
        let operations: Vec<Value> = keys
            .iter()
            .map(|key| {
                self.known_mut(key).standing = EmploymentStanding::Employed;
                messages::bulk_operation(self.person(key))
            })
            .collect();
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": operations,
            "failOnErrors": null,
        })
    }

    /// Returns `worker.joined` with all known attributes.
    pub fn hire(&mut self, key: &str) -> CloudEventMessage {
        self.known_mut(key).standing = EmploymentStanding::Employed;
        let attributes = messages::person_attributes(self.person(key));
        self.about_worker("worker.joined", key, attributes)
    }

    /// Returns `worker.changed`: another department and title, sometimes another name or manager. `pick` chooses which.
    pub fn move_on(&mut self, key: &str, pick: usize) -> CloudEventMessage {
        let department = self.departments[pick % self.departments.len()].clone();
        let boss = self.known(key).person.manager.as_ref().and_then(|m| self.known(m).person.manager.clone());
        let person = &mut self.known_mut(key).person;
        let before = messages::person_attributes(person);
        person.department = department;
        person.job_title = format!("{} (since move {pick})", before_title(&before));
        if pick.is_multiple_of(3) {
            person.surname = new_surname(pick / 3).to_owned();
            person.display_name = display_name(&person.given_name, &person.surname);
        }
        if pick % 4 == 1 && boss.is_some() {
            person.manager = boss; // the manager's manager is never among their reports: no cycle
        }
        let after = messages::person_attributes(person);
        let changed = after.into_iter().filter(|(name, value)| before.get(name) != Some(value)).collect();
        self.about_worker("worker.changed", key, changed)
    }

    /// Returns `worker.left`.
    pub fn leave(&mut self, key: &str) -> CloudEventMessage {
        self.known_mut(key).standing = EmploymentStanding::Left;
        self.about_worker("worker.left", key, Map::new())
    }

    /// Returns `worker.rehired` into another department.
    pub fn rehire(&mut self, key: &str, pick: usize) -> CloudEventMessage {
        let department = self.departments[pick % self.departments.len()].clone();
        let known = self.known_mut(key);
        known.standing = EmploymentStanding::Employed;
        known.person.department.clone_from(&department);
        let attributes = Map::from_iter([("department".to_owned(), json!(department))]);
        self.about_worker("worker.rehired", key, attributes)
    }

    /// Returns `group.upserted` with the name and all members.
    pub fn group_upserted(&mut self, key: &str) -> CloudEventMessage {
        let (group, exists) = self.groups.get_mut(key).expect("the caller asks for groups of this company");
        *exists = true;
        let members: Vec<String> = group.members.iter().cloned().collect();
        let attributes = Map::from_iter([("displayName".to_owned(), json!(group.display_name))]);
        self.about_group("group.upserted", key, attributes, Some(members))
    }

    /// Returns `group.member.added` for these people.
    pub fn members_added(&mut self, key: &str, members: &[String]) -> CloudEventMessage {
        self.group_mut(key).members.extend(members.iter().cloned());
        self.about_group("group.member.added", key, Map::new(), Some(members.to_vec()))
    }

    /// Returns `group.member.removed` for these people.
    pub fn members_removed(&mut self, key: &str, members: &[String]) -> CloudEventMessage {
        self.group_mut(key).members.retain(|m| !members.contains(m));
        self.about_group("group.member.removed", key, Map::new(), Some(members.to_vec()))
    }

    /// Returns the keys of the members of a group, as the source knows them now.
    pub fn members(&self, key: &str) -> BTreeSet<String> {
        self.groups.get(key).map(|(group, _)| group.members.clone()).unwrap_or_default()
    }

    /// Returns the expected content of a target after all messages so far have arrived.
    pub fn expected(&self) -> ExpectedDirectory {
        let users = self.people.values().filter_map(|known| self.expected_user(known));
        let groups = self.groups.values().filter(|(_, exists)| *exists).map(|(group, _)| {
            let hired =
                group.members.iter().filter(|m| self.known(m).standing != EmploymentStanding::NotHired);
            let names = hired.map(|m| self.known(m).person.user_principal_name.clone());
            (group.display_name.clone(), names.collect())
        });
        ExpectedDirectory {
            users: users.map(|u| (u.user_name.clone(), u)).collect(),
            groups: groups.collect(),
        }
    }

    /// Returns the expected account of a person, or `None` if they were never hired.
    fn expected_user(&self, known: &HistoryPerson) -> Option<ExpectedUser> {
        let (active, presence) = match (known.standing, known.account_certain) {
            (EmploymentStanding::NotHired, _) => return None,
            (EmploymentStanding::Employed, _) => (true, ExpectedPresence::Required),
            (EmploymentStanding::Left, true) => (false, ExpectedPresence::Required),
            (EmploymentStanding::Left, false) => (false, ExpectedPresence::Possible),
        };
        let person = &known.person;
        let manager = person.manager.as_ref().map(|key| self.known(key));
        let manager = manager.filter(|m| m.standing != EmploymentStanding::NotHired);
        Some(ExpectedUser {
            user_name: person.user_principal_name.clone(),
            active,
            presence,
            given_name: person.given_name.clone(),
            surname: person.surname.clone(),
            display_name: person.display_name.clone(),
            email: person.mail.clone(),
            department: person.department.clone(),
            title: person.job_title.clone(),
            manager: manager.map(|m| m.person.user_principal_name.clone()),
        })
    }

    fn about_worker(&mut self, kind: &str, key: &str, attributes: Map<String, Value>) -> CloudEventMessage {
        self.say(kind, &format!("worker/{key}"), attributes, None)
    }

    fn about_group(
        &mut self,
        kind: &str,
        key: &str,
        attributes: Map<String, Value>,
        members: Option<Vec<String>>,
    ) -> CloudEventMessage {
        self.say(kind, &format!("group/{key}"), attributes, members)
    }

    /// Creates an event. Its date is one microsecond (the resolution of versions)
    /// later than the last one, so that no two events have the same date.
    fn say(
        &mut self,
        kind: &str,
        subject: &str,
        attributes: Map<String, Value>,
        members: Option<Vec<String>>,
    ) -> CloudEventMessage {
        self.said += 1;
        self.clock += Duration::MICROSECOND;
        let id = format!("evt-{:07}", self.said);
        CloudEventMessage::new(&self.source, &id, kind, subject, self.clock, attributes, members)
    }

    fn known(&self, key: &str) -> &HistoryPerson {
        self.people.get(key).expect("the caller asks for people of this company")
    }

    fn known_mut(&mut self, key: &str) -> &mut HistoryPerson {
        self.people.get_mut(key).expect("the caller asks for people of this company")
    }

    fn group_mut(&mut self, key: &str) -> &mut SampleGroup {
        &mut self.groups.get_mut(key).expect("the caller asks for groups of this company").0
    }
}

/// Returns the title without the suffixes of earlier moves.
fn before_title(attributes: &Map<String, Value>) -> &str {
    let title = attributes.get("jobTitle").and_then(Value::as_str).unwrap_or_default();
    title.split(" (since").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::PopulationShape;

    fn history() -> CompanyHistory {
        let start = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        CompanyHistory::new("/hr/test", SamplePopulation::generate(PopulationShape::of(100)), start)
    }

    #[test]
    fn nothing_is_expected_of_people_who_were_never_hired() {
        let mut history = history();
        assert!(history.expected().users.is_empty());
        let event = history.hire("E-00002");
        assert_eq!(event.value()["type"], "worker.joined");
        let expected = history.expected();
        let user = expected.users.values().next().expect("one was hired");
        assert!(user.active && user.manager.is_none(), "the manager was not hired yet");
    }

    #[test]
    fn an_account_may_be_missing_only_for_who_left_before_it_was_certain() {
        let mut history = history();
        history.hire("E-00001");
        history.accounts_are_there();
        history.hire("E-00002");
        history.leave("E-00001");
        history.leave("E-00002");
        let presence: Vec<_> = history.expected().users.into_values().map(|u| u.presence).collect();
        assert!(
            presence.contains(&ExpectedPresence::Required) && presence.contains(&ExpectedPresence::Possible)
        );
    }

    #[test]
    fn a_move_says_only_what_changed_and_events_are_dated_one_after_the_other() {
        let mut history = history();
        let hired = history.hire("E-00050");
        let moved = history.move_on("E-00050", 2);
        let said = moved.value()["data"]["attributes"].as_object().expect("attributes").len();
        assert!(said <= 2, "department and title, not {said} attributes");
        let time = |e: &CloudEventMessage| e.value()["time"].as_str().expect("a date").to_owned();
        assert!(time(&hired) < time(&moved));
    }

    #[test]
    fn groups_follow_their_members() {
        let mut history = history();
        let keys = history.keys();
        history.hire_by_bulk(&keys);
        let group = history.group_keys()[1].clone();
        history.group_upserted(&group);
        let leaver = history.members(&group).into_iter().next().expect("five members");
        history.members_removed(&group, &[leaver]);
        assert_eq!(history.expected().groups.into_values().next().expect("one group").len(), 4);
    }
}
