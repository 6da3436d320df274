//! `usher dead ...`.

use std::time::Duration;

use console::api::{
    DeadDetail, DeadGroups, DeadLetters, Discard, Discarded, Outcome, Replay, Replayed, StartReplay, Why,
};
use lifecycle::{LookLetterReply, ReplayOutcome, ReplayRun, ReplayRuns, ReplayState};
use serde_json::{Value, json};

use super::client::{Console, understood};
use super::progress::Progress;
use super::{Ended, print, print_json, show};
use crate::cli::{
    DeadCommand, DeadDiscardArgs, DeadGroupsArgs, DeadListArgs, DeadReplayArgs, DeadReplayCancelArgs,
    DeadReplaysArgs,
};
use crate::render;

/// Dead letters per request.
const PORTION_MAX: usize = 500;
/// How often the console is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// Dead letters per page of the list.
const PAGE: usize = 500;

/// `usher dead ...`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn dead(command: &DeadCommand) -> anyhow::Result<Ended> {
    match command {
        DeadCommand::Ls(args) => dead_list(args).await,
        DeadCommand::Show(args) => {
            let answer = Console::new(&args.operator)?.get(&["dead", &args.id], &[]).await?;
            show(&args.operator, &answer, |letter: &DeadDetail| render::dead::detail(letter))
        }
        DeadCommand::Groups(args) => dead_groups(args).await,
        DeadCommand::Replay(args) => dead_replay(args).await,
        DeadCommand::Replays(args) => dead_replays(args).await,
        DeadCommand::ReplayCancel(args) => dead_replay_cancel(args).await,
        DeadCommand::Discard(args) => dead_discard(args).await,
    }
}

async fn dead_list(args: &DeadListArgs) -> anyhow::Result<Ended> {
    let mut query = vec![("state", args.state.as_str().to_owned()), ("limit", args.limit.to_string())];
    query.extend(args.target.clone().map(|target| ("target", target)));
    let answer = Console::new(&args.operator)?.get(&["dead"], &query).await?;
    if answer.get("next_cursor").is_some_and(Value::is_string) {
        eprintln!("usher: there are more; raise --limit or narrow with --target");
    }
    show(&args.operator, &answer, |page: &DeadLetters| render::dead::list(page))
}

async fn dead_groups(args: &DeadGroupsArgs) -> anyhow::Result<Ended> {
    let query: Vec<(&str, String)> =
        args.target.clone().map(|target| ("target", target)).into_iter().collect();
    let answer = Console::new(&args.operator)?.get(&["dead", "groups"], &query).await?;
    show(&args.operator, &answer, |groups: &DeadGroups| render::dead::groups(groups))
}

/// Begins to try them again and shows how far that is. Ending the command (Ctrl-C) does not end it.
async fn dead_replay(args: &DeadReplayArgs) -> anyhow::Result<Ended> {
    let console = Console::new(&args.operator)?;
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
    let mut run: ReplayRun = understood(&console.post(&["dead", "replays"], &body).await?)?;
    let progress = Progress::new();
    while run.state == ReplayState::Running && !args.no_wait {
        progress.show(&render::dead::progress(&run));
        tokio::time::sleep(ASK_EVERY).await;
        run = understood(&console.get(&["dead", "replays", run.id.as_str()], &[]).await?)?;
    }
    drop(progress);
    if args.operator.json { print_json(&run) } else { print(&render::dead::run(&run)) }
}

async fn dead_replays(args: &DeadReplaysArgs) -> anyhow::Result<Ended> {
    let answer = Console::new(&args.operator)?.get(&["dead", "replays"], &[]).await?;
    show(&args.operator, &answer, |runs: &ReplayRuns| render::dead::runs(runs))
}

async fn dead_replay_cancel(args: &DeadReplayCancelArgs) -> anyhow::Result<Ended> {
    let body = Why { why: args.why.clone() };
    let path = ["dead", "replays", args.id.as_str(), "cancel"];
    let answer = Console::new(&args.operator)?.post(&path, &body).await?;
    show(&args.operator, &answer, |run: &ReplayRun| render::dead::run(run))
}

/// What would become of each, in portions.
async fn dry_run(console: &Console, args: &DeadReplayArgs) -> anyhow::Result<Ended> {
    let ids = match (&args.target, &args.group) {
        (None, None) => args.ids.clone(),
        (target, group) => open_letters(console, target.as_deref(), group.as_deref()).await?,
    };
    let mut all = Replayed { outcomes: Vec::new(), more: false };
    let progress = Progress::new();
    for some in ids.chunks(PORTION_MAX) {
        let (some, why) = (some.to_vec(), args.why.clone());
        let body = Replay { ids: Some(some), dry_run: true, why, ..Replay::default() };
        let answer: Replayed = understood(&console.post(&["dead", "replay"], &body).await?)?;
        all.outcomes.extend(answer.outcomes);
        progress.show(&format!("{} of {} dead letters", all.outcomes.len(), ids.len()));
    }
    drop(progress);
    if !args.operator.json {
        print(&render::dead::replayed(&all))?;
    }
    preview(console, &all, args).await
}

/// Ids of everything open of a target or a group, the oldest first.
async fn open_letters(
    console: &Console,
    target: Option<&str>,
    group: Option<&str>,
) -> anyhow::Result<Vec<String>> {
    let target = target.or_else(|| group.and_then(|group| group.split('/').next()));
    let mut ids = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("limit", PAGE.to_string())];
        query.extend(target.map(|target| ("target", target.to_owned())));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page: DeadLetters = understood(&console.get(&["dead"], &query).await?)?;
        let wanted =
            page.dead_letters.into_iter().filter(|letter| group.is_none_or(|group| letter.group == group));
        ids.extend(wanted.map(|letter| letter.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            ids.reverse();
            return Ok(ids);
        }
    }
}

/// The requests that would be sent for the first `max`, one by one as they are known.
async fn preview(console: &Console, all: &Replayed, args: &DeadReplayArgs) -> anyhow::Result<Ended> {
    let queued: Vec<&Outcome> =
        all.outcomes.iter().filter(|outcome| outcome.outcome == ReplayOutcome::Queued).collect();
    let mut looks = Vec::new();
    for outcome in queued.iter().take(args.requests) {
        let look = match console.get(&["dead", &outcome.id, "preview"], &[]).await {
            Ok(answer) => Ok(understood::<LookLetterReply>(&answer)?),
            Err(error) => Err(error.to_string()),
        };
        if args.operator.json {
            looks.push(match look {
                Ok(look) => serde_json::to_value(look)?,
                Err(error) => json!({ "id": outcome.id, "error": error }),
            });
        } else {
            print(&render::dead::planned(&outcome.id, look))?;
        }
    }
    if args.operator.json {
        return print_json(&json!({ "outcomes": all.outcomes, "requests": looks }));
    }
    print(&render::dead::requests_shown(queued.len(), args.requests))
}

async fn dead_discard(args: &DeadDiscardArgs) -> anyhow::Result<Ended> {
    let body = Discard { ids: args.ids.clone(), group: args.group.clone(), why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["dead", "discard"], &body).await?;
    show(&args.operator, &answer, |discarded: &Discarded| {
        let asked = if args.group.is_some() { &discarded.discarded } else { &args.ids };
        render::dead::discarded(discarded, asked)
    })
}
