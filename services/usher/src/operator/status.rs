//! `usher status` and `usher healthcheck`.

use std::time::Duration;

use anyhow::{Context as _, bail};
use console::api::Status;

use super::client::{Console, understood};
use super::{Ended, show};
use crate::cli::StatusArgs;
use crate::render;

/// How long a service may take to say whether it is ready.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// `usher healthcheck`: done when the service is ready.
///
/// # Errors
/// When it is not, or does not answer.
pub async fn healthcheck(admin: &str) -> anyhow::Result<Ended> {
    let url = format!("{}/readyz", admin.trim_end_matches('/'));
    let http = reqwest::Client::builder().no_proxy().timeout(HEALTH_TIMEOUT).build();
    let answer =
        http.context("cannot set up HTTP")?.get(&url).send().await.with_context(|| format!("GET {url}"))?;
    let status = answer.status();
    if !status.is_success() {
        bail!("not ready: {status}: {}", answer.text().await.unwrap_or_default().trim());
    }
    Ok(Ended::Done)
}

/// `usher status`. What is so is not known when a service does not answer, after showing what the others say; with `--check`
/// it has failed when a leaver's account is overdue.
///
/// # Errors
/// Never: without an answer it is not known.
pub async fn status(args: &StatusArgs) -> anyhow::Result<Ended> {
    Ok(Ended::or_not_known(show_status(args).await))
}

async fn show_status(args: &StatusArgs) -> anyhow::Result<Ended> {
    let answer = Console::new(&args.operator)?.get(&["status"], &[]).await?;
    show(&args.operator, &answer, |status: &Status| render::status::render(status))?;
    let status: Status = understood(&answer)?;
    let of_leavers = status.mapper.as_ref().map(|mapper| Ended::of_leavers(&mapper.leavers));
    Ok(match of_leavers {
        Some(Ended::Failed) if args.check => Ended::Failed,
        _ if !status.unavailable.is_empty() => Ended::NotKnown,
        None if args.check => Ended::NotKnown,
        Some(ended) if args.check => ended,
        _ => Ended::Done,
    })
}
