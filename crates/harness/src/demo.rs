//! The demo: a company of made-up people is hired, moved and shown out, and the target must follow.

mod progress;
mod report;
mod script;

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::expected::DirectoryDifferences;
use crate::history::CompanyHistory;
use crate::people::{PopulationShape, SamplePopulation};
use crate::reader::{self, ServerDirectory};
use crate::world::{ConsoleClient, ConsoleStatus, EventPoster, MetricsPage, now};

pub use progress::ProgressLine;
pub use report::DemoReport;

/// How long the target may take to follow one phase of the script.
const PHASE_MAX: Duration = Duration::from_secs(600);

/// Everything that the demo talks to, whoever started it.
#[derive(Debug, Clone)]
pub struct DemoStage {
    /// Takes the messages.
    pub feed: EventPoster,
    /// Says when they have arrived.
    pub console: ConsoleClient,
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
pub struct DemoOutcome {
    /// The figures.
    pub report: DemoReport,
    /// In what the target differs from what it must look like.
    pub differences: DirectoryDifferences,
    /// What was still under way or stuck at the end.
    pub status: ConsoleStatus,
    /// Dead letters that wait for a human.
    pub dead: usize,
}

impl DemoOutcome {
    /// The target is as it must be, nothing is pending, nothing is dead.
    pub fn is_good(&self) -> bool {
        self.differences.is_empty() && self.status.queued() == 0 && self.status.stuck() == 0 && self.dead == 0
    }
}

/// Plays the whole script for a company of this shape, and looks at what came of it.
///
/// # Errors
/// When a message is refused or not accepted in time, or the target does not settle.
pub async fn play_demo(stage: &DemoStage, shape: PopulationShape) -> anyhow::Result<DemoOutcome> {
    let started = Instant::now();
    let before = stage.metrics().await?;
    let mut history = CompanyHistory::new("/hr/demo", SamplePopulation::generate(shape), now());
    let progress = ProgressLine::start(stage.console.clone());
    let played = script::play_script(stage, &mut history, &progress).await;
    progress.end().await;
    let accepted = played?;
    let elapsed = started.elapsed();
    let metrics = stage.metrics().await?.since(&before);
    let directory = stage.directory().await?;
    let status = stage.console.status().await?;
    let dead = stage.console.dead("open").await?.len();
    let report =
        DemoReport { shape, accepted, elapsed, metrics, dead, memberships: count_memberships(&directory) };
    let differences = history.expected().differences(&directory);
    Ok(DemoOutcome { report, differences, status, dead })
}

impl DemoStage {
    async fn metrics(&self) -> anyhow::Result<MetricsPage> {
        MetricsPage::read(&self.http, &self.admins).await
    }

    async fn directory(&self) -> anyhow::Result<ServerDirectory> {
        reader::read_directory(&self.http, &self.target, &self.target_token).await.context("read the target")
    }
}

fn count_memberships(directory: &ServerDirectory) -> usize {
    directory.groups.values().map(|group| group.members.len()).sum()
}
