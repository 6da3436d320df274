//! Two replicas of each service on three brokers and PostgreSQL, which are killed and paused at random while people join, move,
//! leave and return.
//!
//! `USHER_SEED` sets the events and the faults, `USHER_KILLS` the number of faults: `make soak-cluster`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;
mod installation;
mod news;
mod replica;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use harness::reader::ServerDirectory;
use harness::world::{IntakeReceipt, level_reached, wait_for_level};
use serde_json::Value;

use faults::Faults;
use installation::{Installation, SmallStream};
use news::News;

const KILLS: u64 = 20;
const SEED: u64 = 11;
const SOON: Duration = Duration::from_secs(180);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}

/// Accepted events by the person or group that they are about.
#[derive(Default)]
struct AcceptedEvents(BTreeMap<String, BTreeSet<String>>);

impl AcceptedEvents {
    fn note(&mut self, subjects: &[String], receipt: &IntakeReceipt) {
        let events = receipt.body["accepted"].as_array().unwrap();
        assert_eq!(events.len(), subjects.len(), "{}", receipt.body);
        for (event, subject) in events.iter().zip(subjects) {
            let id = event["id"].as_str().unwrap().to_owned();
            self.0.entry(subject.clone()).or_default().insert(id);
        }
    }

    fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Returns the events that no timeline contains.
    async fn lost(&self, installation: &Installation) -> anyhow::Result<BTreeSet<&String>> {
        let mut lost: BTreeSet<&String> = BTreeSet::new();
        for (subject, events) in &self.0 {
            let trace = installation.console.trace(subject).await?;
            let known: BTreeSet<&str> = trace.iter().filter_map(|entry| entry["event"].as_str()).collect();
            lost.extend(events.iter().filter(|event| !known.contains(event.as_str())));
        }
        Ok(lost)
    }
}

/// Returns the keys of the people and groups that the events are about.
fn subjects(events: &[harness::CloudEventMessage]) -> Vec<String> {
    let subject = |event: &harness::CloudEventMessage| {
        let text = event.value()["subject"].as_str().unwrap();
        text.split_once('/').unwrap().1.to_owned()
    };
    events.iter().map(subject).collect()
}

/// Sends the next portion during a fault, and waits until the target has received part of it.
async fn step(
    installation: &mut Installation,
    news: &mut News,
    faults: &mut Faults,
    accepted: &mut AcceptedEvents,
    number: usize,
) {
    let events = news.next();
    let subjects = subjects(&events);
    let feed = installation.feeds[number % installation.feeds.len()].clone();
    let seen = installation.sandbox.ledger().len();
    let saying = tokio::spawn(async move { feed.batch(&events).await });
    faults.strike(installation).await;
    wait_for_level("the target sees something of it", SOON, async || {
        installation.revive();
        level_reached(saying.is_finished() && installation.sandbox.ledger().len() > seen, "nothing yet")
    })
    .await
    .unwrap();
    accepted.note(&subjects, &saying.await.unwrap().unwrap());
}

/// Returns an error with the leavers whose accounts at the target are active.
fn with_access(news: &News, directory: &ServerDirectory) -> anyhow::Result<()> {
    let expected = news.expected();
    let leavers = expected.users.values().filter(|user| !user.active).map(|user| &user.user_name);
    let is_on = |name: &&String| {
        directory.users.get(&name.to_lowercase()).is_some_and(|account| account.active != Some(false))
    };
    let on: Vec<&String> = leavers.filter(is_on).collect();
    anyhow::ensure!(on.is_empty(), "leavers with access: {on:?}");
    Ok(())
}

/// Waits until everything is at rest and as expected.
async fn ends_right(installation: &mut Installation, news: &News, accepted: &AcceptedEvents) {
    installation.whole().await;
    let status = installation.console.settled(SOON).await.unwrap();
    assert_eq!(status.stuck(), 0, "{status:?}");
    // An outbox may still hold messages that are in no queue: only the target shows when they have arrived.
    wait_for_level("the target is right", SOON, async || {
        let directory = installation.directory().await?;
        with_access(news, &directory)?;
        let differences = news.expected().differences(&directory);
        anyhow::ensure!(differences.is_empty(), "{differences}");
        anyhow::Ok(())
    })
    .await
    .unwrap();
    let creates = installation.sandbox.ledger().creates_by_external_id();
    let twice: Vec<_> = creates.into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(twice.is_empty(), "created more than once: {twice:?}");
    assert!(installation.console.dead("open").await.unwrap().is_empty());
    wait_for_level("every accepted event is in a timeline", SOON, async || {
        let lost = accepted.lost(installation).await?;
        anyhow::ensure!(lost.is_empty(), "lost: {lost:?}");
        anyhow::Ok(())
    })
    .await
    .unwrap();
    nobody_is_listed_with_access(installation).await;
}

