//! `usher outbox ...`.

use console::api::{Outboxes, RetrySetAside};
use lifecycle::OutboxReply;

use super::client::{Console, understood};
use super::{Ended, show};
use crate::cli::{OperatorArgs, OutboxCommand, OutboxRetryArgs};
use crate::render;

/// `usher outbox ...`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn outbox(command: &OutboxCommand) -> anyhow::Result<Ended> {
    match command {
        OutboxCommand::Ls(args) => list(args).await,
        OutboxCommand::Retry(args) => retry(args).await,
        OutboxCommand::Discard(args) => discard(args).await,
    }
}

/// It has failed when a service does not answer, after showing what the others say.
async fn list(args: &OperatorArgs) -> anyhow::Result<Ended> {
    let answer = Console::new(args)?.get(&["outbox"], &[]).await?;
    show(args, &answer, |outboxes: &Outboxes| render::outbox::list(outboxes))?;
    let outboxes: Outboxes = understood(&answer)?;
    Ok(if outboxes.unavailable.is_empty() { Ended::Done } else { Ended::Failed })
}

/// It has failed when the broker refuses the message again.
async fn retry(args: &OutboxRetryArgs) -> anyhow::Result<Ended> {
    let body = RetrySetAside { service: args.service.clone(), id: args.id.clone(), why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["outbox", "retry"], &body).await?;
    show(&args.operator, &answer, |reply: &OutboxReply| render::outbox::one(reply))?;
    let reply: OutboxReply = understood(&answer)?;
    let is_refused = reply.set_aside.iter().any(|message| message.id.starts_with(&args.id));
    Ok(if is_refused { Ended::Failed } else { Ended::Done })
}

async fn discard(args: &OutboxRetryArgs) -> anyhow::Result<Ended> {
    let body = RetrySetAside { service: args.service.clone(), id: args.id.clone(), why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["outbox", "discard"], &body).await?;
    show(&args.operator, &answer, |reply: &OutboxReply| render::outbox::one(reply))?;
    Ok(Ended::Done)
}
