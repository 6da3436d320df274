//! Runs the subcommands of `usher feed`.

use console::api::PauseRequestBody;
use lifecycle::{FeedRunStatus, FeedsReply};

use super::client::OperatorClient;
use super::{CommandEnd, show_answer};
use crate::cli::{DecideFeedArgs, FeedCommand, FeedListArgs, FeedShowArgs};
use crate::render;

/// Runs a subcommand of `usher feed`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_feed(command: &FeedCommand) -> anyhow::Result<CommandEnd> {
    match command {
        FeedCommand::Ls(args) => list_feeds(args).await,
        FeedCommand::Show(args) => show_one(args).await,
        FeedCommand::Accept(args) => decide_feed(args, "accept").await,
        FeedCommand::Reject(args) => decide_feed(args, "reject").await,
    }
}

async fn list_feeds(args: &FeedListArgs) -> anyhow::Result<CommandEnd> {
    let query: Vec<_> = args.feed.clone().map(|feed| ("feed", feed)).into_iter().collect();
    let answer = OperatorClient::new(&args.operator)?.get_list(&["feeds"], &query, args.limit).await?;
    show_answer(&args.operator, &answer, |reply: &FeedsReply| render::feed::render_runs(reply))
}

async fn show_one(args: &FeedShowArgs) -> anyhow::Result<CommandEnd> {
    let answer = OperatorClient::new(&args.operator)?.get(&["feeds", &args.run], &[]).await?;
    show_answer(&args.operator, &answer, |run: &FeedRunStatus| render::feed::render_run(run))
}

async fn decide_feed(args: &DecideFeedArgs, verb: &str) -> anyhow::Result<CommandEnd> {
    let body = PauseRequestBody { why: args.why.clone() };
    let answer = OperatorClient::new(&args.operator)?.post(&["feeds", &args.run, verb], &body).await?;
    show_answer(&args.operator, &answer, |run: &FeedRunStatus| render::feed::render_run(run))
}
