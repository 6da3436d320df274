//! The `usher up` process: starts, kills and restarts it, like an operator or a crash.

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

/// The maximum time of a start, including databases and broker.
const START_MAX: Duration = Duration::from_secs(60);
/// The maximum time of a graceful shutdown.
const STOP_MAX: Duration = Duration::from_secs(40);
/// The number of log lines that are shown if a start fails.
const LOG_LINES_SHOWN: usize = 20;

/// The content of `DIR/run.json`, which `usher up` writes once all listeners are bound.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct RunningProcess {
    /// The process id of `usher up`.
    pub pid: u32,
    /// The base URL of the gateway.
    pub gateway: String,
    /// The base URL of the console.
    pub console: String,
    /// The base URL of the admin listener.
    pub admin: String,
    /// The process id of its broker.
    pub nats_pid: u32,
}

/// The present addresses of the services. Clones are updated by a restart, which may change ports.
#[derive(Debug, Clone, Default)]
pub struct ServiceAddresses(Arc<RwLock<RunningProcess>>);

impl ServiceAddresses {
    /// Returns the addresses of a deployment that this crate did not start.
    pub fn fixed(gateway: &str, console: &str) -> Self {
        let addresses = Self::default();
        addresses.set(RunningProcess {
            gateway: gateway.trim_end_matches('/').to_owned(),
            console: console.trim_end_matches('/').to_owned(),
            ..RunningProcess::default()
        });
        addresses
    }

    /// Returns the base URL of the gateway.
    pub fn gateway(&self) -> String {
        self.get().gateway
    }

    /// Returns the base URL of the console.
    pub fn console(&self) -> String {
        self.get().console
    }

    /// Returns the base URL of the admin listener.
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
    /// Fails if the process ends, or is not ready within a minute. The error contains the end of its log.
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

    /// Returns the addresses of its services.
    pub fn addresses(&self) -> ServiceAddresses {
        self.addresses.clone()
    }

    /// Returns the path of the binary.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Returns the data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns the path of the log.
    pub fn log(&self) -> PathBuf {
        self.data.join("usher.log")
    }

    /// Returns the token in `DATA/tokens/NAME`.
    ///
    /// # Errors
    /// Fails if there is no such file.
    pub fn token(&self, name: &str) -> anyhow::Result<String> {
        let path = self.data.join("tokens").join(name);
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    /// Returns the process id; `None` if it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Returns the present process id of its broker (it changes when the broker is restarted).
    ///
    /// # Errors
    /// Fails if `run.json` cannot be read.
    pub fn nats_pid(&self) -> anyhow::Result<u32> {
        Ok(self.run_file()?.nats_pid)
    }

    /// Kills its broker with SIGKILL. `usher up` starts it again.
    ///
    /// # Errors
    /// Fails if the broker does not run.
    pub fn kill9_nats(&self) -> anyhow::Result<()> {
        let pid = self.nats_pid()?;
        kill(pid_of(pid), Signal::SIGKILL).with_context(|| format!("kill -9 of nats-server {pid}"))
    }

    /// Kills only the process itself with SIGKILL. Returns when it has ended.
    ///
    /// # Errors
    /// Fails if the process does not run.
    pub async fn kill9(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("usher does not run")?;
        child.kill().await.context("kill -9 of usher")
    }

    /// Shuts the process down gracefully, and checks its exit status.
    ///
    /// # Errors
    /// Fails if the process does not run, ignores the request, or ends with an error.
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

    /// Starts the process again on the same data, after [`Self::kill9`] or [`Self::terminate`].
    ///
    /// # Errors
    /// Fails under the same conditions as [`Self::start`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        if self.child.is_some() {
            bail!("usher runs already");
        }
        self.spawn().await
    }

    /// Returns the last lines of the log, for error messages.
    pub fn end_of_log(&self) -> String {
        let log = std::fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }

    /// Starts the process and waits until it is ready.
    async fn spawn(&mut self) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.log()).context("open the log")?;
        let mut command = Command::new(&self.binary);
        command.arg("up").arg("--data").arg(&self.data);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().context("open the log")?).stderr(log);
        // The process gets its own group: Ctrl-C in a terminal is meant for the parent, which decides when this process ends.
        let child = command.process_group(0).kill_on_drop(true).spawn();
        self.child = Some(child.with_context(|| format!("start {}", self.binary.display()))?);
        if let Err(error) = self.ready().await {
            bail!("{error:#}\n{}", self.end_of_log());
        }
        Ok(())
    }

    /// Waits for `run.json` of this process and for `/readyz`.
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
        // kill_on_drop ends the process itself; a broker that outlives it would be left without an owner.
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

/// Returns `true` if the process is the broker of this data folder.
/// The id in a run file may belong to another process by now.
fn is_broker_of(pid: u32, data: &Path) -> bool {
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&command).contains(&*data.to_string_lossy())
}

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("process ids fit in 22 bits"))
}
