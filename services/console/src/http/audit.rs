//! Actions of operators are carried out only if the journal can record them.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bus::{Bus, StreamName, StreamSnapshot};
use edge::Problem;

use super::ConsoleStateInner;

/// A fill level in thousandths from which the stream may refuse the record of an action.
const FULL_PER_MILLE: u64 = 990;
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Lets an action through while JOURNAL can record it.
pub(super) async fn require_audit(
    State(context): State<ConsoleStateInner>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    check_audit(&context.bus).await?;
    Ok(next.run(request).await)
}

/// # Errors
/// Returns a problem unless JOURNAL is known to accept the record of an action.
pub(super) async fn check_audit(bus: &Bus) -> Result<(), Problem> {
    let mut trouble = None;
    for look in bus.look_at_streams(StreamName::Journal).await {
        trouble = trouble.or(match look {
            StreamSnapshot::There(state) if state.per_mille() >= FULL_PER_MILLE => {
                Some(format!("the stream {} is full", state.stream))
            }
            StreamSnapshot::There(_) => None,
            StreamSnapshot::Missing { stream } => Some(format!("the stream {stream} is missing")),
            StreamSnapshot::Unknown { stream, why } => {
                Some(format!("the broker does not tell of the stream {stream}: {why}"))
            }
        });
    }
    let Some(trouble) = trouble else { return Ok(()) };
    tracing::error!(trouble, "an act of an operator is refused because it could not be kept in the journal");
    let detail = format!(
        "nothing was done, because it could not be kept in the journal: {trouble}. `usher status` shows the streams; \
         `usher off` works all the same"
    );
    Err(Problem::unavailable("audit_unavailable", detail, RETRY_AFTER))
}
