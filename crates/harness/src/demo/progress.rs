//! Shows the progress of the demo on stderr: one line that changes on a terminal, a line every two seconds elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::report::format_thousands;
use crate::world::ConsoleClient;

/// The interval between updates of the line on a terminal.
const TERMINAL_REFRESH: Duration = Duration::from_millis(250);
/// The interval between lines elsewhere.
const LOG_REFRESH: Duration = Duration::from_secs(2);

/// The state that the progress line shows.
#[derive(Debug, Default)]
struct SeenCounts {
    accepted: AtomicUsize,
    phase: Mutex<&'static str>,
}

/// The progress line. It is shown until [`ProgressLine::end`].
#[derive(Debug)]
pub struct ProgressLine {
    seen: Arc<SeenCounts>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl ProgressLine {
    /// Starts to poll the console and to write the line.
    pub fn start(console: ConsoleClient) -> Self {
        let (seen, stop) = (Arc::new(SeenCounts::default()), CancellationToken::new());
        let task = tokio::spawn(show_progress(console, Arc::clone(&seen), stop.clone()));
        Self { seen, stop, task }
    }

    /// Sets the present phase.
    pub fn phase(&self, phase: &'static str) {
        *self.seen.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Sets the number of events accepted so far.
    pub fn accepted(&self, events: usize) {
        self.seen.accepted.store(events, Ordering::Relaxed);
    }

    /// Stops writing.
    pub async fn end(self) {
        self.stop.cancel();
        let _ = self.task.await; // it neither fails nor panics, and the demo does not depend on it
    }
}

/// Writes the progress line until it is stopped.
async fn show_progress(console: ConsoleClient, seen: Arc<SeenCounts>, stop: CancellationToken) {
    let terminal = std::io::stderr().is_terminal();
    let started = Instant::now();
    let mut ticks = tokio::time::interval(if terminal { TERMINAL_REFRESH } else { LOG_REFRESH });
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        let line = progress_line(&console, &seen, started).await;
        let mut stderr = std::io::stderr().lock();
        let _ = if terminal { write!(stderr, "\r\x1b[K{line}") } else { writeln!(stderr, "{line}") };
        let _ = stderr.flush();
    }
    if terminal {
        eprint!("\r\x1b[K");
    }
}

/// Builds the line from the console's status.
async fn progress_line(console: &ConsoleClient, seen: &SeenCounts, started: Instant) -> String {
    let phase = *seen.phase.lock().unwrap_or_else(PoisonError::into_inner);
    let accepted = format_thousands(seen.accepted.load(Ordering::Relaxed));
    let head = format!("{:>5.1} s  {phase:<24} accepted {accepted:>6}", started.elapsed().as_secs_f32());
    match console.status().await {
        Ok(status) => format!(
            "{head}   at the target: {} accounts, {} groups, {} memberships   under way: {} events, {} commands, {} resources",
            status.resources("user.in_sync"),
            status.resources("group.in_sync"),
            status.resources("membership.in_sync"),
            status.lag.events,
            status.lag.commands,
            status.queued(),
        ),
        Err(error) => format!("{head}   the console does not answer: {error:#}"),
    }
}
