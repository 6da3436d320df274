//! Waits for a level, never for an edge. No other code in this crate sleeps,
//! except for the pause before a message that was not accepted is posted again.

use std::fmt::Display;
use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

/// The initial pause between two probes. It grows to [`LOOK_AGAIN_MAX`], so that waiting costs little.
const LOOK_AGAIN_MIN: Duration = Duration::from_millis(20);
/// See [`LOOK_AGAIN_MIN`].
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(50);

/// Calls `probe` until it returns `Ok`, and returns its result. `Err` is the reason why the
/// level is not reached yet. The last reason is a part of the error if `deadline` passes.
///
/// # Errors
/// Fails if `deadline` passes first.
pub async fn wait_for_level<T, E: Display>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> anyhow::Result<T> {
    let end = Instant::now() + deadline;
    let mut pause = LOOK_AGAIN_MIN;
    loop {
        let why_not = match tokio::time::timeout_at(end, probe()).await {
            Ok(Ok(seen)) => return Ok(seen),
            Ok(Err(why_not)) => why_not.to_string(),
            Err(_) => bail!("{what}: not within {} s, and the last look did not end", deadline.as_secs_f32()),
        };
        if Instant::now() + pause >= end {
            bail!("{what}: not within {} s, because: {why_not}", deadline.as_secs_f32());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LOOK_AGAIN_MAX);
    }
}

/// Returns `Ok` if the condition holds, otherwise the reason why it does not. It is meant for probes.
///
/// # Errors
/// Fails if `is_so` is false.
pub fn level_reached(is_so: bool, why_not: impl Display) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(why_not.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn looks_until_it_is_so_or_says_why_it_never_was() {
        let mut looks = 0;
        let third = wait_for_level("third look", Duration::from_secs(1), async || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err("too early") }
        });
        assert_eq!(third.await.expect("it comes"), 3);
        let never = wait_for_level("never", Duration::from_millis(100), async || {
            level_reached(false, "it is Monday")
        })
        .await;
        let error = never.expect_err("it never comes").to_string();
        assert!(error.contains("never") && error.contains("it is Monday"), "{error}");
    }
}
