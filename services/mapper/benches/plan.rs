//! Measures plans for all people, through the real verbs, broker and database. `cargo bench -p mapper --bench plan`;
//! USHER_BENCH_PEOPLE sets the number of people.

use std::time::{Duration, Instant};

use bus::Bus;
use bus::testing::TestServer;
use expression::RandomSeed;
use lifecycle::{
    Actor, DesiredState, Event, EventId, EventKind, OperatorVerb, PersonRecord, PlanRequest, PlanState,
    PlanStatus, verbs,
};
use policy::{DecisionSubject, Policy, decide_person};
use sea_orm::ConnectionTrait;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::Store;
use telemetry::{Readiness, Shutdown};
use time::OffsetDateTime;

const PEOPLE: usize = 1_000_000;
const ROWS_PER_STATEMENT: usize = 400;
const POLICY: &str = include_str!("../../../deploy/policies/zscaler.yaml");
const ASK: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_millis(50);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let people = std::env::var("USHER_BENCH_PEOPLE").ok().and_then(|n| n.parse().ok()).unwrap_or(PEOPLE);
    let folder = tempfile::tempdir().expect("a folder");
    let policies = folder.path().join("policies");
    std::fs::create_dir(&policies).expect("a folder");
    std::fs::write(policies.join("zscaler.yaml"), POLICY).expect("a file");
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("mapper.db").display());
    fill(&url, people).await;
    let server = TestServer::start();
    let bus = Bus::connect(&server.config(), "bench").await.expect("a bus");
    bus.ensure_streams().await.expect("streams");
    let config = mapper::MapperConfig {
        database: url,
        policies: Some(policies),
        people: lifecycle::PeopleConfig::default(),
        senders: lifecycle::RightsTable::default(),
        verify_minutes: 60,
        tombstones: None,
    };
    let app = mapper::build_mapper(config, bus.clone(), Readiness::default()).await.expect("a mapper");
    let shutdown = Shutdown::default();
    let running = tokio::spawn(app.run(shutdown.clone()));
    forget_peak();
    let before = resident_mib("VmHWM");
    for (name, policy) in [
        ("nothing changes", POLICY.to_owned()),
        (
            "1 % fall out of scope",
            POLICY.replacen(
                "users:\n",
                "users:\n  scope: { any: [{ all: ['not department EQUALS \"D-7\"'] }] }\n",
                1,
            ),
        ),
        (
            "everybody gets another name",
            POLICY.replacen(
                "displayName, source: displayName",
                "displayName, expression: 'ToUpper([displayName])'",
                1,
            ),
        ),
    ] {
        let started = Instant::now();
        let plan = plan(&bus, &policy).await;
        let took = started.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = people as f64 / took.as_secs_f64();
        println!("{name:<30} {:>6.1} s {rate:>9.0} people/s   {plan}", took.as_secs_f64());
    }
    println!("resident memory before the plans / at most: {before} MiB / {} MiB", resident_mib("VmHWM"));
    shutdown.soft.cancel();
    running.await.expect("it does not panic").expect("it ends well");
}

async fn plan(bus: &Bus, policy: &str) -> String {
    let request = PlanRequest {
        policy: policy.to_owned(),
        file: "bench.yaml".to_owned(),
        person: None,
        changes_max: 100,
        actor: Actor { who: "bench".to_owned(), why: "bench".to_owned() },
    };
    let mut status: PlanStatus = ask::<verbs::PlanVerb>(bus, &request).await;
    while status.state == PlanState::Running {
        tokio::time::sleep(ASK_EVERY).await;
        status = ask::<verbs::PlanStatusVerb>(bus, &status.id).await;
    }
    let plan = status.plan.unwrap_or_else(|| panic!("{:?}", status.error));
    let users = plan.users;
    format!("{} evaluated, {} updated, {} disabled", users.evaluated, users.update, users.disable)
}

