//! `usher schedule ...`.

use console::api::CancelSchedule;
use lifecycle::{CancelScheduleReply, SCHEDULE_PEOPLE_MAX, ScheduleReply};
use time::format_description::well_known::Rfc3339;

use super::client::{Console, understood};
use super::{Ended, show};
use crate::cli::{ScheduleCancelArgs, ScheduleCommand, ScheduleListArgs};
use crate::render;

/// `usher schedule ...`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn schedule(command: &ScheduleCommand) -> anyhow::Result<Ended> {
    match command {
        ScheduleCommand::Ls(args) => list(args).await,
        ScheduleCommand::Cancel(args) => cancel(args).await,
    }
}

async fn list(args: &ScheduleListArgs) -> anyhow::Result<Ended> {
    let console = Console::new(&args.operator)?;
    let mut whole = ScheduleReply::default();
    let mut left = args.limit;
    loop {
        let mut query = vec![("limit", left.clamp(1, SCHEDULE_PEOPLE_MAX).to_string())];
        query.extend(args.person.clone().map(|person| ("person", person)));
        let until = args.until.and_then(|until| until.format(&Rfc3339).ok());
        query.extend(until.map(|until| ("until", until)));
        query.extend(whole.next_cursor.take().map(|cursor| ("cursor", cursor)));
        let page: ScheduleReply = understood(&console.get(&["schedule"], &query).await?)?;
        whole.changes.extend(page.changes);
        whole.next_cursor = page.next_cursor;
        left = left.saturating_sub(SCHEDULE_PEOPLE_MAX);
        if left == 0 || whole.next_cursor.is_none() {
            break;
        }
    }
    let whole = serde_json::to_value(whole).expect("a schedule has only string keys");
    show(&args.operator, &whole, render::schedule::list)
}

/// It has failed when something was not cancelled, after saying what was.
async fn cancel(args: &ScheduleCancelArgs) -> anyhow::Result<Ended> {
    let body = CancelSchedule { what: args.what.clone(), why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["schedule", "cancel"], &body).await?;
    show(&args.operator, &answer, render::schedule::cancelled)?;
    let reply: CancelScheduleReply = understood(&answer)?;
    Ok(if reply.not_cancelled.is_empty() { Ended::Done } else { Ended::Failed })
}
