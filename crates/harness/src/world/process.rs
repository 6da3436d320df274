//! The `usher up` process: started, killed and restarted like a person or a crash would.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::process::{Child, Command};

use super::level::{level_reached, wait_for_level};

/// How long a start may take, databases and broker included.
const START_MAX: Duration = Duration::from_secs(60);
/// How long an orderly end may take.
const STOP_MAX: Duration = Duration::from_secs(40);
/// How much of the log is shown when a start fails, in lines.
const LOG_LINES_SHOWN: usize = 20;

/// What `usher up` writes into `DIR/run.json` once everything is bound.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct RunningProcess {
    /// Process id of `usher up`.
    pub pid: u32,
    /// Base URL of the gateway.
    pub gateway: String,
    /// Base URL of the console.
    pub console: String,
    /// Base URL of the admin listener.
    pub admin: String,
    /// Process id of its broker.
    pub nats_pid: u32,
}

/// Where the services are now; clones see a restart. Ports may differ after one.
#[derive(Debug, Clone, Default)]
pub struct ServiceAddresses(Arc<RwLock<RunningProcess>>);

impl ServiceAddresses {
    /// Of a deployment that somebody else runs.
    pub fn fixed(gateway: &str, console: &str) -> Self {
        let addresses = Self::default();
        addresses.set(RunningProcess {
            gateway: gateway.trim_end_matches('/').to_owned(),
            console: console.trim_end_matches('/').to_owned(),
            ..RunningProcess::default()
        });
        addresses
    }

    /// Base URL of the gateway.
    pub fn gateway(&self) -> String {
        self.get().gateway
    }

    /// Base URL of the console.
    pub fn console(&self) -> String {
        self.get().console
    }

    /// Base URL of the admin listener.
    pub fn admin(&self) -> String {
        self.get().admin
    }

    fn get(&self) -> RunningProcess {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, run: RunningProcess) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = run;
    }
}

/// A running `usher up`. Dropping it kills the process and its broker.
#[derive(Debug)]
pub struct UsherProcess {
    binary: PathBuf,
    data: PathBuf,
    config: Option<PathBuf>,
    child: Option<Child>,
    addresses: ServiceAddresses,
}

impl UsherProcess {
    /// Starts `binary up --data DATA [--config CONFIG]` and returns when it is ready. Its log is `DATA/usher.log`.
    ///
    /// # Errors
    /// When it ends, or is not ready within a minute; the end of its log is part of the error.
    pub async fn start(binary: &Path, data: &Path, config: Option<&Path>) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data).with_context(|| format!("make {}", data.display()))?;
        let mut usher = Self {
            binary: binary.to_owned(),
            data: data.to_owned(),
            config: config.map(Path::to_owned),
            child: None,
            addresses: ServiceAddresses::default(),
        };
        usher.spawn().await?;
        Ok(usher)
    }

    /// Where its services listen.
    pub fn addresses(&self) -> ServiceAddresses {
        self.addresses.clone()
    }

    /// The program.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where its log goes.
    pub fn log(&self) -> PathBuf {
        self.data.join("usher.log")
    }

    /// The token in `DATA/tokens/NAME`.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn token(&self, name: &str) -> anyhow::Result<String> {
        let path = self.data.join("tokens").join(name);
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    /// Process id; `None` when it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Process id of its broker now (it changes when the broker is restarted).
    ///
    /// # Errors
    /// When `run.json` cannot be read.
    pub fn nats_pid(&self) -> anyhow::Result<u32> {
        Ok(self.run_file()?.nats_pid)
    }

    /// kill -9 of its broker. `usher up` starts it again.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill9_nats(&self) -> anyhow::Result<()> {
        let pid = self.nats_pid()?;
        kill(pid_of(pid), Signal::SIGKILL).with_context(|| format!("kill -9 of nats-server {pid}"))
    }

    /// kill -9 of the process alone. Returns when it is gone.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill9(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("usher does not run")?;
        child.kill().await.context("kill -9 of usher")
    }

    /// Ends it in good order, and says how it ended.
    ///
    /// # Errors
    /// When it does not run, ignores the request, or ends with an error.
    pub async fn terminate(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("usher does not run")?;
        let pid = child.id().context("usher has ended already")?;
        kill(pid_of(pid), Signal::SIGTERM).context("end usher")?;
        let Ok(status) = tokio::time::timeout(STOP_MAX, child.wait()).await else {
            child.kill().await.context("kill -9 of usher")?;
            bail!("usher did not end within {} s; killed", STOP_MAX.as_secs());
        };
        let status = status.context("wait for usher")?;
        if !status.success() {
            bail!("usher ended with {status}\n{}", self.end_of_log());
        }
        Ok(())
    }

    /// Starts it again on the same data, after [`Self::kill9`] or [`Self::terminate`].
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        if self.child.is_some() {
            bail!("usher runs already");
        }
        self.spawn().await
    }

    /// The last lines of the log, for error messages.
    pub fn end_of_log(&self) -> String {
        let log = std::fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }

    async fn spawn(&mut self) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.log()).context("open the log")?;
        let mut command = Command::new(&self.binary);
        command.arg("up").arg("--data").arg(&self.data);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().context("open the log")?).stderr(log);
        // Ctrl-C in a terminal is for whoever started it: that one decides when this one ends.
        let child = command.process_group(0).kill_on_drop(true).spawn();
        self.child = Some(child.with_context(|| format!("start {}", self.binary.display()))?);
        if let Err(error) = self.ready().await {
            bail!("{error:#}\n{}", self.end_of_log());
        }
        Ok(())
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let http = crate::http_client();
        let pid = self.pid();
        let run = wait_for_level("usher is ready", START_MAX, async || {
            let child = self.child.as_mut().context("usher does not run")?;
            if let Some(status) = child.try_wait().context("look after usher")? {
                return Ok(Err(anyhow::anyhow!("usher ended with {status}")));
            }
            let run = read_run_file(&self.data)?;
            level_reached(Some(run.pid) == pid, "run.json is of an earlier process")
                .map_err(anyhow::Error::msg)?;
            let answer = http.get(format!("{}/readyz", run.admin)).send().await?;
            let status = answer.status();
            let body = answer.text().await?;
            level_reached(status.is_success(), format!("/readyz answered {status}: {body}"))
                .map_err(anyhow::Error::msg)?;
            anyhow::Ok(Ok(run))
        });
        self.addresses.set(run.await??);
        Ok(())
    }

    fn run_file(&self) -> anyhow::Result<RunningProcess> {
        read_run_file(&self.data)
    }
}

impl Drop for UsherProcess {
    fn drop(&mut self) {
        // kill_on_drop ends the process itself; a broker that outlives it would be nobody's.
        if let Ok(pid) = self.nats_pid()
            && is_broker_of(pid, &self.data)
        {
            let _ = kill(pid_of(pid), Signal::SIGKILL);
        }
    }
}

fn read_run_file(data: &Path) -> anyhow::Result<RunningProcess> {
    let path = data.join("run.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))
}

/// The number in a run file may belong to another process by now.
fn is_broker_of(pid: u32, data: &Path) -> bool {
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&command).contains(&*data.to_string_lossy())
}

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("process ids fit in 22 bits"))
}
