//! Runs `usher verify`.

use std::time::Duration;

use console::api::VerifyRequestBody;
use lifecycle::{Verification, VerificationState, VerifyReply};

use super::client::{OperatorClient, read_answer};
use super::progress::TerminalProgress;
use super::{CommandEnd, print_json, print_text};
use crate::cli::VerifyArgs;
use crate::render;

/// Interval between requests for the progress of a verification.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// Runs `usher verify`. It ends with "something changes" if there were differences.
///
/// # Errors
/// Returns an error if the console cannot be reached or refuses the request.
pub async fn run_verify(args: &VerifyArgs) -> anyhow::Result<CommandEnd> {
    let console = OperatorClient::new(&args.operator)?;
    let why = args.why.clone().unwrap_or_else(|| "verified on demand".to_owned());
    let body = VerifyRequestBody { target: args.target.clone(), orders_complete: args.orders_complete, why };
    let asked: VerifyReply = read_answer(&console.post(&["verify"], &body).await?)?;
    let mut found = asked.verifications;
    let progress = TerminalProgress::new();
    loop {
        found.retain(|one| args.target.as_ref().is_none_or(|target| *target == one.target));
        if args.no_wait || (!found.is_empty() && found.iter().all(|one| is_done(one, asked.asked_at))) {
            break;
        }
        progress.show("verifying");
        tokio::time::sleep(ASK_EVERY).await;
        found = read_answer::<VerifyReply>(&console.get(&["verify"], &[]).await?)?.verifications;
    }
    drop(progress);
    if args.operator.json {
        print_json(&found)?;
    } else {
        print_text(&render::verify::render_verifications(&found))?;
    }
    Ok(match () {
        () if found.iter().any(|one| one.state == VerificationState::Failed) => CommandEnd::Failed,
        () if found.iter().any(Verification::found_something) => CommandEnd::SomethingChanges,
        () => CommandEnd::Done,
    })
}

fn is_done(one: &Verification, asked_at: i64) -> bool {
    one.state != VerificationState::Running && one.began_at >= asked_at
}
