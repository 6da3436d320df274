//! A group's members and a user's groups agree after any operations in any order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{World, group, user};

const USERS: usize = 5;
const GROUPS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    CreateUser(usize),
    DeleteUser(usize),
    CreateGroup(usize, Vec<usize>),
    DeleteGroup(usize),
    Add(usize, Vec<usize>),
    RemoveOne(usize, usize),
    RemoveList(usize, Vec<usize>),
    Replace(usize, Vec<usize>),
    Put(usize, Vec<usize>),
    Clear(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (person, team) = (0..USERS, 0..GROUPS);
    let people = prop::collection::vec(person.clone(), 0..4);
    let some = prop::collection::vec(person.clone(), 1..4);
    let step = prop_oneof![
        3 => person.clone().prop_map(Step::CreateUser),
        1 => person.clone().prop_map(Step::DeleteUser),
        3 => (team.clone(), people.clone()).prop_map(|(g, u)| Step::CreateGroup(g, u)),
        1 => team.clone().prop_map(Step::DeleteGroup),
        3 => (team.clone(), some.clone()).prop_map(|(g, u)| Step::Add(g, u)),
        2 => (team.clone(), person).prop_map(|(g, u)| Step::RemoveOne(g, u)),
        1 => (team.clone(), some).prop_map(|(g, u)| Step::RemoveList(g, u)),
        2 => (team.clone(), people.clone()).prop_map(|(g, u)| Step::Replace(g, u)),
        1 => (team.clone(), people).prop_map(|(g, u)| Step::Put(g, u)),
        1 => team.prop_map(Step::Clear),
    ];
    prop::collection::vec(step, 1..40)
}

/// The expected content, in the simplest correct form.
#[derive(Default)]
struct Model {
    users: BTreeMap<usize, String>,
    groups: BTreeMap<usize, (String, BTreeSet<usize>)>,
}

impl Model {
    fn user_id(&self, user: usize) -> String {
        self.users.get(&user).cloned().unwrap_or_else(|| "999999".to_owned())
    }

    fn group_path(&self, group: usize) -> String {
        format!("/Groups/{}", self.groups.get(&group).map_or("999999", |(id, _)| id))
    }

    fn values(&self, users: &[usize]) -> Value {
        users.iter().map(|user| json!({ "value": self.user_id(*user) })).collect()
    }

    fn all_known(&self, users: &[usize]) -> bool {
        users.iter().all(|user| self.users.contains_key(user))
    }

    fn change(&mut self, group: usize, needs: &[usize], change: impl FnOnce(&mut BTreeSet<usize>)) {
        if self.all_known(needs)
            && let Some((_, members)) = self.groups.get_mut(&group)
        {
            change(members);
        }
    }

    fn new_group(&self, group_number: usize, users: &[usize]) -> Value {
        let mut body = group(&format!("g{group_number}"), &[]);
        body["members"] = self.values(users);
        body
    }

    async fn take(&mut self, world: &World, step: Step) {
        match step {
            Step::CreateUser(user_number) => {
                let answer = world.post("/Users", user(&format!("u{user_number}"))).await;
                assert_eq!(answer.status == 201, !self.users.contains_key(&user_number));
                self.users.entry(user_number).or_insert_with(|| answer.id());
            }
            Step::DeleteUser(user) => {
                world.send(Method::DELETE, &format!("/Users/{}", self.user_id(user)), None).await;
                self.users.remove(&user);
                self.groups.values_mut().for_each(|(_, members)| {
                    members.remove(&user);
                });
            }
            Step::CreateGroup(group, users) => {
                let answer = world.post("/Groups", self.new_group(group, &users)).await;
                let possible = self.all_known(&users) && !self.groups.contains_key(&group);
                assert_eq!(answer.status == 201, possible);
                if possible {
                    self.groups.insert(group, (answer.id(), users.into_iter().collect()));
                }
            }
            Step::DeleteGroup(group) => {
                world.send(Method::DELETE, &self.group_path(group), None).await;
                self.groups.remove(&group);
            }
            Step::Put(group, users) => {
                world.send(Method::PUT, &self.group_path(group), Some(self.new_group(group, &users))).await;
                self.change(group, &users, |members| *members = users.iter().copied().collect());
            }
            other => self.patch(world, other).await,
        }
    }

    async fn patch(&mut self, world: &World, step: Step) {
        let one = |user| format!(r#"members[value eq "{}"]"#, self.user_id(user));
        let (group, operation) = match &step {
            Step::Add(g, u) => (*g, json!({ "op": "add", "path": "members", "value": self.values(u) })),
            Step::RemoveOne(g, u) => (*g, json!({ "op": "remove", "path": one(*u) })),
            Step::RemoveList(g, u) => {
                (*g, json!({ "op": "remove", "path": "members", "value": self.values(u) }))
            }
            Step::Replace(g, u) => {
                (*g, json!({ "op": "replace", "path": "members", "value": self.values(u) }))
            }
            Step::Clear(g) => (*g, json!({ "op": "remove", "path": "members" })),
            other => unreachable!("{other:?} is no patch"),
        };
        world.patch(&self.group_path(group), json!([operation])).await;
        match step {
            Step::Add(_, users) => self.change(group, &users, |members| members.extend(&users)),
            Step::RemoveOne(_, user) => self.change(group, &[], |members| {
                members.remove(&user);
            }),
            Step::RemoveList(_, users) => {
                self.change(group, &[], |members| members.retain(|member| !users.contains(member)));
            }
            Step::Replace(_, users) => {
                self.change(group, &users, |members| *members = users.iter().copied().collect());
            }
            _ => self.change(group, &[], BTreeSet::clear),
        }
    }

    fn check(&self, world: &World) {
        let state = world.sandbox.state();
        let users: BTreeSet<String> = self.users.keys().map(|user| format!("u{user}")).collect();
        assert_eq!(state.users.keys().cloned().collect::<BTreeSet<_>>(), users);
        assert_eq!(state.groups.len(), self.groups.len());
        for (group, (_, members)) in &self.groups {
            let name = format!("g{group}");
            let members: BTreeSet<String> = members.iter().map(|user| format!("u{user}")).collect();
            assert_eq!(state.groups[&name].members, members, "{name}");
            for (user, found) in &state.users {
                assert_eq!(found.groups.contains(&name), members.contains(user), "{user} in {name}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn both_ends_of_a_membership_always_agree(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::generic().await;
            let mut model = Model::default();
            for step in steps {
                model.take(&world, step).await;
                model.check(&world);
            }
        });
    }
}
