//! Damage to streams and consumers that the services do not notice when it happens.

use async_nats::jetstream::stream::{Config, DiscardPolicy, Stream};

use crate::Bus;

async fn stream(bus: &Bus, name: &str) -> Stream {
    bus.jetstream().get_stream(name).await.expect("the stream is there")
}

/// Purges everything in the stream but the newest `keep` messages, as an operator would.
///
/// # Panics
/// Panics if the server refuses.
pub async fn purge(bus: &Bus, name: &str, keep: u64) {
    let stream = stream(bus, name).await;
    let first_kept = stream.cached_info().state.last_sequence + 1 - keep;
    stream.purge().sequence(first_kept).await.expect("the stream can be purged");
}

/// Lets the stream drop everything but the newest `keep` messages, as it does with expired messages. `keep` is at least 1.
///
/// # Panics
/// Panics if the server refuses.
pub async fn drop_oldest(bus: &Bus, name: &str, keep: i64) {
    let stream = stream(bus, name).await;
    let usual = stream.cached_info().config.clone();
    let small = Config { max_messages: keep, discard: DiscardPolicy::Old, ..usual.clone() };
    for config in [small, usual] {
        bus.jetstream().update_stream(&config).await.expect("the stream can be changed");
    }
}

/// Deletes a durable consumer.
///
/// # Panics
/// Panics if the server refuses.
pub async fn delete_consumer(bus: &Bus, name: &str, durable: &str) {
    stream(bus, name).await.delete_consumer(durable).await.expect("the consumer can be deleted");
}
