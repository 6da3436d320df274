//! Runs the subcommands of `usher held`, `usher conflicts` and `usher target`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use console::api::{DeadLetterList, DecideHeld, PauseRequestBody, ResolveConflict};
use lifecycle::{
    DecideHeldReply, HeldDecision, HeldReply, HoldEffect, HoldId, PauseReply, ReplayReply, ResourceKind,
    TestReply,
};
use serde_json::Value;

use super::client::{OperatorClient, read_answer};
use super::shown::{ShownChange, ShownHolds, ShownLists};
use super::{CommandEnd, show_answer};
use crate::cli::{
    ConflictListArgs, ConflictsCommand, DecideHeldArgs, HeldCommand, HeldListArgs, PauseArgs,
    ResolveConflictArgs, TargetCommand, TestArgs,
};
use crate::render;

/// The number of holds that are listed and remembered.
const REMEMBERED_MAX: usize = 100_000;
/// The number of holds in one decision; the console takes no more.
const HOLDS_PER_REQUEST: usize = 5_000;

/// Runs a subcommand of `usher held`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_held(command: &HeldCommand) -> anyhow::Result<CommandEnd> {
    match command {
        HeldCommand::Ls(args) => list_held(args).await,
        HeldCommand::Approve(args) => decide_held(args, HeldDecision::Approve).await,
        HeldCommand::Reject(args) => decide_held(args, HeldDecision::Reject).await,
    }
}

/// Lists held changes, and remembers them for the decision. All are remembered, also those beyond the limit: the list
/// counts them by effect.
async fn list_held(args: &HeldListArgs) -> anyhow::Result<CommandEnd> {
    let query: Vec<_> = args.target.clone().map(|target| ("target", target)).into_iter().collect();
    let client = OperatorClient::new(&args.operator)?;
    let mut answer = client.get_list(&["held"], &query, REMEMBERED_MAX).await?;
    let reply: HeldReply = read_answer(&answer)?;
    let remembered = ShownHolds::open(&args.operator, &client).remember(args.target.as_deref(), &reply.items);
    if let Err(error) = remembered {
        eprintln!("usher: the list is not remembered, so decide with --hold: {error:#}");
    }
    let more = render::held::count_effects(reply.items.get(args.limit..).unwrap_or_default());
    if let Some(rows) = answer.get_mut("items").and_then(Value::as_array_mut) {
        rows.truncate(args.limit);
    }
    show_answer(&args.operator, &answer, |reply: &HeldReply| render::held::render_held(reply, &more))
}

async fn decide_held(args: &DecideHeldArgs, decision: HeldDecision) -> anyhow::Result<CommandEnd> {
    let client = OperatorClient::new(&args.operator)?;
    let holds = chosen_holds(args, decision, &client).await?;
    let mut decided = DecideHeldReply::default();
    for some in holds.chunks(HOLDS_PER_REQUEST) {
        let body = DecideHeld {
            target: args.target.clone(),
            holds: some.iter().map(ShownChange::shown_hold).collect(),
            leave_changed: args.all,
            deletions: count_deletions(some),
            why: args.why.clone(),
            ..DecideHeld::default()
        };
        let path = ["held", decision.as_str()];
        let reply: DecideHeldReply = read_answer(&client.post(&path, &body).await?)?;
        decided.decided += reply.decided;
        decided.not_held.extend(reply.not_held);
        decided.only_memberships.extend(reply.only_memberships);
        decided.changed.extend(reply.changed);
    }
    let answer = serde_json::to_value(&decided)?;
    show_answer(&args.operator, &answer, |reply: &DecideHeldReply| {
        render::held::render_decided(reply, decision)
    })
}

/// Returns the holds to decide about, as they were shown.
async fn chosen_holds(
    args: &DecideHeldArgs,
    decision: HeldDecision,
    client: &OperatorClient,
) -> anyhow::Result<Vec<ShownChange>> {
    let shown = ShownHolds::open(&args.operator, client).of_target(&args.target)?;
    let list = format!("usher held ls --target {}", render::clean_text(&args.target));
    let mut holds = if args.holds.is_empty() {
        let shown = shown.with_context(|| format!("list first: a decision covers what `{list}` showed"))?;
        if args.all { shown } else { holds_of(&args.subjects, &shown, &list)? }
    } else {
        named_holds(args, client, shown.unwrap_or_default(), &list).await?
    };
    if let Some(by) = args.by {
        holds.retain(|hold| hold.by.as_str() == by.as_str());
    } else if args.all {
        holds.retain(|hold| hold.decisions.contains(&decision));
    }
    let deletions = count_deletions(&holds);
    if decision == HeldDecision::Approve && deletions > args.deletions {
        bail!(
            "{deletions} of these changes delete an account or a group: say the number with --deletions {deletions}"
        );
    }
    Ok(holds)
}

