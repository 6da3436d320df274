//! Runs the subcommands of `usher feed`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use console::api::{AcceptFeedRun, PauseRequestBody};
use lifecycle::{FeedRunState, FeedRunStatus, FeedsReply};

use super::client::{OperatorClient, read_answer};
use super::shown::ShownLists;
use super::{CommandEnd, show_answer};
use crate::cli::{AcceptFeedArgs, DecideFeedArgs, FeedCommand, FeedListArgs, FeedShowArgs, OperatorArgs};
use crate::render;

/// Runs a subcommand of `usher feed`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_feed(command: &FeedCommand) -> anyhow::Result<CommandEnd> {
    match command {
        FeedCommand::Ls(args) => list_feeds(args).await,
        FeedCommand::Show(args) => show_one(args).await,
        FeedCommand::Accept(args) => accept_feed(args).await,
        FeedCommand::Reject(args) => reject_feed(args).await,
    }
}

async fn list_feeds(args: &FeedListArgs) -> anyhow::Result<CommandEnd> {
    let query: Vec<_> = args.feed.clone().map(|feed| ("feed", feed)).into_iter().collect();
    let client = OperatorClient::new(&args.operator)?;
    let answer = client.get_list(&["feeds"], &query, args.limit).await?;
    let reply: FeedsReply = read_answer(&answer)?;
    remember_runs(&args.operator, &client, &reply.items);
    show_answer(&args.operator, &answer, |reply: &FeedsReply| render::feed::render_runs(reply))
}

async fn show_one(args: &FeedShowArgs) -> anyhow::Result<CommandEnd> {
    let client = OperatorClient::new(&args.operator)?;
    let answer = client.get(&["feeds", &args.run], &[]).await?;
    remember_runs(&args.operator, &client, &[read_answer(&answer)?]);
    show_answer(&args.operator, &answer, |run: &FeedRunStatus| render::feed::render_run(run))
}

/// The number of people who leave with each run, as it was shown.
type ShownRuns = BTreeMap<String, u64>;

/// The name of the list of runs that were shown.
const RUNS: &str = "runs";

/// Remembers the runs that are held. Without the memory, the operator says the number of people.
fn remember_runs(operator: &OperatorArgs, client: &OperatorClient, runs: &[FeedRunStatus]) {
    let lists = ShownLists::open(operator, client);
    let remember = || {
        let mut shown: ShownRuns = lists.read(RUNS)?.unwrap_or_default();
        for run in runs {
            match run.state {
                FeedRunState::Held => shown.insert(run.run.to_string(), run.people_leaving()),
                _ => shown.remove(run.run.as_str()),
            };
        }
        lists.write(RUNS, &shown)
    };
    if let Err(error) = remember() {
        eprintln!("usher: what was shown is not remembered, so accept with --people: {error:#}");
    }
}

async fn accept_feed(args: &AcceptFeedArgs) -> anyhow::Result<CommandEnd> {
    let DecideFeedArgs { run, why, operator } = &args.decision;
    let client = OperatorClient::new(operator)?;
    let shown = || {
        let runs: ShownRuns = ShownLists::open(operator, &client).read(RUNS).ok()??;
        runs.get(run.as_str()).copied()
    };
    let people = args.people.or_else(shown).with_context(|| {
        format!("list first: `usher feed show {run}` shows how many people leave with the run, or say it with --people")
    })?;
    let body = AcceptFeedRun { people: Some(people), why: why.clone() };
    let answer = client.post(&["feeds", run, "accept"], &body).await?;
    show_answer(operator, &answer, |run: &FeedRunStatus| render::feed::render_run(run))
}

async fn reject_feed(args: &DecideFeedArgs) -> anyhow::Result<CommandEnd> {
    let body = PauseRequestBody { why: args.why.clone() };
    let answer = OperatorClient::new(&args.operator)?.post(&["feeds", &args.run, "reject"], &body).await?;
    show_answer(&args.operator, &answer, |run: &FeedRunStatus| render::feed::render_run(run))
}
