//! SIGKILL of every process, while events flow.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use harness::world::{TARGET, level_reached, now, policy_yaml, wait_for_level};
use harness::{
    CloudEventMessage, CompanyHistory, PopulationShape, SamplePopulation, UsherWorld, WorldOptions,
};

const PROCESS_KILLS: usize = 20;
const BROKER_KILLS: usize = 5;
const SEED: u64 = 0x5ca1_ab1e;
const SOON: Duration = Duration::from_secs(120);

/// Returns about 2,000 events: all people join, many move, some leave, some of those return; groups in between.
fn history() -> (CompanyHistory, Vec<CloudEventMessage>) {
    let company = SamplePopulation::generate(PopulationShape {
        people: 1_000,
        departments: 40,
        groups: 30,
        seed: SEED,
    });
    let mut history = CompanyHistory::new("hr", company, now());
    let people = history.keys();
    let mut events: Vec<CloudEventMessage> = people.iter().map(|key| history.hire(key)).collect();
    events.extend(history.group_keys().iter().map(|key| history.group_upserted(key)));
    events
        .extend(people.iter().enumerate().filter(|(i, _)| i % 5 < 3).map(|(i, key)| history.move_on(key, i)));
    events.extend(people.iter().step_by(4).map(|key| history.leave(key)));
    events.extend(people.iter().step_by(8).enumerate().map(|(i, key)| history.rehire(key, i)));
    (history, events)
}

/// Returns pseudo-random moments that differ from each other but not between runs.
fn moments(count: usize, within: usize) -> Vec<usize> {
    let mut state = SEED;
    let mut out: Vec<usize> = (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % within
        })
        .collect();
    out.sort_unstable();
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_25_moments_loses_nothing_and_creates_nobody_twice() {
    // A quarter of the company leaves within a minute, which the guard would rightly hold.
    let policy = format!("guard: {{ percent: 100 }}\n{}", policy_yaml(TARGET));
    let options = WorldOptions { policy: Some(policy), ..WorldOptions::new(env!("CARGO_BIN_EXE_usher")) };
    let mut world = UsherWorld::start(options).await.unwrap();
    let (history, events) = history();
    assert!(events.len() >= 2_000, "{}", events.len());
    let feed = world.feed.clone();
    let feeding = tokio::spawn(async move {
        for chunk in events.chunks(20) {
            feed.batch(chunk).await.unwrap();
        }
    });

    // A kill happens after a number of requests at the target: about as many as the joiners alone need.
    let kills = moments(PROCESS_KILLS + BROKER_KILLS, 1_500);
    for (i, at) in kills.into_iter().enumerate() {
        let seen = || usize::try_from(world.sandbox().ledger().len()).unwrap();
        wait_for_level("progress", SOON, async || {
            level_reached(seen() >= at, format!("{} of {at} requests", seen()))
        })
        .await
        .unwrap();
        if i % 5 == 4 {
            world.usher.kill9_nats().unwrap();
        } else {
            world.usher.kill9().await.unwrap();
            world.usher.restart().await.unwrap();
        }
    }

    feeding.await.unwrap();
    let status = world.settled(SOON).await.unwrap();
    assert_eq!(status.stuck(), 0, "{status:?}");
    let differences = world.differences(&history.expected()).await.unwrap();
    assert!(differences.is_empty(), "{differences}");
    let twice: Vec<_> = world
        .sandbox()
        .ledger()
        .creates_by_external_id()
        .into_iter()
        .filter(|(_, creates)| *creates > 1)
        .collect();
    assert!(twice.is_empty(), "created more than once: {twice:?}");
    assert!(world.console.dead("open").await.unwrap().is_empty());
}
