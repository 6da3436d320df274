//! The nats-server child process: started, watched, restarted on the same port, and stopped with this process.
//!
//! Everything happens on one dedicated thread. This is necessary: the kernel stops the child when the *thread* that spawned it
//! ends (PR_SET_PDEATHSIG), so that a killed `usher up` leaves no broker behind.

mod binary;
mod health;
mod orphan;
mod server_config;

use std::collections::VecDeque;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::sync::watch;

use health::ServerHealth;
use server_config::ChildPorts;

/// Maximum number of failures within [`FAILURE_WINDOW`]; after more, the server is given up.
const FAILURES_MAX: usize = 10;
const FAILURE_WINDOW: Duration = Duration::from_secs(60);
const DELAY_FIRST: Duration = Duration::from_millis(20);
const DELAY_MAX: Duration = Duration::from_secs(3);
/// Maximum time for the first start: a large store is read back before the port opens.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// Maximum time for the broker to flush its data and stop.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);
/// Interval between checks whether the server lives.
const LIFE_POLL: Duration = Duration::from_millis(100);
/// Number of attempts with another port: another process may take a free port before the child binds it.
const PORT_TRIES: usize = 5;

/// The state of the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NatsState {
    /// The broker runs with this process id.
    Running(u32),
    /// The broker is being restarted.
    Restarting,
    /// The broker was stopped on request.
    Stopped,
    /// The broker failed too often, for this reason.
    GivenUp(String),
}

/// A running, supervised nats-server.
#[derive(Debug)]
pub struct NatsChild {
    ports: ChildPorts,
    pid: Arc<Mutex<Option<Pid>>>,
    state: watch::Receiver<NatsState>,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The settings of the child: its folder (with its configuration, pid file and store) and its token.
#[derive(Debug, Clone)]
pub struct NatsSettings {
    /// Absolute path of the folder.
    pub folder: PathBuf,
    /// Token that clients must present.
    pub token: String,
}

impl NatsChild {
    /// Stops a server that an earlier process left in the folder, starts the server, and returns once it answers.
    ///
    /// # Errors
    /// Returns an error if there is no server binary, or if it does not start.
    pub fn start(settings: &NatsSettings) -> anyhow::Result<Self> {
        let binary = binary::find_binary()?;
        orphan::end_orphan(&settings.folder)?;
        let mut last = None;
        for _ in 0..PORT_TRIES {
            let ports = ChildPorts { client: free_port()?, monitor: free_port()? };
            match Self::start_on(settings, &binary, ports) {
                Ok(child) => return Ok(child),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("there was at least one try"))
    }

    fn start_on(settings: &NatsSettings, binary: &Path, ports: ChildPorts) -> anyhow::Result<Self> {
        let (ready, started) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let (said, state) = watch::channel(NatsState::Restarting);
        let pid = Arc::new(Mutex::new(None));
        let keeper = ServerKeeper {
            binary: binary.to_owned(),
            settings: settings.clone(),
            ports,
            pid: Arc::clone(&pid),
            said,
            stopped,
        };
        let thread = std::thread::Builder::new()
            .name("nats-server".into())
            .spawn(move || keeper.keep(&ready))
            .context("cannot start the thread that watches nats-server")?;
        let child = Self { ports, pid, state, stop: Some(stop), thread: Some(thread) };
        started.recv().context("the thread that watches nats-server ended")??;
        Ok(child)
    }

    /// Returns the URL for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.ports.client)
    }

    /// Returns the URL of the server's monitoring endpoint.
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.monitor)
    }

    /// Returns a receiver of every change of the state.
    pub fn state(&self) -> watch::Receiver<NatsState> {
        self.state.clone()
    }

    /// Stops the server after it has flushed its data, and waits for its end. A second call does nothing.
    pub fn stop(&mut self) {
        drop(self.stop.take());
        signal_child(&self.pid, Signal::SIGTERM);
        let Some(thread) = self.thread.take() else { return };
        let deadline = Instant::now() + STOP_DEADLINE;
        while !thread.is_finished() && Instant::now() < deadline {
            sleep_for(POLL);
        }
        if !thread.is_finished() {
            tracing::warn!("nats-server does not stop, ending it");
            signal_child(&self.pid, Signal::SIGKILL);
        }
        if thread.join().is_err() {
            tracing::error!("the thread that watches nats-server panicked");
        }
    }
}

impl Drop for NatsChild {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends a signal to the child. The lock guarantees that the process is still our child: it is reaped under the same lock.
fn signal_child(pid: &Mutex<Option<Pid>>, signal: Signal) {
    let pid = pid.lock().expect("nothing panics while holding it");
    if let Some(pid) = *pid {
        let _ = kill(pid, signal);
    }
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("no free port on 127.0.0.1")?.port())
}

#[expect(clippy::disallowed_methods, reason = "a plain thread that polls for a level")]
fn sleep_for(duration: Duration) {
    std::thread::sleep(duration);
}

/// The thread's own state.
struct ServerKeeper {
    binary: PathBuf,
    settings: NatsSettings,
    ports: ChildPorts,
    pid: Arc<Mutex<Option<Pid>>>,
    said: watch::Sender<NatsState>,
    stopped: mpsc::Receiver<()>,
}

