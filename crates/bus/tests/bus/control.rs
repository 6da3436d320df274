//! Operator requests: an answer, a refusal, or the certainty that no replica serves them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bus::{ControlFailure, VERB_ACCEPTED_MAX, VERB_RUNNING_MAX, VerbServer};
use lifecycle::{ControlError, OperatorVerb, VerbRight, VerbService};
use telemetry::Shutdown;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(20);

macro_rules! test_verbs {
    ($($verb:ident $name:literal $request:ty => $reply:ty;)+) => {
        $(
            enum $verb {}

            impl OperatorVerb for $verb {
                const SERVICE: VerbService = VerbService::Writer;
                const NAME: &'static str = $name;
                const RIGHT: VerbRight = VerbRight::Read;
                type Request = $request;
                type Reply = $reply;
            }
        )+
    };
}

test_verbs! {
    SumVerb "sum" Vec<u32> => u32;
    MultiplyVerb "multiply" Vec<u32> => u32;
    SumOfTextVerb "sum" String => u32;
    SumAsTextVerb "sum" Vec<u32> => String;
    LargeVerb "large" () => String;
    SilenceVerb "silence" () => ();
    FailingVerb "failing" () => ();
    PanickingVerb "panicking" () => ();
    SlowVerb "slow" () => ();
}

/// The state that the handlers share.
#[derive(Default)]
struct TestState {
    /// The number of slow requests that were begun.
    begun: AtomicUsize,
    begin: Notify,
    /// Slow requests end when they get a permit.
    end: Option<Semaphore>,
}

impl TestState {
    async fn be_slow(&self) -> Result<(), ControlError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.begin.notify_one();
        if let Some(end) = &self.end {
            end.acquire().await.unwrap().forget();
        }
        Ok(())
    }

    async fn until_begun(&self, count: usize) {
        while self.begun.load(Ordering::SeqCst) < count {
            self.begin.notified().await;
        }
    }
}

/// Serves the verbs of this file until the shutdown.
async fn serve(world: &World, state: &Arc<TestState>, shutdown: &Shutdown) {
    let server = VerbServer::<TestState, ControlError>::new(VerbService::Writer, |error: ControlError| error)
        .on::<SumVerb, _, _>(|_, numbers| async move { Ok(numbers.iter().sum()) })
        .on::<LargeVerb, _, _>(|_, ()| async { Ok("x".repeat(2 << 20)) })
        .on::<SilenceVerb, _, _>(|_, ()| std::future::pending())
        .on::<FailingVerb, _, _>(|_, ()| async { Err(ControlError::refused("it cannot be done")) })
        .on::<PanickingVerb, _, _>(|_, ()| async { panic!("a panic of a handler") })
        .on::<SlowVerb, _, _>(|state, ()| async move { state.be_slow().await });
    let (state, shutdown) = (Arc::clone(state), shutdown.clone());
    let requests = world.bus.serve("writer").await.unwrap();
    tokio::spawn(async move { server.run(state, requests, &shutdown).await });
}

