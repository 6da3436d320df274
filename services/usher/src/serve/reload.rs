//! Reads the credentials that the services accept again at SIGHUP, without a restart.

use std::fs::File;
use std::sync::Arc;

use telemetry::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::UsherConfig;

/// The credentials that a service accepts.
#[derive(Debug, Clone)]
pub(super) enum AcceptedCredentials {
    /// Of sources.
    Gateway(gateway::GatewayCredentials),
    /// Of operators.
    Console(console::ConsoleCredentials),
}

impl AcceptedCredentials {
    /// Accepts the credentials of `config` from now on, and returns a description of each change.
    fn reload(&self, config: &UsherConfig) -> Result<Vec<String>, String> {
        match self {
            Self::Gateway(credentials) => config.gateway.as_ref().map(|section| credentials.reload(section)),
            Self::Console(credentials) => config.console.as_ref().map(|section| credentials.reload(section)),
        }
        .unwrap_or_else(|| Err("the section is missing".to_owned()))
    }

    fn section(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "gateway",
            Self::Console(_) => "console",
        }
    }
}

/// SIGHUP, which no longer ends the process once this value exists.
#[derive(Debug)]
pub struct HangupSignal {
    /// `None` if the process was started with SIGHUP ignored, as `nohup` does.
    signal: Option<Signal>,
    /// `true` if the process was started from a terminal, whose end is a SIGHUP too.
    has_terminal: bool,
}

impl HangupSignal {
    /// Takes over SIGHUP from now on. Must be called within a runtime.
    pub fn listen() -> Self {
        let signal = if is_hangup_ignored() { None } else { signal(SignalKind::hangup()).ok() };
        Self { signal, has_terminal: is_terminal_there() }
    }

    /// Waits for the next SIGHUP.
    async fn next(&mut self) {
        match &mut self.signal {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }

    /// Returns whether the terminal of the process was closed.
    fn is_terminal_gone(&self) -> bool {
        self.has_terminal && !is_terminal_there()
    }
}

fn is_terminal_there() -> bool {
    File::open("/dev/tty").is_ok()
}

/// Returns whether the process was started with SIGHUP ignored.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Replaces the credentials at each SIGHUP. If the configuration cannot be used, they stay as they are. The end of the terminal
/// stops the process.
pub(super) async fn reload_credentials(
    mut hangup: HangupSignal,
    credentials: Vec<AcceptedCredentials>,
    shutdown: Shutdown,
    load: impl Fn() -> anyhow::Result<UsherConfig> + Send + Sync + 'static,
) {
    let load = Arc::new(load);
    loop {
        tokio::select! {
            () = shutdown.soft.cancelled() => return,
            () = hangup.next() => {}
        }
        if hangup.is_terminal_gone() {
            tracing::info!("stopping: the terminal was closed");
            shutdown.soft.cancel();
            return;
        }
        let load = Arc::clone(&load);
        match tokio::task::spawn_blocking(move || load()).await {
            Ok(Ok(config)) => replace_credentials(&credentials, &config),
            Ok(Err(error)) => tracing::error!(
                error = format!("{error:#}"),
                "SIGHUP: the configuration cannot be used; the credentials stay as they are"
            ),
            Err(_) => tracing::error!(
                "SIGHUP: reading the configuration panicked; the credentials stay as they are"
            ),
        }
    }
}

fn replace_credentials(all: &[AcceptedCredentials], config: &UsherConfig) {
    let mut count = 0;
    for credentials in all {
        let section = credentials.section();
        match credentials.reload(config) {
            Ok(changes) => {
                count += changes.len();
                for change in changes {
                    tracing::warn!(section, change, "SIGHUP: credentials changed");
                }
            }
            Err(fault) => {
                tracing::error!(section, fault, "SIGHUP: the credentials stay as they are");
            }
        }
    }
    tracing::info!(changes = count, "SIGHUP: credentials were read again; other settings need a restart");
}
