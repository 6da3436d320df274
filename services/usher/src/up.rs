//! `usher up`: all services in one process, with built-in defaults.

pub(crate) mod nats_child;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use bus::{Bus, BusConfig};
use telemetry::{Shutdown, Telemetry};
use tokio::sync::watch;

use crate::cli::UpArgs;
use crate::config::{UsherConfig, authority, rights};
use crate::data_folder::{self, DataFolder, RunFile};
use crate::serve::{self, HangupSignal, ProcessEnding, ServiceRole, SupervisedServices};
use nats_child::{NatsChild, NatsSettings, NatsState};

/// Runs all services until they are stopped.
///
/// # Errors
/// Returns an error if a part cannot be started, or if anything but a signal ended it.
pub fn run_up(args: &UpArgs) -> anyhow::Result<()> {
    let folder = DataFolder::open(&args.data)?;
    let config_file = match &args.config {
        Some(file) => file.clone(),
        None => folder.default_config()?,
    };
    let mut config = UsherConfig::load_over(&config_file, Some(&folder.config_defaults()))?;
    if let Some(fault) = authority::fault(&config) {
        return Err(anyhow!("{}: {fault}", config_file.display()));
    }
    rights::share_rights(&mut config);
    let telemetry = serve::start_telemetry("usher", &config)?;
    for warning in authority::warnings(&config).into_iter().chain(rights::warnings(&config)) {
        tracing::warn!("{warning}");
    }
    let runtime = serve::build_runtime()?;
    let outcome = runtime.block_on(with_broker(&folder, config, &config_file, &telemetry));
    folder.remove_run_file();
    serve::finish_process(runtime, telemetry);
    outcome.map(serve::say_ending)
}

/// Starts the broker before the services and stops it after them.
async fn with_broker(
    folder: &DataFolder,
    mut config: UsherConfig,
    config_file: &Path,
    telemetry: &Telemetry,
) -> anyhow::Result<ProcessEnding> {
    let shutdown = telemetry::shutdown_on_signals();
    let hangup = HangupSignal::listen();
    let settings = NatsSettings { folder: folder.nats(), token: folder.nats_token().to_owned() };
    let mut nats = tokio::task::spawn_blocking(move || NatsChild::start(&settings))
        .await
        .context("starting nats-server panicked")??;
    config.nats = on_child(config.nats, &nats, folder);
    let outcome = async {
        keep_streams(&config, &shutdown).await?;
        let crew =
            SupervisedServices::start(config, &ServiceRole::ALL, &telemetry.readiness(), &shutdown).await?;
        let (file, data) = (config_file.to_owned(), folder.path().to_owned());
        crew.reload_at(hangup, move || {
            Ok(UsherConfig::load_over(&file, Some(&data_folder::current_defaults(&data)?))?)
        });
        let mut run = run_file(&crew, telemetry, &nats, config_file)?;
        folder.write_run_file(&run)?;
        print_greeting(folder, config_file, &run);
        crew.run_until_stopped(follow_broker(nats.state(), folder, &mut run)).await
    }
    .await;
    let stopped = tokio::task::spawn_blocking(move || nats.stop()).await;
    outcome.and_then(|ending| stopped.map(|()| ending).context("stopping nats-server panicked"))
}

/// Creates the streams, and maintains them until the shutdown.
async fn keep_streams(config: &UsherConfig, shutdown: &Shutdown) -> anyhow::Result<()> {
    let bus = Bus::connect(&config.nats, "streams").await.context("cannot use the message broker")?;
    let made = tokio::select! {
        made = bus.ensure_streams() => made,
        () = shutdown.soft.cancelled() => return Err(anyhow!("stopped while starting")),
    };
    made.context("cannot bring the streams up to date")?;
    tokio::spawn(bus.keep_streams(shutdown.soft.clone()));
    Ok(())
}

/// Returns the configuration for the embedded broker. Limits of the file are kept; address, token and durability are set here.
fn on_child(configured: BusConfig, nats: &NatsChild, folder: &DataFolder) -> BusConfig {
    BusConfig {
        url: nats.url(),
        token: Some(folder.nats_token().to_owned()),
        credentials_file: None,
        replicas: 1,
        monitor_url: Some(nats.monitor_url()),
        require_sync_always: true,
        ..configured
    }
}

/// Keeps `run.json` up to date while the broker is restarted. Returns when the broker has failed permanently.
async fn follow_broker(
    mut state: watch::Receiver<NatsState>,
    folder: &DataFolder,
    run: &mut RunFile,
) -> anyhow::Error {
    loop {
        let now = state.borrow_and_update().clone();
        match now {
            NatsState::GivenUp(why) => return anyhow!("nats-server keeps failing: {why}"),
            NatsState::Running(pid) if pid != run.nats_pid => {
                run.nats_pid = pid;
                if let Err(error) = folder.write_run_file(run) {
                    return error;
                }
            }
            NatsState::Running(_) | NatsState::Restarting | NatsState::Stopped => {}
        }
        if state.changed().await.is_err() {
            return anyhow!("nats-server is no longer watched");
        }
    }
}

fn run_file(
    crew: &SupervisedServices,
    telemetry: &Telemetry,
    nats: &NatsChild,
    config_file: &Path,
) -> anyhow::Result<RunFile> {
    let url = |address: SocketAddr| format!("http://{address}");
    let nats_pid = match *nats.state().borrow() {
        NatsState::Running(pid) => pid,
        _ => 0, // it is just being restarted; `follow_broker` fills it in
    };
    Ok(RunFile {
        pid: std::process::id(),
        gateway: url(crew.gateway.context("the gateway has no address")?),
        console: url(crew.console.context("the console has no address")?),
        admin: url(telemetry.admin_addr().context("the admin listener has no address")?),
        nats: nats.url(),
        nats_pid,
        config: config_file.canonicalize().ok(),
    })
}

/// Prints the information for a first start, ending with a command that works.
fn print_greeting(folder: &DataFolder, config_file: &Path, run: &RunFile) {
    let file = |name: &str| -> PathBuf { folder.path().join(name) };
    let config_file = config_file.canonicalize().unwrap_or_else(|_| config_file.to_owned());
    eprintln!(
        "usher is up
  gateway   {gateway}
  console   {console}
  admin     {admin}  (/livez /readyz /metrics)
  broker    {nats}
  data      {data}
  config    {config}
  policies  {policies}
  tokens    {source} (events), {operator} (operators)
  a target  needs an entry under `writer: targets:` in the config and a policy file of its name; then restart
try
  curl -sS -X POST {gateway}/v1/events -H \"Authorization: Bearer $(cat {source})\" \\
    -H 'Content-Type: application/cloudevents+json' -d '{EXAMPLE_EVENT}'
  usher trace E-1 --data {data}",
        gateway = run.gateway,
        console = run.console,
        admin = run.admin,
        nats = run.nats,
        data = folder.path().display(),
        config = config_file.display(),
        policies = file("policies").display(),
        source = file("tokens/source").display(),
        operator = file("tokens/operator").display(),
    );
}

const EXAMPLE_EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"local","type":"worker.joined","subject":"worker/E-1","time":"2026-01-01T00:00:00Z","data":{"attributes":{"givenName":"Ada","surname":"Lovelace","userPrincipalName":"ada@example.org"}}}"#;
