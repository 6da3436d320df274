//! Tests that any number of mappers may share a database.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use store::testing::{sqlite_database, test_databases};

use crate::shuffle::{histories, scoped};
use crate::world::{EVERYBODY, World};

#[tokio::test(flavor = "multi_thread")]
async fn three_mappers_on_one_database_lose_nothing() {
    let config = Config { rng_seed: RngSeed::Fixed(11), ..Config::default() };
    let mut runner = TestRunner::new(config);
    for database in test_databases() {
        let name = database.name;
        let history = histories().new_tree(&mut runner).unwrap().current();
        let mut alone = World::new(sqlite_database(), EVERYBODY).await;
        scoped(&alone).await;
        alone.start_mapper().await;
        alone.send(&history).await;
        alone.settle().await;

        let mut together = World::new(database, EVERYBODY).await;
        scoped(&together).await;
        for _ in 0..3 {
            together.start_mapper().await;
        }
        // Events are sent one by one, so that the mappers get batches that overlap in people and groups.
        for event in &history {
            together.send(std::slice::from_ref(event)).await;
        }
        together.settle().await;
        assert_eq!(alone.access(), together.access(), "{name}");
        alone.stop_mappers().await;
        together.stop_mappers().await;
    }
}
