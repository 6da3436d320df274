//! Random faults.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::world::wait_for_level;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::installation::Installation;

/// Duration of a pause.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 1_000..=3_000;
const SOON: Duration = Duration::from_secs(120);

/// The faults of a run: the random source, and the number of each kind.
pub struct Faults {
    random: StdRng,
    pub counts: BTreeMap<&'static str, usize>,
}

impl Faults {
    pub fn new(seed: u64) -> Self {
        // Other random numbers than those of the news.
        Self { random: StdRng::seed_from_u64(seed.rotate_left(32) ^ 0xfa17), counts: BTreeMap::new() }
    }

    /// Kills or pauses one process. A killed one is restarted at once, without waiting for it.
    pub async fn strike(&mut self, installation: &mut Installation) {
        let pause = Duration::from_millis(self.random.random_range(PAUSE_MS));
        let replica = self.random.random_range(0..installation.replicas.len());
        let broker = self.random.random_range(0..installation.brokers.servers.len());
        match self.random.random_range(0..100) {
            0..45 => {
                self.note("kills of services", &installation.replicas[replica].name);
                installation.replicas[replica].kill_and_restart().await;
            }
            45..65 => {
                self.note("pauses of services", &installation.replicas[replica].name);
                installation.replicas[replica].pause();
                tokio::time::sleep(pause).await;
                installation.replicas[replica].resume();
            }
            65..80 => {
                one_broker_at_a_time(installation).await;
                self.note("kills of brokers", &broker.to_string());
                tokio::task::block_in_place(|| installation.brokers.servers[broker].restart());
            }
            80..90 => {
                one_broker_at_a_time(installation).await;
                self.note("pauses of brokers", &broker.to_string());
                installation.brokers.servers[broker].pause();
                tokio::time::sleep(pause).await;
                installation.brokers.servers[broker].resume();
            }
            _ => {
                self.note("kills of PostgreSQL", "");
                tokio::task::block_in_place(|| installation.database.restart());
            }
        }
    }

    fn note(&mut self, kind: &'static str, what: &str) {
        *self.counts.entry(kind).or_default() += 1;
        eprintln!("{kind}: {what}");
    }
}

/// Waits until all brokers are up to date, because streams with three replicas tolerate the loss of only one.
async fn one_broker_at_a_time(installation: &mut Installation) {
    wait_for_level("all brokers are whole", SOON, async || {
        installation.revive();
        installation.brokers_are_whole().await
    })
    .await
    .unwrap();
}