impl ServerKeeper {
    fn keep(self, ready: &mpsc::Sender<anyhow::Result<()>>) {
        match self.spawn().and_then(|child| self.wait_until_it_answers(child)) {
            Ok(child) => {
                let _ = ready.send(Ok(()));
                self.watch(child);
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    }

    /// Restarts the child until it is stopped or fails too often.
    fn watch(&self, mut child: Child) {
        let mut failures = VecDeque::new();
        loop {
            let how = self.wait_for_its_end(&mut child);
            if self.is_stopped(Duration::ZERO) {
                self.said.send_replace(NatsState::Stopped);
                return;
            }
            tracing::warn!(%how, "nats-server ended, restarting it");
            self.said.send_replace(NatsState::Restarting);
            child = loop {
                failures.push_back(Instant::now());
                while failures.front().is_some_and(|at| at.elapsed() > FAILURE_WINDOW) {
                    failures.pop_front();
                }
                if failures.len() > FAILURES_MAX {
                    self.said.send_replace(NatsState::GivenUp(self.last_words(&how)));
                    return;
                }
                if self.is_stopped(restart_delay(failures.len())) {
                    self.said.send_replace(NatsState::Stopped);
                    return;
                }
                match self.spawn() {
                    Ok(child) => break child,
                    Err(error) => tracing::warn!(error = format!("{error:#}"), "cannot restart nats-server"),
                }
            };
        }
    }

    /// Waits at most `patience` for the stop request.
    fn is_stopped(&self, patience: Duration) -> bool {
        !matches!(self.stopped.recv_timeout(patience), Err(mpsc::RecvTimeoutError::Timeout))
    }

    /// Writes the server's files before each start, because its folder may be gone, and spawns the server.
    fn spawn(&self) -> anyhow::Result<Child> {
        let folder = &self.settings.folder;
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        server_config::write_config(&self.settings, self.ports)?;
        let output =
            File::create(self.settings.folder.join("server.err")).context("cannot write server.err")?;
        let mut command = Command::new(&self.binary);
        command
            .arg("--config")
            .arg(server_config::config_path(&self.settings.folder))
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("cannot write server.err")?)
            .stderr(output);
        // A Ctrl-C in a terminal goes to the whole process group; the broker must outlive the services.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        die_with_this_thread(&mut command);
        let child = command.spawn().with_context(|| format!("cannot start {}", self.binary.display()))?;
        let id = child.id();
        *self.pid.lock().expect("nothing panics while holding it") =
            Some(Pid::from_raw(i32::try_from(id).expect("a pid is an i32")));
        orphan::remember_process(&self.settings.folder, id)?;
        tracing::info!(pid = id, port = self.ports.client, "nats-server runs");
        self.said.send_replace(NatsState::Running(id));
        Ok(child)
    }

    fn wait_until_it_answers(&self, mut child: Child) -> anyhow::Result<Child> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.client));
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if let Some(status) = child.try_wait().context("cannot watch nats-server")? {
                *self.pid.lock().expect("nothing panics while holding it") = None;
                bail!("nats-server did not start: {}", self.last_words(&status.to_string()));
            }
            if TcpStream::connect_timeout(&address, POLL * 10).is_ok() {
                return Ok(child);
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                bail!("nats-server did not open its port within {} s", START_DEADLINE.as_secs());
            }
            sleep_for(POLL);
        }
    }

    /// Waits for the child's end without reaping it first, so that no signal reaches an unrelated process. A server that reports
    /// for a long time that it is unhealthy is stopped: after its disk was full, it stores nothing until it is restarted. The stop
    /// waits until the disk has space: a server that starts on a full disk is no better, and cannot write its consumers.
    fn wait_for_its_end(&self, child: &mut Child) -> String {
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid is an i32"));
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        let mut health = ServerHealth::new(self.ports.monitor, &self.settings.folder);
        while matches!(
            waitid(Id::Pid(pid), flags),
            Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::EINTR)
        ) {
            if let Some(why) = health.look() {
                tracing::error!(%why, "nats-server stores nothing, restarting it");
                signal_child(&self.pid, Signal::SIGTERM);
            }
            // Returns early on a stop request; from then on, the end is near.
            if self.is_stopped(LIFE_POLL) {
                sleep_for(POLL);
            }
        }
        let mut current = self.pid.lock().expect("nothing panics while holding it");
        *current = None;
        child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// Returns the server's last output, for the error message about its end.
    fn last_words(&self, how: &str) -> String {
        let read = |name: &str| std::fs::read_to_string(self.settings.folder.join(name)).unwrap_or_default();
        let text = [read("server.err"), read("server.log")].into_iter().find(|text| !text.trim().is_empty());
        let line = text.as_deref().and_then(|text| text.trim().lines().last()).unwrap_or("it said nothing");
        format!("{how}; {line} (see {}/server.log)", self.settings.folder.display())
    }
}

/// Returns the delay before a restart: exponentially longer with each failure, with jitter.
fn restart_delay(failures: usize) -> Duration {
    retry::retry_delay(u32::try_from(failures).unwrap_or(u32::MAX), DELAY_FIRST, DELAY_MAX)
}

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "the one way to bind the child's life to ours; the closure makes two system calls only"
)]
fn die_with_this_thread(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    let parent = nix::unistd::getpid();
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; prctl and getppid are.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            if nix::unistd::getppid() == parent {
                Ok(())
            } else {
                Err(std::io::ErrorKind::BrokenPipe.into()) // the parent died in between
            }
        });
    }
}

/// On other systems, the pid file alone takes care of a leftover server: see [`orphan`].
#[cfg(not(target_os = "linux"))]
fn die_with_this_thread(_command: &mut Command) {}

#[cfg(test)]
mod tests;
