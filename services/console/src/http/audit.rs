//! Actions of operators are carried out only if the journal can record them.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bus::{Bus, StreamName, StreamSnapshot};
use edge::Problem;

use super::ConsoleStateInner;
use super::auth::OperatorName;

/// A fill level in thousandths from which the stream may refuse the record of an action.
const FULL_PER_MILLE: u64 = 990;
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The proof that an act may be requested.
#[derive(Debug, Clone, Copy)]
pub(super) struct AuditReady(());

impl AuditReady {
    /// Returns the proof for disabling a person immediately: it is never refused for the journal's sake, and its record waits
    /// in the mapper's outbox.
    pub(super) fn of_disabling() -> Self {
        Self(())
    }
}

/// The operator of an act that the journal can record. Without it, no handler can request an act.
#[derive(Debug)]
pub(super) struct AuditedOperator {
    /// The name of the operator.
    pub(super) who: String,
    /// The proof for the request of the act.
    pub(super) ready: AuditReady,
}

impl FromRequestParts<ConsoleStateInner> for AuditedOperator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &ConsoleStateInner) -> Result<Self, Problem> {
        let ready = check_audit(&context.bus).await?;
        let operator = parts.extensions.get::<OperatorName>().ok_or_else(Problem::internal)?;
        Ok(Self { who: operator.0.clone(), ready })
    }
}

/// Checks that JOURNAL can record an act.
///
/// # Errors
/// Returns a problem unless JOURNAL is known to accept the record of an action.
pub(super) async fn check_audit(bus: &Bus) -> Result<AuditReady, Problem> {
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
    let Some(trouble) = trouble else { return Ok(AuditReady(())) };
    tracing::error!(trouble, "an act of an operator is refused because it could not be kept in the journal");
    let detail = format!(
        "nothing was done, because it could not be kept in the journal: {trouble}. `usher status` shows the streams; \
         `usher off` works all the same"
    );
    Err(Problem::unavailable("audit_unavailable", detail, RETRY_AFTER))
}