/// Returns the holds of these subjects. Each of them must have been shown.
fn holds_of(subjects: &[String], shown: &[ShownChange], list: &str) -> anyhow::Result<Vec<ShownChange>> {
    let mut holds = Vec::new();
    for subject in subjects {
        let before = holds.len();
        holds.extend(shown.iter().filter(|hold| hold.subject == *subject).cloned());
        if holds.len() == before {
            bail!(
                "`{list}` did not show {} when it was last run: list it again",
                render::clean_text(subject)
            );
        }
    }
    Ok(holds)
}

/// Returns the holds with the identities that the operator wrote. Those that this computer was not shown are looked up.
async fn named_holds(
    args: &DecideHeldArgs,
    client: &OperatorClient,
    mut known: Vec<ShownChange>,
    list: &str,
) -> anyhow::Result<Vec<ShownChange>> {
    let wanted: BTreeSet<HoldId> = args.holds.iter().map(|hold| HoldId::named(hold)).collect();
    if !wanted.iter().all(|hold| known.iter().any(|shown| shown.hold == *hold)) {
        let query = [("target", args.target.clone())];
        let reply: HeldReply = read_answer(&client.get_list(&["held"], &query, REMEMBERED_MAX).await?)?;
        known.extend(reply.items.iter().map(ShownChange::from));
    }
    let found = |hold: &HoldId| {
        let change = known.iter().find(|shown| shown.hold == *hold).cloned();
        change.with_context(|| {
            format!(
                "the hold {} has changed since it was listed, or ended: list it again with `{list}`",
                hold
            )
        })
    };
    wanted.iter().map(found).collect()
}

fn count_deletions(holds: &[ShownChange]) -> u64 {
    holds.iter().filter(|hold| hold.effect == HoldEffect::Delete).count() as u64
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
    let client = OperatorClient::new(&args.operator)?;
    let answer = client.get_list(&["dead"], &query, args.limit).await?;
    let shown: DeadLetterList = read_answer(&answer)?;
    if let Err(error) = remember_conflicts(&ShownLists::open(&args.operator, &client), &shown) {
        eprintln!("usher: the list is not remembered, so resolve with --revision: {error:#}");
    }
    show_answer(&args.operator, &answer, |page: &DeadLetterList| render::held::render_conflicts(page))
}

/// The revision of each conflict, as it was shown, by target, kind and subject.
type ShownConflicts = BTreeMap<String, i64>;

/// The name of the list of conflicts that were shown.
const CONFLICTS: &str = "conflicts";

fn remember_conflicts(lists: &ShownLists, shown: &DeadLetterList) -> anyhow::Result<()> {
    let mut known: ShownConflicts = lists.read(CONFLICTS)?.unwrap_or_default();
    for letter in &shown.items {
        known.insert(conflict_key(&letter.target, &letter.kind, &letter.subject), letter.revision);
    }
    lists.write(CONFLICTS, &known)
}

fn conflict_key(target: &str, kind: &str, subject: &str) -> String {
    format!("{target} {kind} {subject}")
}

async fn resolve_conflict(args: &ResolveConflictArgs) -> anyhow::Result<CommandEnd> {
    let client = OperatorClient::new(&args.operator)?;
    let shown = || {
        let known: ShownConflicts = ShownLists::open(&args.operator, &client).read(CONFLICTS).ok()??;
        let kind = if args.group { "group" } else { "user" };
        known.get(&conflict_key(&args.target, kind, &args.subject)).copied()
    };
    // A match that is held is resolved like a conflict.
    let held = || {
        let held = ShownHolds::open(&args.operator, &client).of_target(&args.target).ok()??;
        let kind = if args.group { ResourceKind::Group } else { ResourceKind::User };
        held.into_iter().find(|it| it.kind == kind && it.subject == args.subject).map(|it| it.revision)
    };
    let revision = args.revision.or_else(shown).or_else(held).with_context(|| {
        let target = render::clean_text(&args.target);
        format!(
            "list first: a decision covers what `usher conflicts ls --target {target}` or `usher held ls --target {target}` showed"
        )
    })?;
    let body = ResolveConflict {
        target: args.target.clone(),
        group: args.group,
        subject: args.subject.clone(),
        remote_id: args.adopt.clone(),
        revision: Some(revision),
        why: args.why.clone(),
    };
    let answer = client.post(&["conflicts", "resolve"], &body).await?;
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
