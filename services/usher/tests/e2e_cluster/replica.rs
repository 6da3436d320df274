//! One process of the installation: killed, paused and restarted by its own process id.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// A service, or the stream keeper.
pub struct Replica {
    /// Name of the process and of its log.
    pub name: String,
    arguments: Vec<String>,
    admin: String,
    log: PathBuf,
    child: Option<Child>,
    /// Number of times that it ended without being killed.
    pub ended_by_itself: usize,
}

impl Replica {
    /// Runs `usher ARGUMENTS`; `admin` is the URL of its readiness endpoint.
    pub fn start(name: &str, arguments: &[&str], admin: String, log: PathBuf) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut replica =
            Self { name: name.to_owned(), arguments, admin, log, child: None, ended_by_itself: 0 };
        replica.spawn();
        replica
    }

    fn spawn(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_usher"))
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.unwrap());
    }

    /// Kills the process with SIGKILL and restarts it at once.
    pub async fn kill_and_restart(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().await.unwrap();
        self.spawn();
    }

    /// Kills the process with SIGKILL; it stays down until [`Self::start_again`].
    pub async fn stop(&mut self) {
        self.child.take().unwrap().kill().await.unwrap();
    }

    pub fn start_again(&mut self) {
        self.spawn();
    }

    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Sends a signal. Does nothing if the process has ended unnoticed.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.as_ref().and_then(Child::id) {
            kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
        }
    }

    /// Restarts the process if it ended on its own, as systemd or Kubernetes would.
    pub fn revive(&mut self) {
        if self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
            self.ended_by_itself += 1;
            self.spawn();
        }
    }

    /// Returns an error with the reason why it is not ready.
    pub async fn is_ready(&self, http: &reqwest::Client) -> Result<(), String> {
        let answer = http.get(format!("{}/readyz", self.admin)).send().await;
        let answer = answer.map_err(|error| format!("{}: {error}", self.name))?;
        let status = answer.status();
        let body = answer.text().await.unwrap_or_default();
        harness::world::level_reached(status.is_success(), format!("{}: {status}: {body}", self.name))
    }
}
