//! Random histories of employment through the whole pipeline: the target ends as the documentation says, in any order of
//! delivery.
//!
//! The histories and the reference are those of the test of the pure function. `USHER_SEED` selects the histories,
//! `USHER_HISTORIES` sets their number.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod person;
#[allow(dead_code, reason = "the test of the pure function uses more of it")]
#[path = "../../../../crates/lifecycle/tests/employment_reference/shared.rs"]
mod shared;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use edge::TokenHash;
use harness::world::{EventPoster, TARGET, now, policy_yaml};
use harness::{UsherWorld, WorldOptions};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Map, Value, json};
use shared::{history, mutation, reference, statements, voice};

use history::Random;
use person::{Person, Right, SENDERS};

/// Number of histories for each setting of the senders with authority over employment.
const HISTORIES: u64 = 1_000;
const SEED: u64 = 11;
/// Number of people whose statements are interleaved.
const MIXED: usize = 100;
const BATCH: usize = 250;
const SOON: Duration = Duration::from_secs(240);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}

async fn world(named: Option<&[String]>) -> UsherWorld {
    let source = |name: &str| json!({ "name": name, "token": TokenHash::of(&token(name)).to_string(), "may": "everything" });
    let gateway = Map::from_iter([("sources".to_owned(), json!(SENDERS.map(source)))]);
    let mut mapper = Map::new();
    if let Some(named) = named {
        mapper.insert("people".to_owned(), json!({ "employment": named }));
    }
    // Half of the company leaves, which the guard would rightly hold.
    let policy = Some(format!("guard: {{ percent: 100 }}\n{}", policy_yaml(TARGET)));
    let usher = env!("CARGO_BIN_EXE_usher");
    UsherWorld::start(WorldOptions { policy, gateway, mapper, ..WorldOptions::new(usher) }).await.unwrap()
}

fn token(sender: &str) -> String {
    format!("token-of-{sender}")
}

/// Posts the statements about these people, interleaved, with the token of each sender.
async fn post(world: &UsherWorld, people: &mut [Person], order: &mut StdRng) {
    let today = (now() - time::Duration::HOUR).replace_nanosecond(0).unwrap();
    let mut all: Vec<(usize, usize)> = people
        .iter()
        .enumerate()
        .flat_map(|(person, of)| (0..of.history.said.len()).map(move |index| (person, index)))
        .collect();
    all.shuffle(order);
    let mut delivered: Vec<Vec<usize>> = vec![Vec::new(); people.len()];
    for portion in all.chunks(BATCH) {
        for sender in SENDERS {
            let addresses = world.usher.addresses();
            let feed = EventPoster::new(world.http().clone(), addresses, token(sender));
            let mut events: Vec<Value> = Vec::new();
            for (person, index) in portion {
                let (by, event) = people[*person].event(*index, today);
                if by == sender {
                    delivered[*person].push(*index);
                    events.push(event);
                }
            }
            if !events.is_empty() {
                feed.values(&events).await.unwrap();
            }
        }
    }
    let feed = EventPoster::new(world.http().clone(), world.usher.addresses(), token(SENDERS[0]));
    let values: Vec<Value> = people.iter().map(|person| person.values(today)).collect();
    feed.values(&values).await.unwrap();
    for (person, order) in people.iter_mut().zip(&delivered) {
        person.delivered(order);
    }
}

/// Returns the differences between the target and the documented result.
async fn differences(world: &UsherWorld, people: &[Person]) -> Vec<String> {
    let directory = world.directory().await.unwrap();
    let mut differences = directory.problems.clone();
    for person in people {
        let is_active = directory.users.get(&person.login()).is_some_and(|user| user.active != Some(false));
        if is_active != (person.right() == Right::Active) {
            let is = if is_active { "active" } else { "off" };
            differences.push(format!(
                "{is} at the target, {:?} is right: {}",
                person.right(),
                person.shown()
            ));
        }
    }
    differences
}

async fn end_as_the_page_says(named: Option<&[String]>) {
    let seed = number("USHER_SEED").unwrap_or(SEED);
    let count = usize::try_from(number("USHER_HISTORIES").unwrap_or(HISTORIES)).unwrap();
    let began = Instant::now();
    let world = world(named).await;
    let (mut random, mut order) = (Random(seed), StdRng::seed_from_u64(seed));
    let mut people: Vec<Person> =
        (0..count).map(|number| Person::random(number, &mut random, &mut order, named)).collect();
    for mixed in people.chunks_mut(MIXED) {
        post(&world, mixed, &mut order).await;
    }
    let posted = began.elapsed();
    let status = world.settled(SOON).await.unwrap();
    let differences = differences(&world, &people).await;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for person in &people {
        *counts.entry(if person.right() == Right::Active { "active" } else { "off" }).or_default() += 1;
    }
    let statements: usize = people.iter().map(|person| person.history.said.len()).sum();
    let otherwise: usize = people.iter().map(|person| person.said_otherwise).sum();
    eprintln!(
        "{statements} statements ({otherwise} said otherwise) about {count} people: {counts:?}; posted after {:.1} s, right after {:.1} s",
        posted.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    let shown = differences.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        differences.is_empty(),
        "{} of {count} differ with USHER_SEED={seed}:\n{shown}",
        differences.len()
    );
    assert_eq!(status.stuck(), 0, "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_of_two_senders_end_at_the_target_as_the_page_says() {
    end_as_the_page_says(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_end_as_the_page_says_where_one_sender_has_authority_over_employment() {
    end_as_the_page_says(Some(&["hr".to_owned()])).await;
}
