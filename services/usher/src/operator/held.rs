//! `usher held ...`, `usher conflicts ...` and `usher target ...`.

use console::api::{DeadLetters, DecideHeld, ResolveConflict, Why};
use lifecycle::{DecideHeldReply, HeldReply, PauseReply, ReplayReply, TestReply};

use super::client::{Console, understood};
use super::{Ended, show};
use crate::cli::{
    ConflictListArgs, ConflictsCommand, DecideHeldArgs, HeldCommand, HeldListArgs, PauseArgs,
    ResolveConflictArgs, TargetCommand, TestArgs,
};
use crate::render;

/// Letters that are looked through for conflicts.
const LETTERS_MAX: u16 = 500;

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
        TargetCommand::Test(args) => test(args).await,
        TargetCommand::Probe(args) => super::probe(args).await,
    }
}

async fn test(args: &TestArgs) -> anyhow::Result<Ended> {
    let answer = Console::new(&args.operator)?
        .post(&["targets", &args.target, "test"], &serde_json::json!({}))
        .await?;
    let reply: TestReply = understood(&answer)?;
    show(&args.operator, &answer, |reply: &TestReply| render::held::tested(&args.target, reply))?;
    Ok(if reply.works { Ended::Done } else { Ended::Failed })
}

/// `usher conflicts ...`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn conflicts(command: &ConflictsCommand) -> anyhow::Result<Ended> {
    match command {
        ConflictsCommand::Ls(args) => list_conflicts(args).await,
        ConflictsCommand::Resolve(args) => resolve(args).await,
    }
}

/// A conflict is a dead letter whose operation is the adoption.
async fn list_conflicts(args: &ConflictListArgs) -> anyhow::Result<Ended> {
    let mut query = vec![("state", "open".to_owned()), ("limit", LETTERS_MAX.to_string())];
    query.extend(args.target.clone().map(|target| ("target", target)));
    let mut answer = Console::new(&args.operator)?.get(&["dead"], &query).await?;
    if let Some(letters) = answer.get_mut("dead_letters").and_then(serde_json::Value::as_array_mut) {
        letters.retain(|letter| letter["operation"] == "adopt");
    }
    show(&args.operator, &answer, |page: &DeadLetters| render::held::conflicts(page))
}

async fn resolve(args: &ResolveConflictArgs) -> anyhow::Result<Ended> {
    let body = ResolveConflict {
        target: args.target.clone(),
        group: args.group,
        subject: args.subject.clone(),
        remote_id: args.adopt.clone(),
        why: args.why.clone(),
    };
    let answer = Console::new(&args.operator)?.post(&["conflicts", "resolve"], &body).await?;
    show(&args.operator, &answer, |_: &ReplayReply| {
        format!(
            "{} is linked to resource {}, which is read and made right now\n",
            render::clean(&args.subject),
            render::clean(&args.adopt)
        )
    })
}

async fn pause(args: &PauseArgs, verb: &str) -> anyhow::Result<Ended> {
    let body = Why { why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["targets", &args.target, verb], &body).await?;
    show(&args.operator, &answer, |reply: &PauseReply| render::held::paused(&args.target, verb, reply))
}
