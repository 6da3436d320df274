//! A plan shows the effect of a policy; applying it has exactly that effect at the target.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use harness::world::{TARGET, level_reached, now, policy_yaml, wait_for_level};
use harness::{
    CloudEventMessage, CompanyHistory, PopulationShape, SamplePopulation, UsherWorld, WorldOptions,
};
use sandbox::{LedgerEntry, RequestKind};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(120);

fn options() -> WorldOptions {
    WorldOptions::new(env!("CARGO_BIN_EXE_usher"))
}

/// The operations at the target.
#[derive(Debug, Default, PartialEq, Eq)]
struct Done {
    create: u64,
    update: u64,
    enable: u64,
    disable: u64,
    delete: u64,
}

impl Done {
    fn planned(counts: &Value) -> Self {
        let count = |name: &str| counts[name].as_u64().unwrap();
        Self {
            create: count("create"),
            update: count("update"),
            enable: count("enable"),
            disable: count("disable"),
            delete: count("delete"),
        }
    }

    fn at(world: &UsherWorld, since: u64, kind: RequestKind) -> Self {
        let mut done = Self::default();
        for entry in world.sandbox().ledger().since(since, usize::MAX) {
            if entry.kind == kind && entry.work_done {
                done.count(&entry);
            }
        }
        done
    }

    fn count(&mut self, entry: &LedgerEntry) {
        let operation = entry.operation.as_deref().unwrap_or_default();
        match &*entry.method {
            "POST" => self.create += 1,
            "DELETE" => self.delete += 1,
            "PATCH" if operation.contains("active=false") => self.disable += 1,
            "PATCH" if operation.contains("active=true") => self.enable += 1,
            "PATCH" if operation.contains("members") => {}
            "PATCH" => self.update += 1,
            _ => {}
        }
    }
}

/// Runs `usher ARGUMENTS --data ...` as an operator does.
async fn usher(world: &UsherWorld, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(world.usher.binary());
    command.args(arguments).arg("--data").arg(world.usher.data()).stdin(std::process::Stdio::null());
    command.output().await.unwrap()
}

