//! Keeps the gauge of the last backup up to date.

use std::time::Duration;

use bus::Bus;
use telemetry::{Shutdown, chain};

const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Reads the last backup periodically until the shutdown. A value that the broker does not report is absent from the gauge.
pub(crate) async fn watch_backups(bus: Bus, shutdown: Shutdown) {
    loop {
        match bus.last_backup().await {
            Ok(last) => telemetry::metrics::backup_at(last.map(bus::BackupMark::seconds)),
            Err(error) => {
                telemetry::metrics::backup_at(None);
                let error = chain(&error);
                tracing::debug!(error, "could not see when the last backup was taken");
            }
        }
        tokio::select! {
            () = shutdown.soft.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}
