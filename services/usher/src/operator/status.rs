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

/// `usher status`. It has failed when a service does not answer, after showing what the others say; with `--check` also
/// when a leaver's account is overdue.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn status(args: &StatusArgs) -> anyhow::Result<Ended> {
    let answer = Console::new(&args.operator)?.get(&["status"], &[]).await?;
    show(&args.operator, &answer, |status: &Status| render::status::render(status))?;
    let status: Status = understood(&answer)?;
    let overdue = status.mapper.as_ref().map(|mapper| mapper.leavers.overdue);
    let is_alarm = args.check && overdue != Some(0);
    Ok(if is_alarm || !status.unavailable.is_empty() { Ended::Failed } else { Ended::Done })
}
