//! `usher quarantine ...`.

use console::api::RetryQuarantined;
use lifecycle::{QuarantineReply, RetryOutcome, RetryQuarantinedReply};

use super::client::{Console, understood};
use super::{Ended, show};
use crate::cli::{QuarantineCommand, QuarantineListArgs, QuarantineRetryArgs};
use crate::render;

/// `usher quarantine ...`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn quarantine(command: &QuarantineCommand) -> anyhow::Result<Ended> {
    match command {
        QuarantineCommand::Ls(args) => list(args).await,
        QuarantineCommand::Retry(args) => retry(args).await,
    }
}

async fn list(args: &QuarantineListArgs) -> anyhow::Result<Ended> {
    let query = [("limit", args.limit.to_string())];
    let answer = Console::new(&args.operator)?.get(&["quarantine"], &query).await?;
    show(&args.operator, &answer, |reply: &QuarantineReply| render::quarantine::list(reply))
}

async fn retry(args: &QuarantineRetryArgs) -> anyhow::Result<Ended> {
    let body = RetryQuarantined { ids: args.ids.clone(), why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["quarantine", "retry"], &body).await?;
    show(&args.operator, &answer, |reply: &RetryQuarantinedReply| render::quarantine::retried(reply))?;
    let reply: RetryQuarantinedReply = understood(&answer)?;
    let all_done = reply.items.iter().all(|item| item.outcome == RetryOutcome::Done);
    Ok(if all_done { Ended::Done } else { Ended::Failed })
}
