//! Operator requests: an answer, a refusal, or the certainty that no replica serves them.

use std::time::Duration;

use bus::ControlFailure;
use lifecycle::ControlError;

use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_control_request_is_answered_refused_or_known_to_reach_nobody() {
    let world = World::new(|_| ()).await;
    let bus = world.bus.clone();
    let nobody = bus.request::<_, ()>("writer", "status", &(), PATIENCE).await;
    assert!(matches!(nobody, Err(ControlFailure::NoResponders { .. })), "{nobody:?}");

    let mut server = bus.serve("writer").await.unwrap();
    let served = tokio::spawn(async move {
        while let Some(request) = server.next().await {
            assert!(request.trace.is_some());
            match (request.verb.as_str(), request.question::<Vec<u32>>()) {
                ("sum", Ok(numbers)) => request.reply(&numbers.iter().sum::<u32>()).await,
                ("large", _) => request.reply(&"x".repeat(2 << 20)).await,
                ("silence", _) => drop(request),
                (_, Ok(_)) => request.refuse(ControlError::refused("no such verb")).await,
                (_, Err(error)) => request.refuse(error).await,
            }
        }
    });
    assert_eq!(bus.request::<_, u32>("writer", "sum", &[1, 2, 3], PATIENCE).await.unwrap(), 6);
    let refused = bus.request::<_, u32>("writer", "multiply", &[1], PATIENCE).await.unwrap_err();
    assert_eq!(refused.to_string(), "writer refused: no such verb");
    let unreadable = bus.request::<_, u32>("writer", "sum", &"text", PATIENCE).await;
    assert!(matches!(unreadable, Err(ControlFailure::Refused { .. })), "{unreadable:?}");
    let large = bus.request::<_, String>("writer", "large", &[1], PATIENCE).await;
    assert!(matches!(large, Err(ControlFailure::Refused { .. })), "{large:?}");
    let silent = bus.request::<_, u32>("writer", "silence", &[1], Duration::from_millis(100)).await;
    assert!(matches!(silent, Err(ControlFailure::Timeout { .. })), "{silent:?}");
    let other = bus.request::<_, String>("writer", "sum", &[1], PATIENCE).await;
    assert!(matches!(other, Err(ControlFailure::Decode { .. })), "{other:?}");
    served.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replica_answers_and_goes_on_after_the_server_was_killed() {
    let mut world = World::new(|_| ()).await;
    for _ in 0..2 {
        let mut server = world.bus.serve("writer").await.unwrap();
        tokio::spawn(async move {
            while let Some(request) = server.next().await {
                request.reply(&"done").await;
            }
        });
    }
    let ask = || world.bus.request::<_, String>("writer", "status", &(), PATIENCE);
    assert_eq!(ask().await.unwrap(), "done");
    world.server.restart();
    let ask = || world.bus.request::<_, String>("writer", "status", &(), PATIENCE);
    // The first request may reach the new server before the subscription does, or be lost with the old one.
    while ask().await.is_err() {}
    assert_eq!(ask().await.unwrap(), "done");
    world.restart();
}
