//! Runs `usher status` and `usher healthcheck`.

use std::time::Duration;

use anyhow::{Context as _, bail};
use console::api::ConsoleStatusView;
use outbound::{HttpClientOptions, build_http_client};

use super::client::{OperatorClient, read_answer};
use super::{CommandEnd, show_answer};
use crate::cli::StatusArgs;
use crate::render;

/// Maximum time for a service to answer whether it is ready.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs `usher healthcheck`: succeeds if the service is ready.
///
/// # Errors
/// Returns an error if the service is not ready, or does not answer.
pub async fn run_healthcheck(admin: &str) -> anyhow::Result<CommandEnd> {
    let url = format!("{}/readyz", admin.trim_end_matches('/'));
    let http = build_http_client(HttpClientOptions::for_own_services(HEALTH_TIMEOUT));
    let answer =
        http.context("cannot set up HTTP")?.get(&url).send().await.with_context(|| format!("GET {url}"))?;
    let status = answer.status();
    if !status.is_success() {
        bail!("not ready: {status}: {}", answer.text().await.unwrap_or_default().trim());
    }
    Ok(CommandEnd::Done)
}

/// Runs `usher status`. If a service does not answer, the command prints the rest and ends with "not known". With `--check`, it
/// fails if a leaver's account is overdue.
///
/// # Errors
/// Never: without an answer, the command ends with "not known".
pub async fn run_status(args: &StatusArgs) -> anyhow::Result<CommandEnd> {
    Ok(CommandEnd::or_not_known(show_status(args).await))
}

async fn show_status(args: &StatusArgs) -> anyhow::Result<CommandEnd> {
    let answer = OperatorClient::new(&args.operator)?.get(&["status"], &[]).await?;
    show_answer(&args.operator, &answer, |status: &ConsoleStatusView| render::status::render_status(status))?;
    let status: ConsoleStatusView = read_answer(&answer)?;
    let of_leavers = status.mapper.as_ref().map(|mapper| CommandEnd::of_leavers(&mapper.leavers));
    Ok(match of_leavers {
        Some(CommandEnd::Failed) if args.check => CommandEnd::Failed,
        _ if !status.unavailable.is_empty() => CommandEnd::NotKnown,
        None if args.check => CommandEnd::NotKnown,
        Some(ended) if args.check => ended,
        _ => CommandEnd::Done,
    })
}
