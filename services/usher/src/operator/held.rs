//! Runs the subcommands of `usher held`, `usher conflicts` and `usher target`.

use console::api::{DeadLetterList, DecideHeld, PauseRequestBody, ResolveConflict};
use lifecycle::{DecideHeldReply, HeldReply, PauseReply, ReplayReply, TestReply};

use super::client::{OperatorClient, read_answer};
use super::{CommandEnd, show_answer};
use crate::cli::{
    ConflictListArgs, ConflictsCommand, DecideHeldArgs, HeldCommand, HeldListArgs, PauseArgs,
    ResolveConflictArgs, TargetCommand, TestArgs,
};
use crate::render;

/// Runs a subcommand of `usher held`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_held(command: &HeldCommand) -> anyhow::Result<CommandEnd> {
    match command {
        HeldCommand::Ls(args) => list_held(args).await,
        HeldCommand::Approve(args) => decide_held(args, "approve").await,
        HeldCommand::Reject(args) => decide_held(args, "reject").await,
    }
}

async fn list_held(args: &HeldListArgs) -> anyhow::Result<CommandEnd> {
    let query: Vec<_> = args.target.clone().map(|target| ("target", target)).into_iter().collect();
    let answer = OperatorClient::new(&args.operator)?.get_list(&["held"], &query, args.limit).await?;
    show_answer(&args.operator, &answer, |reply: &HeldReply| render::held::render_held(reply))
}

async fn decide_held(args: &DecideHeldArgs, verb: &str) -> anyhow::Result<CommandEnd> {
    let body = DecideHeld {
        target: args.target.clone(),
        subjects: (!args.all).then(|| args.subjects.clone()),
        all: args.all,
        by: args.by.map(|by| by.as_str().to_owned()),
        why: args.why.clone(),
    };
    let answer = OperatorClient::new(&args.operator)?.post(&["held", verb], &body).await?;
    show_answer(&args.operator, &answer, |reply: &DecideHeldReply| render::held::render_decided(reply, verb))
}

/// Runs a subcommand of `usher target`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_target(command: &TargetCommand) -> anyhow::Result<CommandEnd> {
    match command {
        TargetCommand::Pause(args) => pause_target(args, "pause").await,
        TargetCommand::Resume(args) => pause_target(args, "resume").await,
        TargetCommand::Test(args) => test_target(args).await,
        TargetCommand::Probe(args) => super::run_probe(args).await,
    }
}

async fn test_target(args: &TestArgs) -> anyhow::Result<CommandEnd> {
    let answer = OperatorClient::new(&args.operator)?
        .post(&["targets", &args.target, "test"], &serde_json::json!({}))
        .await?;
    let reply: TestReply = read_answer(&answer)?;
    show_answer(&args.operator, &answer, |reply: &TestReply| render::held::render_test(&args.target, reply))?;
    Ok(if reply.works { CommandEnd::Done } else { CommandEnd::Failed })
}

/// Runs a subcommand of `usher conflicts`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_conflicts(command: &ConflictsCommand) -> anyhow::Result<CommandEnd> {
    match command {
        ConflictsCommand::Ls(args) => list_conflicts(args).await,
        ConflictsCommand::Resolve(args) => resolve_conflict(args).await,
    }
}

/// Lists conflicts: dead letters whose operation is an adoption.
async fn list_conflicts(args: &ConflictListArgs) -> anyhow::Result<CommandEnd> {
    let mut query = vec![("state", "open".to_owned()), ("operation", "adopt".to_owned())];
    query.extend(args.target.clone().map(|target| ("target", target)));
    let answer = OperatorClient::new(&args.operator)?.get_list(&["dead"], &query, args.limit).await?;
    show_answer(&args.operator, &answer, |page: &DeadLetterList| render::held::render_conflicts(page))
}

async fn resolve_conflict(args: &ResolveConflictArgs) -> anyhow::Result<CommandEnd> {
    let body = ResolveConflict {
        target: args.target.clone(),
        group: args.group,
        subject: args.subject.clone(),
        remote_id: args.adopt.clone(),
        why: args.why.clone(),
    };
    let answer = OperatorClient::new(&args.operator)?.post(&["conflicts", "resolve"], &body).await?;
    show_answer(&args.operator, &answer, |_: &ReplayReply| {
        format!(
            "{} is linked to resource {}, which is read and made right now\n",
            render::clean_text(&args.subject),
            render::clean_text(&args.adopt)
        )
    })
}

async fn pause_target(args: &PauseArgs, verb: &str) -> anyhow::Result<CommandEnd> {
    let body = PauseRequestBody { why: args.why.clone() };
    let answer = OperatorClient::new(&args.operator)?.post(&["targets", &args.target, verb], &body).await?;
    show_answer(&args.operator, &answer, |reply: &PauseReply| {
        render::held::render_pause(&args.target, verb, reply)
    })
}
