//! Runs the subcommands of `usher schedule`.

use console::api::CancelSchedule;
use lifecycle::{CancelScheduleReply, SCHEDULE_PEOPLE_MAX, ScheduleReply};
use time::format_description::well_known::Rfc3339;

use super::client::{OperatorClient, read_answer};
use super::{CommandEnd, show_answer};
use crate::cli::{ScheduleCancelArgs, ScheduleCommand, ScheduleListArgs};
use crate::render;

/// Runs a subcommand of `usher schedule`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_schedule(command: &ScheduleCommand) -> anyhow::Result<CommandEnd> {
    match command {
        ScheduleCommand::Ls(args) => list_schedule(args).await,
        ScheduleCommand::Cancel(args) => cancel_scheduled(args).await,
    }
}

async fn list_schedule(args: &ScheduleListArgs) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    let mut whole = ScheduleReply::default();
    let mut left = args.limit;
    loop {
        let mut query = vec![("limit", left.clamp(1, SCHEDULE_PEOPLE_MAX).to_string())];
        query.extend(args.person.clone().map(|person| ("person", person)));
        let until = args.until.and_then(|until| until.format(&Rfc3339).ok());
        query.extend(until.map(|until| ("until", until)));
        query.extend(whole.next_cursor.take().map(|cursor| ("cursor", cursor)));
        let page: ScheduleReply = read_answer(&console.get(&["schedule"], &query).await?)?;
        whole.changes.extend(page.changes);
        whole.next_cursor = page.next_cursor;
        left = left.saturating_sub(SCHEDULE_PEOPLE_MAX);
        if left == 0 || whole.next_cursor.is_none() {
            break;
        }
    }
    let whole = serde_json::to_value(whole).expect("a schedule has only string keys");
    show_answer(&args.operator, &whole, render::schedule::render_schedule)
}

/// Cancels scheduled changes. The command fails if one of them was not cancelled, after printing those that were.
async fn cancel_scheduled(args: &ScheduleCancelArgs) -> anyhow::Result<CommandEnd> {
    let body = CancelSchedule { what: args.what.clone(), why: args.why.clone() };
    let answer = OperatorClient::new(&args.operator)?.post(&["schedule", "cancel"], &body).await?;
    show_answer(&args.operator, &answer, render::schedule::render_cancelled)?;
    let reply: CancelScheduleReply = read_answer(&answer)?;
    Ok(if reply.not_cancelled.is_empty() { CommandEnd::Done } else { CommandEnd::Failed })
}
