use super::state::{FAULTS_MAX, OVERTAKEN_MAX, SLOT_LEARNED_MAX};
use super::*;

fn pace(rate: Option<f64>, concurrency_max: usize) -> TargetPace {
    TargetPace { requests_per_second: rate, burst: 1, concurrency_max }
}

async fn queue(pacer: &RequestPacer, lane: Lane, order: &mpsc::UnboundedSender<(Lane, Instant)>) {
    let (pacer, order) = (pacer.clone(), order.clone());
    tokio::spawn(async move {
        let mut permit = pacer.acquire(RequestUrgency::opening(lane)).await;
        permit.spend();
        order.send((lane, Instant::now())).unwrap();
        drop(permit);
    });
    tokio::task::yield_now().await;
}

#[tokio::test(start_paused = true)]
async fn a_leaver_takes_the_next_slot_whatever_is_queued() {
    let pacer = RequestPacer::spawn("test", pace(Some(5.0), 4), &scim::RequestRateLimit::default());
    let (order, mut served) = mpsc::unbounded_channel();
    for _ in 0..200 {
        queue(&pacer, Lane::Joiner, &order).await;
    }
    for _ in 0..10 {
        served.recv().await.unwrap();
    }
    queue(&pacer, Lane::Leaver, &order).await;
    let next: Vec<Lane> = [served.recv().await.unwrap().0, served.recv().await.unwrap().0].into();
    assert!(next.contains(&Lane::Leaver), "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn no_second_has_more_requests_than_the_limit() {
    let pacer = RequestPacer::spawn("test", pace(Some(5.0), 4), &scim::RequestRateLimit::default());
    let (order, mut served) = mpsc::unbounded_channel();
    for _ in 0..50 {
        queue(&pacer, Lane::Mover, &order).await;
    }
    let mut times = Vec::new();
    for _ in 0..50 {
        times.push(served.recv().await.unwrap().1);
    }
    for (i, start) in times.iter().enumerate() {
        let within = times[i..].iter().filter(|t| **t < *start + Duration::from_secs(1)).count();
        assert!(within <= 5, "{within} requests within one second");
    }
    let total = *times.last().unwrap() - times[0];
    assert!(total < Duration::from_secs_f64(49.0 / 5.0 * 1.02), "the limit is used: {total:?}");
}

#[tokio::test(start_paused = true)]
async fn low_lanes_are_served_at_least_once_in_a_while() {
    let pacer = RequestPacer::spawn("test", pace(Some(100.0), 4), &scim::RequestRateLimit::default());
    let (order, mut served) = mpsc::unbounded_channel();
    queue(&pacer, Lane::Leaver, &order).await;
    queue(&pacer, Lane::Backfill, &order).await;
    for _ in 0..100 {
        queue(&pacer, Lane::Leaver, &order).await;
    }
    let mut before = 0;
    while served.recv().await.unwrap().0 != Lane::Backfill {
        before += 1;
    }
    assert!(before <= usize::try_from(OVERTAKEN_MAX).unwrap() + 2, "{before} leavers went first");
}

#[tokio::test(start_paused = true)]
async fn a_pause_stops_everything_and_one_request_goes_first_afterwards() {
    let pacer = RequestPacer::spawn("test", pace(None, 8), &scim::RequestRateLimit::default());
    pacer.hear(TargetSignal::Throttled(Some(Duration::from_secs(7))));
    let begin = Instant::now();
    let probe = pacer.acquire(RequestUrgency::opening(Lane::Mover)).await;
    assert!(begin.elapsed() >= Duration::from_secs(7));
    let second = pacer.acquire(RequestUrgency::opening(Lane::Leaver));
    tokio::pin!(second);
    let waited = tokio::time::timeout(Duration::from_secs(60), &mut second).await;
    assert!(waited.is_err(), "only the probe may be under way");
    assert!(matches!(pacer.circuit(), TargetCircuit::Open { .. }));
    pacer.hear(TargetSignal::Healthy);
    drop(probe);
    second.await;
    assert_eq!(pacer.circuit(), TargetCircuit::Closed);
}

#[tokio::test(start_paused = true)]
async fn single_faults_do_not_open_the_circuit_but_a_storm_does() {
    let pacer = RequestPacer::spawn("test", pace(None, 8), &scim::RequestRateLimit::default());
    for _ in 0..FAULTS_MAX - 1 {
        pacer.hear(TargetSignal::Faulty("reset".into()));
    }
    drop(pacer.acquire(RequestUrgency::opening(Lane::Mover)).await);
    assert_eq!(pacer.circuit(), TargetCircuit::Closed);
    pacer.hear(TargetSignal::Faulty("reset".into()));
    drop(pacer.acquire(RequestUrgency::opening(Lane::Mover)).await);
    assert!(matches!(pacer.circuit(), TargetCircuit::Open { .. }), "until a success is heard");
}

/// Returns the time that `count` successful requests take, one after the other.
async fn time_of(pacer: &RequestPacer, count: u32) -> Duration {
    let begin = Instant::now();
    for _ in 0..count {
        let mut permit = pacer.acquire(RequestUrgency::opening(Lane::Mover)).await;
        permit.spend();
        drop(permit);
        pacer.hear(TargetSignal::Healthy);
    }
    begin.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_target_that_says_429_is_asked_more_slowly_until_it_does_well_again() {
    for published in [Some(100.0), None] {
        let pacer = RequestPacer::spawn("test", pace(published, 4), &scim::RequestRateLimit::default());
        let before = time_of(&pacer, 50).await;
        for _ in 0..5 {
            pacer.hear(TargetSignal::Throttled(Some(Duration::from_millis(1))));
            time_of(&pacer, 1).await;
        }
        let taught = time_of(&pacer, 50).await;
        assert!(taught > before + before / 2, "{published:?}: {taught:?} after {before:?}");
        time_of(&pacer, 2_000).await;
        let healed = time_of(&pacer, 50).await;
        assert!(healed < before + Duration::from_millis(60), "{published:?}: {healed:?} as {before:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn however_often_a_target_says_429_it_is_asked_once_a_minute() {
    let pacer = RequestPacer::spawn("test", pace(Some(5.0), 4), &scim::RequestRateLimit::default());
    for _ in 0..100 {
        pacer.hear(TargetSignal::Throttled(Some(Duration::from_millis(1))));
        drop(pacer.acquire(RequestUrgency::opening(Lane::Mover)).await);
        pacer.hear(TargetSignal::Healthy);
    }
    assert!(time_of(&pacer, 1).await <= SLOT_LEARNED_MAX);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_a_spent_budget_is_renewed_and_the_circuit_stays_closed() {
    let pacer = RequestPacer::spawn("test", pace(None, 4), &scim::RequestRateLimit::default());
    pacer.hear(TargetSignal::Healthy);
    pacer.hear(TargetSignal::Spent(Duration::from_secs(7)));
    let begin = Instant::now();
    drop(pacer.acquire(RequestUrgency::opening(Lane::Leaver)).await);
    assert!(begin.elapsed() >= Duration::from_secs(7));
    assert_eq!(pacer.circuit(), TargetCircuit::Closed);
}

/// Returns the number of permits that are available at the same time.
async fn room(pacer: &RequestPacer) -> usize {
    let mut permits = Vec::new();
    let next =
        || tokio::time::timeout(Duration::from_secs(1), pacer.acquire(RequestUrgency::opening(Lane::Mover)));
    while let Ok(permit) = next().await {
        permits.push(permit);
    }
    permits.len()
}

#[tokio::test(start_paused = true)]
async fn a_target_that_fails_gets_fewer_requests_at_a_time_until_it_does_well_again() {
    let pacer = RequestPacer::spawn("test", pace(None, 16), &scim::RequestRateLimit::default());
    assert_eq!(room(&pacer).await, 16);
    for _ in 0..3 {
        pacer.hear(TargetSignal::Faulty("reset".into()));
    }
    let crowded = room(&pacer).await;
    assert!((2..8).contains(&crowded), "{crowded}");
    for _ in 0..100 {
        pacer.hear(TargetSignal::Healthy);
    }
    assert!(room(&pacer).await > crowded);
    for _ in 0..400 {
        pacer.hear(TargetSignal::Healthy);
    }
    assert_eq!(room(&pacer).await, 16);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_was_not_used_costs_nothing_of_the_pace() {
    let pacer = RequestPacer::spawn("test", pace(Some(1.0), 4), &scim::RequestRateLimit::default());
    let begin = Instant::now();
    for _ in 0..100 {
        drop(pacer.acquire(RequestUrgency::opening(Lane::Mover)).await);
    }
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert!(time_of(&pacer, 10).await > Duration::from_secs(8), "those that were used are paced");
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_nothing_is_no_invitation_to_ask_as_fast_as_can_be() {
    for signal in [
        TargetSignal::Unavailable("down".to_owned(), Some(Duration::ZERO)),
        TargetSignal::Throttled(Some(Duration::ZERO)),
    ] {
        let pacer = RequestPacer::spawn("test", pace(None, 4), &scim::RequestRateLimit::default());
        let start = Instant::now();
        for _ in 0..10 {
            let mut permit = pacer.acquire(RequestUrgency::opening(Lane::Leaver)).await;
            permit.spend();
            pacer.hear(signal.clone());
            drop(permit);
        }
        assert!(start.elapsed() > Duration::from_secs(20), "{signal:?}: {:?}", start.elapsed());
    }
}
