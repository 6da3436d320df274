//! Builds the services, runs them side by side, and stops them together.
//!
//! This is the only module that calls the services. To add one: 1. a variant of [`ServiceRole`], 2. its section in
//! [`crate::config::UsherConfig`], 3. a case in [`SupervisedServices::add`].

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bus::{Bus, StreamName};
use telemetry::{Readiness, Shutdown};
use tokio::task::JoinSet;

use crate::config::{UsherConfig, rights};
use reload::AcceptedCredentials;
pub use reload::HangupSignal;

mod reload;

/// Maximum time for services to finish work in flight.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(20);
/// Default log filter, which RUST_LOG replaces: all messages of Usher at `info`, and warnings of noisy libraries.
const LOG_FILTER: &str = "info,async_nats=warn,sea_orm_migration=warn";
/// Maximum time for services to drop all work after [`DRAIN_DEADLINE`].
const DROP_DEADLINE: Duration = Duration::from_secs(2);

/// A service that a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceRole {
    /// Receives events.
    Gateway,
    /// Merges events and decides.
    Mapper,
    /// Brings targets to their desired state.
    Writer,
    /// Serves operators.
    Console,
}

impl ServiceRole {
    /// All services; consumers come before the services that produce for them.
    pub const ALL: [Self; 4] = [Self::Console, Self::Writer, Self::Mapper, Self::Gateway];

    /// Returns the name of the service's command, configuration section and traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Mapper => "mapper",
            Self::Writer => "writer",
            Self::Console => "console",
        }
    }

    /// Returns the streams that the service reads or writes.
    fn feeds(self) -> &'static [StreamName] {
        match self {
            Self::Gateway => &[StreamName::Events, StreamName::Notices],
            Self::Mapper => &[StreamName::Events, StreamName::Commands, StreamName::Journal],
            Self::Writer => &[StreamName::Commands, StreamName::Journal, StreamName::Dead],
            Self::Console => &[StreamName::Journal],
        }
    }

    /// Returns the streams without whose space the service can do nothing. A full JOURNAL stops no command, so it is not listed.
    fn needs_room_in(self) -> &'static [StreamName] {
        match self {
            Self::Gateway => &[StreamName::Events, StreamName::Notices],
            Self::Mapper => &[StreamName::Commands],
            Self::Writer | Self::Console => &[],
        }
    }

    fn streams_latch(self) -> &'static str {
        match self {
            Self::Gateway => "gateway streams",
            Self::Mapper => "mapper streams",
            Self::Writer => "writer streams",
            Self::Console => "console streams",
        }
    }
}

/// The way in which a process ended after a stop request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessEnding {
    /// All work in flight was finished.
    Clean,
    /// A second signal came.
    SecondSignal,
    /// [`DRAIN_DEADLINE`] passed.
    DeadlinePassed,
}

impl std::fmt::Display for ProcessEnding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Clean => "stopped cleanly",
            Self::SecondSignal => {
                "stopped at once by a second signal; what was in flight is done again at the next start"
            }
            Self::DeadlinePassed => {
                "stopped by force: draining took too long; what was in flight is done again at the next start"
            }
        })
    }
}

type FinishedService = (ServiceRole, anyhow::Result<()>);

/// Services that run in this process.
#[derive(Debug)]
pub struct SupervisedServices {
    tasks: JoinSet<FinishedService>,
    shutdown: Shutdown,
    credentials: Vec<AcceptedCredentials>,
    /// Address of the gateway, if it runs in this process.
    pub gateway: Option<SocketAddr>,
    /// Address of the console, if it runs in this process.
    pub console: Option<SocketAddr>,
}

impl SupervisedServices {
    /// Builds and starts `roles`, and returns when all of them are bound. Gives up if the shutdown begins first.
    ///
    /// # Errors
    /// Returns an error if a section is missing from the configuration, the broker cannot be reached, or a service cannot be built.
    pub async fn start(
        config: UsherConfig,
        roles: &[ServiceRole],
        readiness: &Readiness,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let mut crew = Self {
            tasks: JoinSet::new(),
            shutdown: shutdown.clone(),
            credentials: Vec::new(),
            gateway: None,
            console: None,
        };
        // The process is not ready before its last service is: the first one's latch may open while others are still being built.
        let starting = readiness.latch("start");
        for role in roles {
            let bus = connect_bus(&config, *role);
            let bus = tokio::select! {
                bus = bus => bus?,
                () = shutdown.soft.cancelled() => return Err(anyhow!("stopped while starting")),
            };
            crew.watch_streams(*role, &bus, readiness);
            crew.add(*role, &config, bus, readiness.clone()).await?;
        }
        starting.open();
        Ok(crew)
    }

