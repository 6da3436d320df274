//! Measures the latency of an update, from acceptance to the target's answer, at a steady rate of single events.

use std::time::Duration;

use anyhow::ensure;

use super::{BenchSettings, RUN_MAX, changed_event, join_people, start_world, to_float};

/// The figures of a latency run; times in seconds.
pub(super) struct LatencyFigures {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) requests_per_change: f64,
}

/// Posts `rate` updates per second, one per request, and reads the writer's own histogram.
pub(super) async fn run_latency(settings: &BenchSettings, rate: f64) -> anyhow::Result<LatencyFigures> {
    let world = start_world(settings, None, true).await?;
    let people = settings.people.min(2_000);
    join_people(&world, people).await?;
    world.settled(RUN_MAX).await?;
    let (before, requests) = (world.metrics().await?, world.sandbox().ledger().len());

    let changes = (rate * Duration::from_secs(settings.latency_seconds).as_secs_f64()).max(1.0) as usize;
    let mut tick = tokio::time::interval(Duration::from_secs_f64(1.0 / rate.max(1.0)));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut posts = tokio::task::JoinSet::new();
    for i in 0..changes {
        tick.tick().await;
        let feed = world.feed.clone();
        posts.spawn(async move { feed.values(&[changed_event(i % people, i / people)]).await });
    }
    while let Some(post) = posts.join_next().await {
        post??;
    }
    world.settled(RUN_MAX).await?;

    let after = world.metrics().await?.since(&before);
    let quantiles = after.quantiles("usher_accept_to_target_seconds", &[]);
    let quantiles = quantiles.ok_or_else(|| anyhow::anyhow!("no latency was measured"))?;
    ensure!(quantiles.count > 0.0, "no latency was measured");
    let sent = to_float(usize::try_from(world.sandbox().ledger().len() - requests)?);
    Ok(LatencyFigures {
        p50: quantiles.p50,
        p99: quantiles.p99,
        requests_per_change: sent / to_float(changes),
    })
}
