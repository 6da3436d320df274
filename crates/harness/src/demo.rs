//! The demo: a generated company hires, moves and dismisses people, and the target must follow.

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

/// The maximum time for the target to follow one phase of the script.
const PHASE_MAX: Duration = Duration::from_secs(600);

/// The endpoints that the demo uses, started by the demo or by an operator.
#[derive(Debug, Clone)]
pub struct DemoStage {
    /// The client that posts messages.
    pub feed: EventPoster,
    /// The client that waits until they have arrived.
    pub console: ConsoleClient,
    /// The admin listeners with the metrics of gateway and writer; may be empty.
    pub admins: Vec<String>,
    /// The base URL of the target's SCIM API.
    pub target: String,
    /// The bearer token of the target.
    pub target_token: String,
    /// The HTTP client for the target and the metrics.
    pub http: reqwest::Client,
}

/// The outcome of the demo.
#[derive(Debug)]
pub struct DemoOutcome {
    /// The figures of the run.
    pub report: DemoReport,
    /// The differences between the target and the expected result.
    pub differences: DirectoryDifferences,
    /// The status at the end, with everything still in progress or stuck.
    pub status: ConsoleStatus,
    /// The number of dead letters that wait for an operator.
    pub dead: usize,
}

impl DemoOutcome {
    /// Returns `true` if the target matches the expected result, nothing is pending, and there are no dead letters.
    pub fn is_good(&self) -> bool {
        self.differences.is_empty() && self.status.queued() == 0 && self.status.stuck() == 0 && self.dead == 0
    }
}

/// Plays the whole script for a company of this shape, and compares the result.
///
/// # Errors
/// Fails if a message is refused or not accepted in time, or if the target does not settle.
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