    /// Watches the service's streams until the shutdown.
    fn watch_streams(&self, role: ServiceRole, bus: &Bus, readiness: &Readiness) {
        let latch = readiness.latch(role.streams_latch());
        let (feeds, needed) = (role.feeds().to_vec(), role.needs_room_in().to_vec());
        let (bus, soft) = (bus.clone(), self.shutdown.soft.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = soft.cancelled() => {}
                () = bus.watch_streams(feeds, needed, latch) => {}
            }
        });
    }

    async fn add(
        &mut self,
        role: ServiceRole,
        config: &UsherConfig,
        bus: Bus,
        readiness: Readiness,
    ) -> anyhow::Result<()> {
        let shutdown = self.shutdown.clone();
        match role {
            ServiceRole::Gateway => {
                let app =
                    gateway::build_gateway(config_section(role, config.gateway.as_ref())?, bus, readiness)
                        .await;
                let app = app.context("cannot start the gateway")?;
                self.gateway = Some(app.address());
                self.credentials.push(AcceptedCredentials::Gateway(app.credentials()));
                self.spawn(role, app.run(shutdown));
            }
            ServiceRole::Mapper => {
                let app =
                    mapper::build_mapper(config_section(role, config.mapper.as_ref())?, bus, readiness).await;
                self.spawn(role, app.context("cannot start the mapper")?.run(shutdown));
            }
            ServiceRole::Writer => {
                let app =
                    writer::build_writer(config_section(role, config.writer.as_ref())?, bus, readiness).await;
                self.spawn(role, app.context("cannot start the writer")?.run(shutdown));
            }
            ServiceRole::Console => {
                let app =
                    console::build_console(config_section(role, config.console.as_ref())?, bus, readiness)
                        .await;
                let app = app.context("cannot start the console")?;
                self.console = Some(app.address());
                self.credentials.push(AcceptedCredentials::Console(app.credentials()));
                self.spawn(role, app.run(shutdown));
            }
        }
        Ok(())
    }

    fn spawn<E: Into<anyhow::Error> + 'static>(
        &mut self,
        role: ServiceRole,
        run: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { (role, run.await.map_err(Into::into)) });
    }

    /// Reads the credentials that the services accept again at each `hangup`, from the configuration that `load` returns.
    pub fn reload_at(
        &self,
        hangup: HangupSignal,
        load: impl Fn() -> anyhow::Result<UsherConfig> + Send + Sync + 'static,
    ) {
        let (credentials, shutdown) = (self.credentials.clone(), self.shutdown.clone());
        tokio::spawn(reload::reload_credentials(hangup, credentials, shutdown, load));
    }

    /// Waits for the shutdown, for `trouble`, or for a service that ends on its own; then drains.
    ///
    /// # Errors
    /// Returns an error if anything but the shutdown was the reason, or if a service failed while it drained.
    pub async fn run_until_stopped(
        mut self,
        trouble: impl Future<Output = anyhow::Error>,
    ) -> anyhow::Result<ProcessEnding> {
        let reason = tokio::select! {
            biased; // a service that follows the shutdown did not end by itself
            () = self.shutdown.soft.cancelled() => None,
            finished = self.tasks.join_next() => Some(unexpected_end(finished)),
            error = trouble => Some(error),
        };
        if let Some(error) = &reason {
            tracing::error!(error = format!("{error:#}"), "stopping because of a failure");
        }
        self.shutdown.soft.cancel();
        let drained = self.drain().await;
        match reason {
            Some(error) => Err(error),
            None => drained,
        }
    }

    async fn drain(mut self) -> anyhow::Result<ProcessEnding> {
        let hard = self.shutdown.hard.clone();
        let ending = tokio::select! {
            result = finish_services(&mut self.tasks) => return result.map(|()| ProcessEnding::Clean),
            () = hard.cancelled() => ProcessEnding::SecondSignal,
            () = tokio::time::sleep(DRAIN_DEADLINE) => ProcessEnding::DeadlinePassed,
        };
        hard.cancel();
        let _ = tokio::time::timeout(DROP_DEADLINE, finish_services(&mut self.tasks)).await;
        self.tasks.abort_all();
        Ok(ending)
    }
}

