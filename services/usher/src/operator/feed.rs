//! `usher feed ...`.

use console::api::Why;
use lifecycle::{FeedRunStatus, FeedsReply};

use super::client::Console;
use super::{Ended, show};
use crate::cli::{DecideFeedArgs, FeedCommand, FeedListArgs, FeedShowArgs};
use crate::render;

/// `usher feed ...`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn feed(command: &FeedCommand) -> anyhow::Result<Ended> {
    match command {
        FeedCommand::Ls(args) => list(args).await,
        FeedCommand::Show(args) => show_one(args).await,
        FeedCommand::Accept(args) => decide(args, "accept").await,
        FeedCommand::Reject(args) => decide(args, "reject").await,
    }
}

async fn list(args: &FeedListArgs) -> anyhow::Result<Ended> {
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.feed.clone().map(|feed| ("feed", feed)));
    let answer = Console::new(&args.operator)?.get(&["feeds"], &query).await?;
    show(&args.operator, &answer, |reply: &FeedsReply| render::feed::list(reply))
}

async fn show_one(args: &FeedShowArgs) -> anyhow::Result<Ended> {
    let answer = Console::new(&args.operator)?.get(&["feeds", &args.run], &[]).await?;
    show(&args.operator, &answer, |run: &FeedRunStatus| render::feed::one(run))
}

async fn decide(args: &DecideFeedArgs, verb: &str) -> anyhow::Result<Ended> {
    let body = Why { why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["feeds", &args.run, verb], &body).await?;
    show(&args.operator, &answer, |run: &FeedRunStatus| render::feed::one(run))
}