async fn succeeds(world: &UsherWorld, arguments: &[&str]) -> String {
    let output = usher(world, arguments).await;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {:?}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// Returns the plan, and whether the exit code means that there are changes.
async fn plan(world: &UsherWorld, file: &Path) -> (Value, bool) {
    let output = usher(world, &["plan", "-f", file.to_str().unwrap(), "--json"]).await;
    let err = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code().unwrap();
    assert!(matches!(code, 0 | 2), "{code}: {err}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    (answer["plan"].clone(), code == 2)
}

fn write(world: &UsherWorld, name: &str, policy: &str) -> PathBuf {
    let path = world.usher.data().join(name);
    std::fs::write(&path, policy).unwrap();
    path
}

/// Creates joiners, leavers and memberships, and waits until everything is settled.
async fn company(world: &UsherWorld, people: usize, seed: u64) -> CompanyHistory {
    let shape = PopulationShape { people, departments: 5, groups: 6, seed };
    let mut history = CompanyHistory::new("hr", SamplePopulation::generate(shape), now());
    let keys = history.keys();
    let joined: Vec<CloudEventMessage> = keys.iter().map(|key| history.hire(key)).collect();
    world.feed.batch(&joined).await.unwrap();
    let groups: Vec<CloudEventMessage> =
        history.group_keys().iter().map(|key| history.group_upserted(key)).collect();
    world.feed.batch(&groups).await.unwrap();
    world.settled(SOON).await.unwrap();
    let left: Vec<CloudEventMessage> = keys.iter().skip(1).step_by(9).map(|key| history.leave(key)).collect();
    world.feed.batch(&left).await.unwrap();
    world.settled(SOON).await.unwrap();
    history
}

/// Returns policies that differ in scope, mappings, leaver rule and groups. `pick` chooses them.
fn policies(pick: u64) -> [String; 4] {
    let base = policy_yaml(TARGET);
    let scoped = |clause: &str, text: &str| {
        text.replacen("users:\n", &format!("users:\n  scope:\n    any:\n      - all: [{clause}]\n"), 1)
    };
    let expression = base.replacen(
        "{ target: 'displayName', source: displayName }",
        r#"{ target: 'displayName', expression: 'Join(" ", ToUpper([surname]), [givenName])' }"#,
        1,
    );
    let without_groups = base.split("groups:\n").next().unwrap().to_owned();
    let letter = ["[a-f]", "[g-m]", "[n-s]", "[a-m]"][usize::try_from(pick % 4).unwrap()];
    [
        scoped(&format!("'userPrincipalName REGEX MATCH \"^{letter}\"'"), &expression),
        scoped("{ not: { attribute: employeeType, operator: EQUALS, value: Contractor } }", &without_groups),
        base.replacen("action: disable", "action: delete", 1),
        base.replacen("title', source: jobTitle", "title', source: jobTitle, apply: onCreate", 1),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applying_a_plan_does_exactly_what_the_plan_said() {
    for seed in [11, 12] {
        let world = UsherWorld::start(options()).await.unwrap();
        company(&world, 80, seed).await;
        for (number, policy) in policies(seed).iter().enumerate() {
            let file = write(&world, &format!("policy-{number}.yaml"), policy);
            let (planned, changes) = plan(&world, &file).await;
            let since = world.sandbox().ledger().len();
            let why = format!("step {number}");
            let file = file.to_str().unwrap();
            succeeds(
                &world,
                &[
                    "apply",
                    "-f",
                    file,
                    "--yes",
                    "--allow-deletes",
                    "1000",
                    "--allow-grants",
                    "1000",
                    "--why",
                    &why,
                ],
            )
            .await;
            let status = world.settled(SOON).await.unwrap();
            assert_eq!(status.stuck(), 0, "{status:?}");
            let mut users = Done::at(&world, since, RequestKind::User);
            let expected = Done::planned(&planned["users"]);
            if expected.delete > 0 {
                // Accounts that named a deleted account as their manager lose that value: a consequence, not a decision.
                assert!(users.update >= expected.update, "seed {seed}, policy {number}: {planned:#}");
                users.update = expected.update;
            }
            assert_eq!(users, expected, "seed {seed}, policy {number}: {planned:#}");
            let groups = Done::at(&world, since, RequestKind::Group);
            assert_eq!(
                groups,
                Done::planned(&planned["groups"]),
                "seed {seed}, policy {number}: {planned:#}"
            );
            assert_eq!(changes, users != Done::default() || groups != Done::default());
            let (again, changes) = plan(&world, Path::new(file)).await;
            assert!(!changes, "{again:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_would_cut_off_too_many_needs_a_number() {
    let world = UsherWorld::start(options()).await.unwrap();
    company(&world, 60, 3).await;
    let narrow = policies(0)[0].replace("^[a-f]", "^nobody");
    let file = write(&world, "narrow.yaml", &narrow);
    let file = file.to_str().unwrap();
    let since = world.sandbox().ledger().len();

    let refused = usher(&world, &["apply", "-f", file, "--yes", "--why", "a slip"]).await;

    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("--allow-deletes"), "{said}");
    world.settled(SOON).await.unwrap();
    assert_eq!(Done::at(&world, since, RequestKind::User), Done::default());
    // The same policy as a file is held for approval as well.
    std::fs::write(world.usher.data().join(format!("policies/{TARGET}.yaml")), &narrow).unwrap();
    wait_for_level("the file is held", SOON, async || {
        let status = succeeds(&world, &["status", "--json"]).await;
        level_reached(status.contains("allow-deletes"), status).map_err(anyhow::Error::msg)
    })
    .await
    .unwrap();
    assert_eq!(Done::at(&world, since, RequestKind::User), Done::default());
}

fn group(key: &str, name: &str, members: &[&str]) -> Value {
    json!({
        "specversion": "1.0", "id": format!("group-{key}"), "source": "/directory", "type": "group.upserted",
        "subject": key, "time": "2026-01-01T00:00:01Z",
        "data": { "displayName": name, "members": members },
    })
}

/// The requirement as users state it: synchronize *Domain Users* for the user mapping and several security-group wildcards for
/// the group mapping.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn domain_users_get_accounts_and_security_groups_by_wildcard_are_synchronised() {
    let policy = policy_yaml(TARGET)
        .replacen("users:\n", "users:\n  scope: { any: [{ all: ['memberOf \"Domain Users\"'] }] }\n", 1)
        .replacen(
            "groups:\n",
            "groups:\n  scope: { any: [{ all: ['displayName MATCHES \"SEC-*\"'] }, { all: ['displayName MATCHES \"APP-?PN\"'] }] }\n",
            1,
        );
    let world = UsherWorld::start(WorldOptions { policy: Some(policy), ..options() }).await.unwrap();
    let shape = PopulationShape { people: 6, departments: 2, groups: 1, seed: 5 };
    let mut history = CompanyHistory::new("hr", SamplePopulation::generate(shape), now());
    let keys = history.keys();
    let joined: Vec<CloudEventMessage> = keys.iter().map(|key| history.hire(key)).collect();
    world.feed.batch(&joined).await.unwrap();
    let key = |at: usize| keys[at].as_str();
    // A person is in scope through a group that is a member of Domain Users.
    let groups = [
        group("G-1", "Domain Users", &[key(0), key(1), "G-2"]),
        group("G-2", "Contractors", &[key(2)]),
        group("G-3", "SEC-Admins", &[key(0), key(3)]),
        group("G-4", "APP-VPN", &[key(2)]),
        group("G-5", "Canteen", &[key(0)]),
    ];
    world.feed.values(&groups).await.unwrap();
    // Not `settled`: a membership of a person without an account waits until they have one.
    let state = wait_for_level("accounts, groups and memberships are there", SOON, async || {
        let state = world.sandbox().state();
        let members = |group: &str| state.groups.get(group).map_or(0, |group| group.members.len());
        let there = state.users.len() == 3 && members("SEC-Admins") == 1 && members("APP-VPN") == 1;
        level_reached(there, format!("{state:?}")).map_err(anyhow::Error::msg)?;
        anyhow::Ok(state)
    })
    .await
    .unwrap();

    let mut has: Vec<String> = state.users.values().filter_map(|user| user.external_id.clone()).collect();
    has.sort();
    assert_eq!(has, [key(0), key(1), key(2)], "members of Domain Users, nested ones as well");
    let groups: Vec<&str> = state.groups.keys().map(String::as_str).collect();
    assert_eq!(groups, ["APP-VPN", "SEC-Admins"]);
    assert_eq!(state.groups["SEC-Admins"].members.len(), 1, "the other member has no account: {state:?}");
}

/// Existing accounts at the target, under a policy that creates none: the plan shows the people who may be adopted, and changes
/// no other account.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_may_not_create_says_who_would_be_adopted() {
    let nobody = policy_yaml(TARGET)
        .replacen("users:\n", "users:\n  scope: { any: [{ all: ['mail EQUALS \"nobody\"'] }] }\n", 1)
        .split("groups:\n")
        .next()
        .unwrap()
        .to_owned();
    let adopting = nobody.replacen("mail EQUALS \"nobody\"", "mail IS NOT NULL", 1).replacen(
        "users:\n",
        "users:\n  actions: { create: false }\n",
        1,
    );
    let world = UsherWorld::start(WorldOptions { policy: Some(nobody), ..options() }).await.unwrap();
    let shape = PopulationShape { people: 4, departments: 1, groups: 0, seed: 9 };
    let mut history = CompanyHistory::new("hr", SamplePopulation::generate(shape), now());
    let keys = history.keys();
    let joined: Vec<CloudEventMessage> = keys.iter().map(|key| history.hire(key)).collect();
    world.feed.batch(&joined).await.unwrap();
    world.settled(SOON).await.unwrap();
    let file = write(&world, "adopting.yaml", &adopting);
    let (planned, changes) = plan(&world, &file).await;
    assert!(changes, "{planned:#}");
    assert_eq!(
        (&planned["users"]["adopt"], &planned["users"]["create"]),
        (&json!(4), &json!(0)),
        "{planned:#}"
    );
    // One of the four accounts exists.
    let listed = planned["changes"][0].clone();
    world.sandbox().seed_user(json!({ "userName": listed["name"], "displayName": "as it was" })).unwrap();
    let since = world.sandbox().ledger().len();

    let file = file.to_str().unwrap();
    succeeds(&world, &["apply", "-f", file, "--yes", "--why", "look after what is there"]).await;

    let state = wait_for_level("the account is adopted", SOON, async || {
        let state = world.sandbox().state();
        let adopted =
            state.users.values().any(|user| user.external_id.as_deref() == listed["subject"].as_str());
        level_reached(adopted, format!("{state:?}")).map_err(anyhow::Error::msg)?;
        anyhow::Ok(state)
    })
    .await
    .unwrap();
    assert_eq!(state.users.len(), 1, "{state:?}");
    assert_eq!(Done::at(&world, since, RequestKind::User).create, 0);
    let (again, changes) = plan(&world, Path::new(file)).await;
    assert!(!changes, "{again:#}");
}
