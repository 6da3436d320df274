//! The demo: a company of made-up people is hired, moved and shown out, and the target must follow.

mod progress;
mod report;
mod script;

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::expected::Differences;
use crate::history::History;
use crate::people::{Population, Shape};
use crate::reader::{self, Directory};
use crate::world::{Console, Feed, Metrics, Status, now};

pub use progress::Progress;
pub use report::Report;

/// How long the target may take to follow one phase of the script.
const PHASE_MAX: Duration = Duration::from_secs(600);

/// Everything that the demo talks to, whoever started it.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Takes the messages.
    pub feed: Feed,
    /// Says when they have arrived.
    pub console: Console,
    /// Admin listeners with the figures of gateway and writer; may be empty.
    pub admins: Vec<String>,
    /// Base URL of the target's SCIM API.
    pub target: String,
    /// Bearer token of the target.
    pub target_token: String,
    /// Reads target and figures.
    pub http: reqwest::Client,
}

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    /// The figures.
    pub report: Report,
    /// In what the target differs from what it must look like.
    pub differences: Differences,
    /// What was still under way or stuck at the end.
    pub status: Status,
    /// Dead letters that wait for a human.
    pub dead: usize,
}

impl Outcome {
    /// The target is as it must be, nothing is pending, nothing is dead.
    pub fn is_good(&self) -> bool {
        self.differences.is_empty() && self.status.queued() == 0 && self.status.stuck() == 0 && self.dead == 0
    }
}

/// Plays the whole script for a company of this shape, and looks at what came of it.
///
/// # Errors
/// When a message is refused or not accepted in time, or the target does not settle.
pub async fn play(stage: &Stage, shape: Shape) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let before = stage.metrics().await?;
    let mut history = History::new("/hr/demo", Population::generate(shape), now());
    let progress = Progress::start(stage.console.clone());
    let played = script::play(stage, &mut history, &progress).await;
    progress.end().await;
    let accepted = played?;
    let elapsed = started.elapsed();
    let metrics = stage.metrics().await?.since(&before);
    let directory = stage.directory().await?;
    let status = stage.console.status().await?;
    let dead = stage.console.dead("open").await?.len();
    let report = Report { shape, accepted, elapsed, metrics, dead, memberships: memberships(&directory) };
    let differences = history.expected().differences(&directory);
    Ok(Outcome { report, differences, status, dead })
}

impl Stage {
    async fn metrics(&self) -> anyhow::Result<Metrics> {
        Metrics::read(&self.http, &self.admins).await
    }

    async fn directory(&self) -> anyhow::Result<Directory> {
        reader::read(&self.http, &self.target, &self.target_token).await.context("read the target")
    }
}

fn memberships(directory: &Directory) -> usize {
    directory.groups.values().map(|group| group.members.len()).sum()
}