/// Joins every task; the first failure is the result.
async fn finish_services(tasks: &mut JoinSet<FinishedService>) -> anyhow::Result<()> {
    let mut result = Ok(());
    while let Some(joined) = tasks.join_next().await {
        let ended = match joined {
            Ok((role, ended)) => {
                ended.with_context(|| format!("the {} failed while it drained", role.as_str()))
            }
            Err(error) => Err(anyhow!(error).context("a service panicked while it drained")),
        };
        result = result.and(ended);
    }
    result
}

fn unexpected_end(finished: Option<Result<FinishedService, tokio::task::JoinError>>) -> anyhow::Error {
    match finished {
        Some(Ok((role, Ok(())))) => anyhow!("the {} ended without being asked to", role.as_str()),
        Some(Ok((role, Err(error)))) => error.context(format!("the {} failed", role.as_str())),
        Some(Err(error)) => anyhow!(error).context("a service panicked"),
        None => anyhow!("no service was started"),
    }
}

/// Connects to the broker, and waits for the streams that the stream keeper creates.
async fn connect_bus(config: &UsherConfig, role: ServiceRole) -> anyhow::Result<Bus> {
    let bus = Bus::connect(&config.nats, role.as_str()).await.context("cannot use the message broker")?;
    bus.wait_for_streams(role.feeds()).await;
    Ok(bus)
}

fn config_section<T: Clone>(role: ServiceRole, section: Option<&T>) -> anyhow::Result<T> {
    let name = role.as_str();
    section.cloned().with_context(|| format!("the configuration has no section `{name}`"))
}

/// Runs one service of the configuration file until it is stopped: `usher gateway`, `usher mapper`, ...
///
/// # Errors
/// As [`SupervisedServices::start`] and [`SupervisedServices::run_until_stopped`]. Also if the configuration cannot be used.
pub fn run_service(role: ServiceRole, config_file: &Path) -> anyhow::Result<()> {
    let mut config = UsherConfig::load(config_file)?;
    if let Some(fault) =
        rights::fault(&config).filter(|_| matches!(role, ServiceRole::Gateway | ServiceRole::Mapper))
    {
        return Err(anyhow!("{}: {fault}", config_file.display()));
    }
    rights::share_rights(&mut config);
    let telemetry = start_telemetry(role.as_str(), &config)?;
    if matches!(role, ServiceRole::Gateway | ServiceRole::Mapper) {
        rights::warnings(&config).iter().for_each(|warning| tracing::warn!("{warning}"));
    }
    let runtime = build_runtime()?;
    let file = config_file.to_owned();
    let outcome = runtime.block_on(async {
        let shutdown = telemetry::shutdown_on_signals();
        let hangup = HangupSignal::listen();
        let crew = SupervisedServices::start(config, &[role], &telemetry.readiness(), &shutdown).await?;
        if let Some(address) = crew.gateway.or(crew.console) {
            tracing::info!(%address, "listening");
        }
        if let Some(address) = telemetry.admin_addr() {
            tracing::info!(%address, "admin listener");
        }
        crew.reload_at(hangup, move || Ok(UsherConfig::load(&file)?));
        crew.run_until_stopped(std::future::pending()).await
    });
    finish_process(runtime, telemetry);
    outcome.map(say_ending)
}

/// Starts telemetry. Logs go to stderr; RUST_LOG filters them.
pub(crate) fn start_telemetry(
    service: &'static str,
    config: &UsherConfig,
) -> anyhow::Result<telemetry::Telemetry> {
    telemetry::init_telemetry(telemetry::TelemetryConfig {
        service,
        log_format: config.telemetry.log_format,
        log_filter: std::env::var("RUST_LOG").unwrap_or_else(|_| LOG_FILTER.to_owned()),
        otlp_endpoint: std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok(),
        admin_listen: config.telemetry.admin_listen,
    })
    .context("cannot start logs, traces and metrics")
}

pub(crate) fn build_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the async runtime")
}

/// Shuts the runtime down. Aborted tasks may still hold a thread, but must not hold the process.
pub(crate) fn finish_process(runtime: tokio::runtime::Runtime, telemetry: telemetry::Telemetry) {
    runtime.shutdown_timeout(DROP_DEADLINE);
    telemetry.shutdown();
}

pub(crate) fn say_ending(ending: ProcessEnding) {
    eprintln!("usher: {ending}");
}

#[cfg(test)]
mod tests;
