//! `usher held ...` and `usher target ...`.

use console::api::{DecideHeld, Why};
use lifecycle::{DecideHeldReply, HeldReply, PauseReply};

use super::client::Console;
use super::{Ended, show};
use crate::cli::{DecideHeldArgs, HeldCommand, HeldListArgs, PauseArgs, TargetCommand};
use crate::render;

/// `usher held ...`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn held(command: &HeldCommand) -> anyhow::Result<Ended> {
    match command {
        HeldCommand::Ls(args) => list(args).await,
        HeldCommand::Approve(args) => decide(args, "approve").await,
        HeldCommand::Reject(args) => decide(args, "reject").await,
    }
}

async fn list(args: &HeldListArgs) -> anyhow::Result<Ended> {
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.target.clone().map(|target| ("target", target)));
    let answer = Console::new(&args.operator)?.get(&["held"], &query).await?;
    show(&args.operator, &answer, |reply: &HeldReply| render::held::list(reply))
}

async fn decide(args: &DecideHeldArgs, verb: &str) -> anyhow::Result<Ended> {
    let body = DecideHeld {
        target: args.target.clone(),
        subjects: (!args.all).then(|| args.subjects.clone()),
        all: args.all,
        by: args.by.map(|by| by.as_str().to_owned()),
        why: args.why.clone(),
    };
    let answer = Console::new(&args.operator)?.post(&["held", verb], &body).await?;
    show(&args.operator, &answer, |reply: &DecideHeldReply| render::held::decided(reply, verb))
}

/// `usher target ...`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn target(command: &TargetCommand) -> anyhow::Result<Ended> {
    match command {
        TargetCommand::Pause(args) => pause(args, "pause").await,
        TargetCommand::Resume(args) => pause(args, "resume").await,
        TargetCommand::Probe(args) => super::probe(args).await,
    }
}

async fn pause(args: &PauseArgs, verb: &str) -> anyhow::Result<Ended> {
    let body = Why { why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["targets", &args.target, verb], &body).await?;
    show(&args.operator, &answer, |reply: &PauseReply| render::held::paused(&args.target, verb, reply))
}