async fn ask<V: OperatorVerb>(bus: &Bus, question: &V::Request) -> V::Reply {
    let started = Instant::now();
    loop {
        match bus.ask::<V>(question, ASK).await {
            Ok(answer) => return answer,
            // The mapper begins to listen a moment after it was spawned.
            Err(bus::ControlFailure::NoResponders { .. }) if started.elapsed() < ASK => {
                tokio::time::sleep(ASK_EVERY).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Writes people as the mapper stores them, and their desired states under the policy.
async fn fill(url: &str, people: usize) {
    let store = Store::open::<mapper::MapperMigrator>(url).await.expect("a database");
    // These rows need not survive a crash: to wait for the disk after each statement would take longer than all plans.
    store.writer().execute_unprepared("PRAGMA synchronous = OFF").await.expect("a setting");
    let policy = Policy::parse(POLICY, "zscaler.yaml").expect("the ready-made policy is right");
    let mut hash = Sha256::new();
    hash.update(policy.target());
    hash.update([0]);
    hash.update(policy.fingerprint());
    let with = hex::encode(&hash.finalize()[..16]);
    let now = OffsetDateTime::now_utc();
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    for first in (0..people).step_by(ROWS_PER_STATEMENT) {
        let (mut identities, mut desired) = (Vec::new(), Vec::new());
        for n in first..people.min(first + ROWS_PER_STATEMENT) {
            let key = format!("E-{n:07}");
            let mut identity = PersonRecord::default();
            identity.merge(&joined(&key, n, now), u64::try_from(n).expect("a small number"), 0);
            let micros = lifecycle::unix_micros(now);
            let view = identity.view(&key, micros);
            let subject =
                DecisionSubject { identity: &view, groups: &[], manager: None, seed: RandomSeed([0; 32]) };
            let account = decide_person(&subject, &policy, now).account().expect("everybody is in scope");
            let json = serde_json::to_string(&DesiredState::User(account)).expect("plain data");
            let state = serde_json::to_string(&identity).expect("plain data");
            identities.push(format!("({}, 1, {}, NULL, '{with}', NULL)", text(&key), text(&state)));
            desired.push(format!("('zscaler', 'user', {}, 1, 'active', {})", text(&key), text(&json)));
        }
        for sql in [
            format!(
                "INSERT INTO mapper_identities (key, revision, state, next_due_at, evaluated_with, manager) VALUES {}",
                identities.join(",")
            ),
            format!(
                "INSERT INTO mapper_desired (target, kind, subject, revision, state, desired) VALUES {}",
                desired.join(",")
            ),
        ] {
            store.writer().execute_unprepared(&sql).await.expect("rows are written");
        }
    }
}

fn joined(key: &str, n: usize, now: OffsetDateTime) -> Event {
    let attributes = json!({
        "userPrincipalName": format!("person.{n}@example.com"), "mail": format!("person.{n}@example.com"),
        "givenName": format!("Given{}", n % 977), "surname": format!("Family{}", n % 4_931),
        "displayName": format!("Given{} Family{}", n % 977, n % 4_931), "department": format!("D-{}", n % 100),
        "employeeType": "Employee", "jobTitle": format!("Title {}", n % 37),
    });
    let at = now - time::Duration::days(30);
    Event {
        id: EventId::of("bench", key),
        source: "bench".to_owned(),
        source_event_id: key.to_owned(),
        kind: EventKind::WorkerJoined,
        subject: key.to_owned(),
        time: at,
        effective_at: at,
        accepted_at: at,
        sender: String::new(),
        dated: None,
        attributes: serde_json::from_value(attributes).expect("a map of texts"),
        members: None,
        feed: None,
        withdraws: false,
        unread: Vec::new(),
    }
}

/// Resets `VmHWM` to the current resident size: filling the database is no part of a plan.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux lets a process forget its own peak");
}

/// Returns `VmHWM` of this process, in MiB: its peak resident size.
fn resident_mib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() / 1024
}
