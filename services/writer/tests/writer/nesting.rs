//! Groups in groups are flattened or kept, depending on the profile.

use std::collections::BTreeSet;

use lifecycle::{DesiredMembership, DesiredState, MemberKind, ResourceKind};
use scim::{NestedGroups, TargetProfile};
use serde_json::json;

use crate::world::{World, active, edge, group, name_of};

fn profile(nested: NestedGroups) -> TargetProfile {
    let mut profile =
        TargetProfile { name: "test".to_owned(), settle_seconds: 0, ..TargetProfile::default() };
    profile.membership.nested = nested;
    profile
}

/// Sends the mapper's commands for a group G-1 that lists E-1 and a group G-2, which lists E-2.
async fn tell_of_two_groups(world: &World) {
    let through = DesiredMembership { through_groups: true, ..edge("E-2", true, 1) };
    let nested = DesiredMembership { member_is: MemberKind::Group, ..edge("G-2", true, 1) };
    let edges = vec![edge("E-1", true, 1), through, nested];
    world.send("G-1", 0, DesiredState::Membership { edges }).await;
    world.send("G-2", 0, DesiredState::Membership { edges: vec![edge("E-2", true, 1)] }).await;
}

async fn give_them_accounts(world: &World) {
    for person in ["E-1", "E-2"] {
        world.want(person, 1, DesiredState::User(active(person, json!({})))).await;
    }
}

/// Returns the people and groups in SEC-1, as the target shows it.
fn outer(world: &World) -> (BTreeSet<String>, BTreeSet<String>) {
    let state = world.sandbox.state();
    state.groups.get("SEC-1").map(|group| (group.members.clone(), group.groups.clone())).unwrap_or_default()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn people(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|key| name_of(key)).collect()
}

async fn settled_as(world: &World, members: &[&str], groups: &[&str]) {
    let wanted = (people(members), set(groups));
    let inner = || world.sandbox.state().groups.get("SEC-2").map(|group| group.members.clone());
    let is_right = || outer(world) == wanted && inner() == Some(people(&["E-2"]));
    world.until(&format!("SEC-1 has {wanted:?}"), async || is_right()).await;
    for group in ["G-1", "G-2"] {
        world
            .until("nothing is left to do", async || {
                world.row(ResourceKind::Group, group).await.memberships_pending == 0
            })
            .await;
    }
    assert!(is_right(), "{:?}, {:?}", outer(world), inner());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_in_groups_are_flattened_unless_the_profile_keeps_them() {
    for (nested, members, groups) in [
        (NestedGroups::Flatten, &["E-1", "E-2"][..], &[][..]),
        (NestedGroups::Keep, &["E-1"][..], &["SEC-2"][..]),
    ] {
        let world = World::of_profile(&profile(nested)).await;
        give_them_accounts(&world).await;
        for (key, name) in [("G-1", "SEC-1"), ("G-2", "SEC-2")] {
            world.want(key, 1, DesiredState::Group(group(name))).await;
        }
        tell_of_two_groups(&world).await;
        settled_as(&world, members, groups).await;

        let nested = DesiredMembership { member_is: MemberKind::Group, ..edge("G-2", false, 2) };
        let edges = vec![edge("E-2", false, 2), nested];
        world.send("G-1", 0, DesiredState::Membership { edges }).await;
        settled_as(&world, &["E-1"], &[]).await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_comes_late_is_put_into_the_group_that_lists_it() {
    let world = World::of_profile(&profile(NestedGroups::Keep)).await;
    give_them_accounts(&world).await;
    tell_of_two_groups(&world).await;
    world.send("G-1", 1, DesiredState::Group(group("SEC-1"))).await;
    world.until("the person is in", async || outer(&world) == (people(&["E-1"]), set(&[]))).await;
    world.send("G-2", 1, DesiredState::Group(group("SEC-2"))).await;
    settled_as(&world, &["E-1"], &["SEC-2"]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_word_of_the_profile_moves_members_both_ways() {
    let mut world = World::of_profile(&profile(NestedGroups::Keep)).await;
    give_them_accounts(&world).await;
    for (key, name) in [("G-1", "SEC-1"), ("G-2", "SEC-2")] {
        world.want(key, 1, DesiredState::Group(group(name))).await;
    }
    tell_of_two_groups(&world).await;
    settled_as(&world, &["E-1"], &["SEC-2"]).await;
    world.restart_with(&profile(NestedGroups::Flatten)).await;
    settled_as(&world, &["E-1", "E-2"], &[]).await;
    world.restart_with(&profile(NestedGroups::Keep)).await;
    settled_as(&world, &["E-1"], &["SEC-2"]).await;
    world.stop().await;
}