fn slow_until_permitted() -> Arc<TestState> {
    Arc::new(TestState { end: Some(Semaphore::new(0)), ..TestState::default() })
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, ControlFailure>) -> String {
    match answer {
        Err(ControlFailure::Refused { error, .. }) => error.message,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_control_request_is_answered_refused_or_known_to_reach_nobody() {
    let world = World::new(|_| ()).await;
    let bus = world.bus.clone();
    let nobody = bus.ask::<SumVerb>(&vec![], PATIENCE).await;
    assert!(matches!(nobody, Err(ControlFailure::NoResponders { .. })), "{nobody:?}");
    let shutdown = Shutdown::default();
    serve(&world, &Arc::default(), &shutdown).await;
    assert_eq!(bus.ask::<SumVerb>(&vec![1, 2, 3], PATIENCE).await.unwrap(), 6);
    let unknown = bus.ask::<MultiplyVerb>(&vec![1], PATIENCE).await.unwrap_err();
    assert_eq!(unknown.to_string(), "writer refused: the writer has no verb `multiply`");
    let unreadable = refusal(bus.ask::<SumOfTextVerb>(&"text".to_owned(), PATIENCE).await);
    assert!(unreadable.contains("the question of `sum` cannot be read"), "{unreadable}");
    let large = refusal(bus.ask::<LargeVerb>(&(), PATIENCE).await);
    assert!(large.contains("is too large"), "{large}");
    let silent = bus.ask::<SilenceVerb>(&(), Duration::from_millis(100)).await;
    assert!(matches!(silent, Err(ControlFailure::Timeout { .. })), "{silent:?}");
    let other = bus.ask::<SumAsTextVerb>(&vec![1], PATIENCE).await;
    assert!(matches!(other, Err(ControlFailure::Decode { .. })), "{other:?}");
    shutdown.soft.cancel();
    shutdown.hard.cancel();
}

#[tokio::test]
async fn an_error_and_a_panic_of_a_handler_are_answers() {
    let world = World::new(|_| ()).await;
    let shutdown = Shutdown::default();
    serve(&world, &Arc::default(), &shutdown).await;
    assert_eq!(refusal(world.bus.ask::<FailingVerb>(&(), PATIENCE).await), "it cannot be done");
    let panicked = refusal(world.bus.ask::<PanickingVerb>(&(), PATIENCE).await);
    assert_eq!(panicked, "the writer failed at `panicking`: look at its log");
    assert_eq!(
        world.bus.ask::<SumVerb>(&vec![1, 2], PATIENCE).await.unwrap(),
        3,
        "it answers others after it"
    );
    shutdown.soft.cancel();
}

#[tokio::test]
async fn slow_requests_of_one_verb_are_bounded_and_delay_no_other_verb() {
    let world = World::new(|_| ()).await;
    let (state, shutdown) = (slow_until_permitted(), Shutdown::default());
    serve(&world, &state, &shutdown).await;
    let mut slow = JoinSet::new();
    for _ in 0..VERB_ACCEPTED_MAX + 2 {
        let bus = world.bus.clone();
        slow.spawn(async move { bus.ask::<SlowVerb>(&(), PATIENCE).await });
    }
    // Only the two beyond the bound are answered before any of the others may end.
    for _ in 0..2 {
        let busy = refusal(slow.join_next().await.unwrap().unwrap());
        assert_eq!(busy, "64 requests of `slow` are under way; try again");
    }
    state.until_begun(VERB_RUNNING_MAX).await;
    assert_eq!(world.bus.ask::<SumVerb>(&vec![1, 2], PATIENCE).await.unwrap(), 3);
    assert_eq!(state.begun.load(Ordering::SeqCst), VERB_RUNNING_MAX, "no more run at the same time");
    state.end.as_ref().unwrap().add_permits(VERB_ACCEPTED_MAX);
    while let Some(answer) = slow.join_next().await {
        answer.unwrap().unwrap();
    }
    shutdown.soft.cancel();
}

#[tokio::test]
async fn a_request_under_way_at_shutdown_is_answered() {
    let world = World::new(|_| ()).await;
    let (state, shutdown) = (slow_until_permitted(), Shutdown::default());
    serve(&world, &state, &shutdown).await;
    let bus = world.bus.clone();
    let asked = tokio::spawn(async move { bus.ask::<SlowVerb>(&(), PATIENCE).await });
    state.until_begun(1).await;
    shutdown.soft.cancel();
    // The subscription ends first, so that other replicas receive what is asked from now on.
    while !matches!(
        world.bus.ask::<SumVerb>(&vec![1], PATIENCE).await,
        Err(ControlFailure::NoResponders { .. })
    ) {}
    state.end.as_ref().unwrap().add_permits(1);
    asked.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replica_answers_and_goes_on_after_the_server_was_killed() {
    let mut world = World::new(|_| ()).await;
    let shutdown = Shutdown::default();
    for _ in 0..2 {
        serve(&world, &Arc::default(), &shutdown).await;
    }
    assert_eq!(world.bus.ask::<SumVerb>(&vec![1], PATIENCE).await.unwrap(), 1);
    world.server.restart();
    // The first request may reach the new server before the subscription does, or be lost with the old one.
    while world.bus.ask::<SumVerb>(&vec![1], PATIENCE).await.is_err() {}
    assert_eq!(world.bus.ask::<SumVerb>(&vec![1], PATIENCE).await.unwrap(), 1);
    world.restart();
    shutdown.soft.cancel();
}
