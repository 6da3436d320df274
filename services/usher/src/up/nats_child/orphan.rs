//! A server that an earlier process left behind in the same folder.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{server_config, sleep_for};

const TERM_DEADLINE: Duration = Duration::from_secs(5);
const KILL_DEADLINE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("server.pid")
}

/// Records the process that serves the folder.
pub(super) fn remember_process(folder: &Path, pid: u32) -> anyhow::Result<()> {
    std::fs::write(pid_file(folder), pid.to_string()).context("cannot write server.pid")
}

/// Stops the server that the pid file names, if it still runs and is ours.
pub(super) fn end_orphan(folder: &Path) -> anyhow::Result<()> {
    let Some(pid) = std::fs::read_to_string(pid_file(folder)).ok().and_then(|text| text.trim().parse().ok())
    else {
        return Ok(());
    };
    for (signal, patience) in [(Signal::SIGTERM, TERM_DEADLINE), (Signal::SIGKILL, KILL_DEADLINE)] {
        if !serves_folder(folder, pid) {
            return Ok(());
        }
        tracing::info!(pid, signal = signal.as_str(), "ending the nats-server of an earlier run");
        let _ = kill(Pid::from_raw(pid), signal);
        let deadline = Instant::now() + patience;
        while serves_folder(folder, pid) && Instant::now() < deadline {
            sleep_for(POLL);
        }
    }
    if serves_folder(folder, pid) {
        bail!("the nats-server of an earlier run (pid {pid}) does not end");
    }
    Ok(())
}

/// Returns whether `pid` was started with this folder's configuration, because process ids are reused.
fn serves_folder(folder: &Path, pid: i32) -> bool {
    let config = server_config::config_path(folder);
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| {
        command.split(|byte| *byte == 0).any(|argument| argument == config.as_os_str().as_encoded_bytes())
    })
}
