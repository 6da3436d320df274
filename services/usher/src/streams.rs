//! The stream keeper as a separate process: `usher admin streams`.

use std::path::Path;

use anyhow::Context as _;
use bus::Bus;
use telemetry::{Readiness, Shutdown};

use crate::config::UsherConfig;
use crate::serve;

/// Creates or updates every stream. With `watch`, maintains them until it is stopped.
///
/// # Errors
/// Returns an error if the broker cannot be reached, or refuses.
pub fn run_streams(config_file: &Path, watch: bool) -> anyhow::Result<()> {
    let config = UsherConfig::load(config_file)?;
    let telemetry = serve::start_telemetry("streams", &config)?;
    let runtime = serve::build_runtime()?;
    let outcome = runtime.block_on(async {
        let shutdown = telemetry::shutdown_on_signals();
        let readiness = telemetry.readiness();
        tokio::select! {
            kept = keep_streams(&config, watch, &readiness, &shutdown) => kept,
            () = shutdown.soft.cancelled() => Ok(()),
        }
    });
    serve::finish_process(runtime, telemetry);
    outcome
}

async fn keep_streams(
    config: &UsherConfig,
    watch: bool,
    readiness: &Readiness,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let latch = readiness.latch("streams");
    let bus = Bus::connect(&config.nats, "streams").await.context("cannot use the message broker")?;
    bus.ensure_streams().await.context("cannot bring the streams up to date")?;
    tracing::info!("the streams are as the configuration says");
    if watch {
        latch.open();
        bus.keep_streams(shutdown.soft.clone()).await;
    }
    Ok(())
}
