//! `usher dead ...`.

use std::time::Duration;

use console::api::{DeadDetail, DeadGroups, DeadLetters, Discard, Discarded, Outcome, Replay, Replayed};
use lifecycle::{LookLetterReply, ReplayOutcome};
use serde_json::{Value, json};

use super::client::{Console, understood};
use super::progress::Progress;
use super::{Ended, print, print_json, show};
use crate::cli::{DeadCommand, DeadDiscardArgs, DeadGroupsArgs, DeadListArgs, DeadReplayArgs};
use crate::render;

/// Dead letters per request.
const PORTION_MAX: usize = 500;
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

/// Replays in portions. Ending it (Ctrl-C) leaves the rest as it is; running it again goes on, and what was replayed is not
/// replayed twice.
async fn dead_replay(args: &DeadReplayArgs) -> anyhow::Result<Ended> {
    let console = Console::new(&args.operator)?;
    let ids = match (&args.target, &args.group) {
        (None, None) => args.ids.clone(),
        (target, group) => open_letters(&console, target.as_deref(), group.as_deref()).await?,
    };
    let portion = args.per_second.map_or(PORTION_MAX, |number| number as usize);
    let mut all = Replayed { outcomes: Vec::new(), more: false };
    let progress = Progress::new();
    for (at, some) in ids.chunks(portion).enumerate() {
        if at > 0 && args.per_second.is_some() && !args.dry_run {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let body = Replay {
            ids: Some(some.to_vec()),
            dry_run: args.dry_run,
            why: args.why.clone(),
            ..Replay::default()
        };
        let answer: Replayed = understood(&console.post(&["dead", "replay"], &body).await?)?;
        all.outcomes.extend(answer.outcomes);
        if ids.len() > portion {
            progress.show(&format!("{} of {} dead letters", all.outcomes.len(), ids.len()));
        }
    }
    drop(progress);
    if !args.operator.json {
        print(&render::dead::replayed(&all))?;
    }
    match (args.dry_run, args.operator.json) {
        (true, _) => preview(&console, &all, args).await,
        (false, true) => print_json(&all),
        (false, false) => Ok(Ended::Done),
    }
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
