//! Runs the subcommands of `usher dead`.

use std::time::Duration;

use console::api::{
    DeadDetail, DeadGroups, DeadLetterList, DiscardAnswer, DiscardRequestBody, LetterOutcome,
    PauseRequestBody, ReplayAnswer, ReplayRequestBody, StartReplay,
};
use lifecycle::{PreviewReplayReply, ReplayOutcome, ReplayRun, ReplayRuns, ReplayState};
use serde_json::json;

use super::client::{OperatorClient, read_answer};
use super::progress::TerminalProgress;
use super::{CommandEnd, print_json, print_text, show_answer};
use crate::cli::{
    DeadCommand, DeadDiscardArgs, DeadGroupsArgs, DeadListArgs, DeadReplayArgs, DeadReplayCancelArgs,
    DeadReplaysArgs,
};
use crate::render;

/// Dead letters per request.
const PORTION_MAX: usize = 500;
/// Interval between requests for the progress of a replay.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// Runs a subcommand of `usher dead`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_dead(command: &DeadCommand) -> anyhow::Result<CommandEnd> {
    match command {
        DeadCommand::Ls(args) => dead_list(args).await,
        DeadCommand::Show(args) => {
            let answer = OperatorClient::new(&args.operator)?.get(&["dead", &args.id], &[]).await?;
            show_answer(&args.operator, &answer, |letter: &DeadDetail| render::dead::render_letter(letter))
        }
        DeadCommand::Groups(args) => dead_groups(args).await,
        DeadCommand::Replay(args) => dead_replay(args).await,
        DeadCommand::Replays(args) => dead_replays(args).await,
        DeadCommand::ReplayCancel(args) => dead_replay_cancel(args).await,
        DeadCommand::Discard(args) => dead_discard(args).await,
    }
}

async fn dead_list(args: &DeadListArgs) -> anyhow::Result<CommandEnd> {
    let mut query = vec![("state", args.state.as_str().to_owned())];
    query.extend(args.target.clone().map(|target| ("target", target)));
    let answer = OperatorClient::new(&args.operator)?.get_list(&["dead"], &query, args.limit).await?;
    show_answer(&args.operator, &answer, |page: &DeadLetterList| render::dead::render_letters(page))
}

async fn dead_groups(args: &DeadGroupsArgs) -> anyhow::Result<CommandEnd> {
    let query: Vec<(&str, String)> =
        args.target.clone().map(|target| ("target", target)).into_iter().collect();
    let answer = OperatorClient::new(&args.operator)?.get(&["dead", "groups"], &query).await?;
    show_answer(&args.operator, &answer, |groups: &DeadGroups| render::dead::render_groups(groups))
}

/// Starts a replay and shows its progress. Interrupting the command (Ctrl-C) does not cancel the replay.
async fn dead_replay(args: &DeadReplayArgs) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    if args.dry_run {
        return dry_run(&console, args).await;
    }
    let body = StartReplay {
        ids: (!args.ids.is_empty()).then(|| args.ids.clone()),
        target: args.target.clone(),
        group: args.group.clone(),
        per_second: args.per_second,
        why: args.why.clone(),
    };
    let mut run: ReplayRun = read_answer(&console.post(&["dead", "replays"], &body).await?)?;
    let progress = TerminalProgress::new();
    while run.state == ReplayState::Running && !args.no_wait {
        progress.show(&render::dead::render_replay_progress(&run));
        tokio::time::sleep(ASK_EVERY).await;
        run = read_answer(&console.get(&["dead", "replays", run.id.as_str()], &[]).await?)?;
    }
    drop(progress);
    if args.operator.json { print_json(&run) } else { print_text(&render::dead::render_replay(&run)) }
}

async fn dead_replays(args: &DeadReplaysArgs) -> anyhow::Result<CommandEnd> {
    let answer = OperatorClient::new(&args.operator)?.get_list(&["dead", "replays"], &[], args.limit).await?;
    show_answer(&args.operator, &answer, |runs: &ReplayRuns| render::dead::render_replays(runs))
}

