//! Runs the subcommands of `usher quarantine`.

use console::api::RetryQuarantined;
use lifecycle::{QuarantineReply, RetryOutcome, RetryQuarantinedReply};

use super::client::{OperatorClient, read_answer};
use super::{CommandEnd, show_answer};
use crate::cli::{QuarantineCommand, QuarantineListArgs, QuarantineRetryArgs};
use crate::render;

/// Runs a subcommand of `usher quarantine`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_quarantine(command: &QuarantineCommand) -> anyhow::Result<CommandEnd> {
    match command {
        QuarantineCommand::Ls(args) => list_quarantine(args).await,
        QuarantineCommand::Retry(args) => retry_quarantined(args).await,
    }
}

/// Lists what is in quarantine. The command fails if a service does not answer, after printing the rows of the others.
async fn list_quarantine(args: &QuarantineListArgs) -> anyhow::Result<CommandEnd> {
    let answer = OperatorClient::new(&args.operator)?.get_list(&["quarantine"], &[], args.limit).await?;
    show_answer(&args.operator, &answer, |reply: &QuarantineReply| {
        render::quarantine::render_quarantine(reply)
    })?;
    let reply: QuarantineReply = read_answer(&answer)?;
    Ok(if reply.unavailable.is_empty() { CommandEnd::Done } else { CommandEnd::Failed })
}

async fn retry_quarantined(args: &QuarantineRetryArgs) -> anyhow::Result<CommandEnd> {
    let body = RetryQuarantined { ids: args.ids.clone(), why: args.why.clone() };
    let answer = OperatorClient::new(&args.operator)?.post(&["quarantine", "retry"], &body).await?;
    show_answer(&args.operator, &answer, |reply: &RetryQuarantinedReply| {
        render::quarantine::render_retried(reply)
    })?;
    let reply: RetryQuarantinedReply = read_answer(&answer)?;
    let all_done = reply.items.iter().all(|item| item.outcome == RetryOutcome::Done);
    Ok(if all_done { CommandEnd::Done } else { CommandEnd::Failed })
}
