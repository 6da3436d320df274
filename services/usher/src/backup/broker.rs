//! The broker of a data folder: the running one, or one started for the backup or restore only.

use std::path::Path;

use anyhow::Context as _;
use bus::{Bus, BusConfig};

use crate::up::nats_child::{NatsChild, NatsSettings};

/// A connection to the broker.
pub(super) struct BackupBroker {
    pub(super) bus: Bus,
    child: Option<NatsChild>,
}

impl BackupBroker {
    /// Connects to the broker of a running `usher up`.
    pub(super) async fn at(configured: BusConfig, url: &str, nats: &Path) -> anyhow::Result<Self> {
        let bus = connect_broker(configured, url.to_owned(), read_token(nats)?).await?;
        Ok(Self { bus, child: None })
    }

    /// Starts the broker whose folder is `nats`, without any service.
    pub(super) async fn start(configured: BusConfig, nats: &Path) -> anyhow::Result<Self> {
        let settings = NatsSettings { folder: nats.to_owned(), token: read_token(nats)? };
        let token = settings.token.clone();
        let child = tokio::task::spawn_blocking(move || NatsChild::start(&settings))
            .await
            .context("starting nats-server panicked")??;
        let bus = connect_broker(configured, child.url(), token).await?;
        Ok(Self { bus, child: Some(child) })
    }

    /// Stops a broker that was started here, after it has flushed its data.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        let Self { bus, child } = self;
        drop(bus);
        let Some(mut child) = child else { return Ok(()) };
        tokio::task::spawn_blocking(move || child.stop()).await.context("stopping nats-server panicked")
    }
}

fn read_token(nats: &Path) -> anyhow::Result<String> {
    let path = nats.join("token");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

async fn connect_broker(configured: BusConfig, url: String, token: String) -> anyhow::Result<Bus> {
    let config = BusConfig {
        url,
        token: Some(token),
        credentials_file: None,
        replicas: 1,
        monitor_url: None,
        require_sync_always: false,
        ..configured
    };
    Bus::connect(&config, "backup").await.context("cannot use the message broker")
}
