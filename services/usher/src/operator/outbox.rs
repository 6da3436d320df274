//! Runs the subcommands of `usher outbox`.

use console::api::{OutboxList, RetrySetAside};
use lifecycle::OutboxReply;

use super::client::{OperatorClient, read_answer};
use super::{CommandEnd, show_answer};
use crate::cli::{OutboxCommand, OutboxListArgs, OutboxRetryArgs};
use crate::render;

/// Runs a subcommand of `usher outbox`.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_outbox(command: &OutboxCommand) -> anyhow::Result<CommandEnd> {
    match command {
        OutboxCommand::Ls(args) => list_outboxes(args).await,
        OutboxCommand::Retry(args) => retry_message(args).await,
        OutboxCommand::Discard(args) => discard_message(args).await,
    }
}

/// Lists the outboxes. The command fails if a service does not answer, after printing the answers of the others.
async fn list_outboxes(args: &OutboxListArgs) -> anyhow::Result<CommandEnd> {
    let answer = OperatorClient::new(&args.operator)?.get_list(&["outbox"], &[], args.limit).await?;
    show_answer(&args.operator, &answer, |outboxes: &OutboxList| render::outbox::render_outboxes(outboxes))?;
    let outboxes: OutboxList = read_answer(&answer)?;
    Ok(if outboxes.unavailable.is_empty() { CommandEnd::Done } else { CommandEnd::Failed })
}

/// Retries a message. The command fails if the broker refuses it again.
async fn retry_message(args: &OutboxRetryArgs) -> anyhow::Result<CommandEnd> {
    let body = RetrySetAside { service: args.service.clone(), id: args.id.clone(), why: args.why.clone() };
    let answer = OperatorClient::new(&args.operator)?.post(&["outbox", "retry"], &body).await?;
    show_answer(&args.operator, &answer, |reply: &OutboxReply| render::outbox::render_outbox(reply))?;
    let reply: OutboxReply = read_answer(&answer)?;
    // A message that is refused again is first in the answer, under its id or as parts of it.
    let part = format!("{}.", args.id);
    let is_refused =
        reply.set_aside.iter().any(|message| message.id == args.id || message.id.starts_with(&part));
    Ok(if is_refused { CommandEnd::Failed } else { CommandEnd::Done })
}

async fn discard_message(args: &OutboxRetryArgs) -> anyhow::Result<CommandEnd> {
    let body = RetrySetAside { service: args.service.clone(), id: args.id.clone(), why: args.why.clone() };
    let answer = OperatorClient::new(&args.operator)?.post(&["outbox", "discard"], &body).await?;
    show_answer(&args.operator, &answer, |reply: &OutboxReply| render::outbox::render_outbox(reply))?;
    Ok(CommandEnd::Done)
}
