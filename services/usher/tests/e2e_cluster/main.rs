//! Two replicas of each service on three brokers and PostgreSQL, which are killed and paused at random while people join, move,
//! leave and come back.
//!
//! `USHER_SEED` sets what happens and what goes wrong, `USHER_KILLS` how often something goes wrong: `make soak-cluster`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;
mod installation;
mod news;
mod replica;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use harness::world::{Receipt, wait_for_level, yes};
use serde_json::Value;

use faults::Faults;
use installation::Installation;
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
    fn note(&mut self, subjects: &[String], receipt: &Receipt) {
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

    /// Those that no timeline knows.
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

/// Says the next portion while something goes wrong, and waits until the target has seen something of it.
async fn step(
    installation: &mut Installation,
    news: &mut News,
    faults: &mut Faults,
    accepted: &mut AcceptedEvents,
    number: usize,
) {
    let events = news.next();
    let subject = |event: &harness::CloudEvent| {
        let text = event.value()["subject"].as_str().unwrap();
        text.split_once('/').unwrap().1.to_owned()
    };
    let subjects: Vec<String> = events.iter().map(subject).collect();
    let feed = installation.feeds[number % installation.feeds.len()].clone();
    let seen = installation.sandbox.ledger().len();
    let saying = tokio::spawn(async move { feed.batch(&events).await });
    faults.strike(installation).await;
    wait_for_level("the target sees something of it", SOON, async || {
        installation.revive();
        yes(saying.is_finished() && installation.sandbox.ledger().len() > seen, "nothing yet")
    })
    .await
    .unwrap();
    accepted.note(&subjects, &saying.await.unwrap().unwrap());
}

/// Everything is at rest and as it must be.
async fn ends_right(installation: &mut Installation, news: &News, accepted: &AcceptedEvents) {
    installation.whole().await;
    let status = installation.console.settled(SOON).await.unwrap();
    assert_eq!(status.stuck(), 0, "{status:?}");
    let (directory, expected) = (installation.directory().await.unwrap(), news.expected());
    let with_access: Vec<&str> = expected
        .users
        .values()
        .filter(|user| !user.active)
        .map(|user| user.user_name.as_str())
        .filter(|name| {
            directory.users.get(&name.to_lowercase()).is_some_and(|account| account.active != Some(false))
        })
        .collect();
    assert!(with_access.is_empty(), "leavers with access: {with_access:?}");
    let differences = expected.differences(&directory);
    assert!(differences.is_empty(), "{differences}");
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

/// `usher leavers` lists nobody, and `usher status --check` is content.
async fn nobody_is_listed_with_access(installation: &Installation) {
    wait_for_level("all departures are proven", SOON, async || {
        let output = installation.usher(&["leavers", "--json"]).await;
        let text = String::from_utf8_lossy(&output.stdout);
        let reply: Value = serde_json::from_str(&text)?;
        let listed = reply["leavers"].as_array().map_or(usize::MAX, Vec::len);
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
    let Some(mut installation) = Installation::start(seed).await else { return };
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