async fn dead_replay_cancel(args: &DeadReplayCancelArgs) -> anyhow::Result<CommandEnd> {
    let body = PauseRequestBody { why: args.why.clone() };
    let path = ["dead", "replays", args.id.as_str(), "cancel"];
    let answer = OperatorClient::new(&args.operator)?.post(&path, &body).await?;
    show_answer(&args.operator, &answer, |run: &ReplayRun| render::dead::render_replay(run))
}

/// Prints the outcome that each dead letter would have, in portions.
async fn dry_run(console: &OperatorClient, args: &DeadReplayArgs) -> anyhow::Result<CommandEnd> {
    let ids = match (&args.target, &args.group) {
        (None, None) => args.ids.clone(),
        (target, group) => open_letters(console, target.as_deref(), group.as_deref()).await?,
    };
    let mut all = ReplayAnswer { outcomes: Vec::new(), more: false };
    let progress = TerminalProgress::new();
    for some in ids.chunks(PORTION_MAX) {
        let (some, why) = (some.to_vec(), args.why.clone());
        let body = ReplayRequestBody { ids: Some(some), dry_run: true, why, ..ReplayRequestBody::default() };
        let answer: ReplayAnswer = read_answer(&console.post(&["dead", "replay"], &body).await?)?;
        all.outcomes.extend(answer.outcomes);
        progress.show(&format!("{} of {} dead letters", all.outcomes.len(), ids.len()));
    }
    drop(progress);
    if !args.operator.json {
        print_text(&render::dead::render_replayed(&all))?;
    }
    preview_replay(console, &all, args).await
}

/// Returns the ids of all open dead letters of a target or group, oldest first.
async fn open_letters(
    console: &OperatorClient,
    target: Option<&str>,
    group: Option<&str>,
) -> anyhow::Result<Vec<String>> {
    let target = target.or_else(|| group.and_then(|group| group.split('/').next()));
    let query: Vec<_> = target.map(|target| ("target", target.to_owned())).into_iter().collect();
    let all: DeadLetterList = read_answer(&console.get_list(&["dead"], &query, usize::MAX).await?)?;
    let wanted = all.items.into_iter().filter(|letter| group.is_none_or(|group| letter.group == group));
    Ok(wanted.rev().map(|letter| letter.id).collect())
}

/// Prints the requests for the first `max` dead letters, each as soon as it is known.
async fn preview_replay(
    console: &OperatorClient,
    all: &ReplayAnswer,
    args: &DeadReplayArgs,
) -> anyhow::Result<CommandEnd> {
    let queued: Vec<&LetterOutcome> =
        all.outcomes.iter().filter(|outcome| outcome.outcome == ReplayOutcome::Queued).collect();
    let mut looks = Vec::new();
    for outcome in queued.iter().take(args.requests) {
        let look = match console.get(&["dead", &outcome.id, "preview"], &[]).await {
            Ok(answer) => Ok(read_answer::<PreviewReplayReply>(&answer)?),
            Err(error) => Err(error.to_string()),
        };
        if args.operator.json {
            looks.push(match look {
                Ok(look) => serde_json::to_value(look)?,
                Err(error) => json!({ "id": outcome.id, "error": error }),
            });
        } else {
            print_text(&render::dead::render_preview(&outcome.id, look))?;
        }
    }
    if args.operator.json {
        return print_json(&json!({ "outcomes": all.outcomes, "requests": looks }));
    }
    print_text(&render::dead::requests_shown(queued.len(), args.requests))
}

async fn dead_discard(args: &DeadDiscardArgs) -> anyhow::Result<CommandEnd> {
    let body = DiscardRequestBody { ids: args.ids.clone(), group: args.group.clone(), why: args.why.clone() };
    let answer = OperatorClient::new(&args.operator)?.post(&["dead", "discard"], &body).await?;
    show_answer(&args.operator, &answer, |discarded: &DiscardAnswer| {
        let asked = if args.group.is_some() { &discarded.discarded } else { &args.ids };
        render::dead::render_discarded(discarded, asked)
    })
}
