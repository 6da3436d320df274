//! `usher dead ...`.

use console::api::{DeadDetail, DeadGroups, DeadLetters, Discard, Discarded, Replay, Replayed};
use serde_json::Value;

use super::client::Console;
use super::{Ended, show};
use crate::cli::{DeadCommand, DeadDiscardArgs, DeadGroupsArgs, DeadListArgs, DeadReplayArgs};
use crate::render;

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

async fn dead_replay(args: &DeadReplayArgs) -> anyhow::Result<Ended> {
    let ids = (args.target.is_none() && args.group.is_none()).then(|| args.ids.clone());
    let (target, group, why) = (args.target.clone(), args.group.clone(), args.why.clone());
    let body = Replay { ids, target, group, dry_run: args.dry_run, why };
    let answer = Console::new(&args.operator)?.post(&["dead", "replay"], &body).await?;
    if answer.get("more") == Some(&Value::Bool(true)) {
        eprintln!("usher: the target has more of them; run this again");
    }
    show(&args.operator, &answer, |replayed: &Replayed| render::dead::replayed(replayed))
}

async fn dead_discard(args: &DeadDiscardArgs) -> anyhow::Result<Ended> {
    let body = Discard { ids: args.ids.clone(), group: args.group.clone(), why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["dead", "discard"], &body).await?;
    show(&args.operator, &answer, |discarded: &Discarded| {
        let asked = if args.group.is_some() { &discarded.discarded } else { &args.ids };
        render::dead::discarded(discarded, asked)
    })
}