/// Checks that `usher leavers` lists no person, and that `usher status --check` succeeds.
async fn nobody_is_listed_with_access(installation: &Installation) {
    wait_for_level("all departures are proven", SOON, async || {
        let output = installation.usher(&["leavers", "--json"]).await;
        let text = String::from_utf8_lossy(&output.stdout);
        let reply: Value = serde_json::from_str(&text)?;
        let listed = reply["items"].as_array().map_or(usize::MAX, Vec::len);
        anyhow::ensure!(listed == 0, "{listed} listed: {text}");
        anyhow::Ok(())
    })
    .await
    .unwrap();
    let output = installation.usher(&["status", "--check"]).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.starts_with("Leavers with access: 0\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kills_and_pauses_of_every_part_of_a_cluster_lose_nothing_and_leave_no_leaver_with_access() {
    let seed = number("USHER_SEED").unwrap_or(SEED);
    let kills = usize::try_from(number("USHER_KILLS").unwrap_or(KILLS)).unwrap();
    let began = Instant::now();
    let Some(mut installation) = Installation::start(seed, None).await else { return };
    eprintln!("started after {:.1} s; USHER_SEED={seed}", began.elapsed().as_secs_f64());
    let (mut news, mut faults) = (News::new(seed, kills), Faults::new(seed));
    let mut accepted = AcceptedEvents::default();
    for number in 0..kills {
        step(&mut installation, &mut news, &mut faults, &mut accepted, number).await;
    }
    eprintln!("{:?} after {:.1} s", faults.counts, began.elapsed().as_secs_f64());
    ends_right(&mut installation, &news, &accepted).await;
    let ended: usize = installation.replicas.iter().map(|replica| replica.ended_by_itself).sum();
    eprintln!(
        "{} events, {} leavers, {} requests; {ended} processes ended by themselves; right after {:.1} s",
        accepted.len(),
        news.leavers(),
        installation.sandbox.ledger().len(),
        began.elapsed().as_secs_f64()
    );
}

/// Sends half of the news while everything runs. Sends the rest while `service` is down and one of the mappers is killed from
/// time to time, until the stream is full and some time after. Then `meanwhile` must hold, the service comes back, and
/// everything ends as expected.
async fn a_stream_is_full(
    small: SmallStream,
    service: &str,
    meanwhile: impl AsyncFn(&Installation, &News) -> anyhow::Result<()>,
) {
    const PORTIONS: usize = 30;
    let seed = number("USHER_SEED").unwrap_or(SEED);
    let Some(mut installation) = Installation::start(seed, Some(small)).await else { return };
    let (mut news, mut accepted) = (News::new(seed, PORTIONS), AcceptedEvents::default());
    for portion in 0..PORTIONS {
        if portion == PORTIONS / 2 {
            installation.console.settled(SOON).await.unwrap();
            for replica in installation.of(service) {
                replica.stop().await;
            }
        }
        let events = news.next();
        let receipt = installation.feeds[portion % 2].batch(&events).await.unwrap();
        accepted.note(&subjects(&events), &receipt);
        if portion > PORTIONS / 2 && portion % 3 == 0 {
            let mapper = installation.of("mapper").nth(portion % 2).unwrap();
            mapper.kill_and_restart().await;
        }
    }
    let full = wait_for_level("the stream is full", SOON, async || installation.is_full(small).await);
    full.await.unwrap();
    let holds =
        wait_for_level("what has to hold meanwhile", SOON, async || meanwhile(&installation, &news).await);
    holds.await.unwrap();
    installation.of(service).for_each(replica::Replica::start_again);
    ends_right(&mut installation, &news, &accepted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn leavers_are_off_while_journal_is_full_and_mappers_are_killed() {
    let small = SmallStream { stream: "JOURNAL", bytes: 96 << 10 };
    a_stream_is_full(small, "console", async |installation, news| {
        with_access(news, &installation.directory().await?)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_full_commands_stream_refuses_arrives_when_the_writers_are_back() {
    let small = SmallStream { stream: "COMMANDS", bytes: 48 << 10 };
    a_stream_is_full(small, "writer", async |_, _| Ok(())).await;
}
