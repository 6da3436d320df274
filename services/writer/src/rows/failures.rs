//! The failed requests of a resource or a membership, as JSON in its row. A dead letter shows them, if there is one later.

use lifecycle::{FAILURES_MAX, FailedRequest};
use serde_json::Value;

/// The maximum size of a stored request body in bytes. A larger body, such as that of a large group, is replaced by its length.
const BODY_BYTES_MAX: usize = 8 * 1024;

/// Adds `failed` to the stored requests, and keeps the most recent ones.
pub(crate) fn keep_failures(kept: &mut Option<String>, failed: &[FailedRequest]) {
    if failed.is_empty() {
        return;
    }
    let mut all = read_failures(kept.as_deref());
    all.extend(failed.iter().cloned().map(shorten_failure));
    all.drain(..all.len().saturating_sub(FAILURES_MAX));
    *kept = Some(serde_json::to_string(&all).expect("a failed request has only string keys"));
}

/// Takes out the stored requests, the oldest first.
pub(crate) fn take_failures(kept: &mut Option<String>) -> Vec<FailedRequest> {
    read_failures(kept.take().as_deref())
}

/// Parses stored requests. Those of another version that this one cannot read are only missing from the display.
fn read_failures(kept: Option<&str>) -> Vec<FailedRequest> {
    kept.and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default()
}

/// Replaces a request body that is too large by its length.
fn shorten_failure(mut failed: FailedRequest) -> FailedRequest {
    if let Some(body) = &mut failed.exchange.request_body {
        let bytes = body.to_string().len();
        if bytes > BODY_BYTES_MAX {
            *body = Value::String(format!("<{bytes} bytes>"));
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifecycle::{AttemptClass, RequestExchange};

    fn failed(n: usize, body: &str) -> FailedRequest {
        FailedRequest {
            at: time::OffsetDateTime::UNIX_EPOCH,
            operation: "update".to_owned(),
            class: AttemptClass::Transient,
            error: n.to_string(),
            duration_ms: 1,
            exchange: RequestExchange {
                method: "PATCH".to_owned(),
                path: "/Users/1".to_owned(),
                request_body: Some(body.into()),
                status: Some(500),
                response_body: None,
            },
        }
    }

    #[test]
    fn the_last_few_are_kept_in_order_and_large_bodies_are_not() {
        let mut kept = None;
        keep_failures(&mut kept, &[]);
        assert_eq!(kept, None);
        for n in 0..15 {
            keep_failures(&mut kept, &[failed(n, "x")]);
        }
        keep_failures(&mut kept, &[failed(15, &"x".repeat(BODY_BYTES_MAX))]);
        let all = take_failures(&mut kept);
        let errors: Vec<String> = all.iter().map(|failed| failed.error.clone()).collect();
        assert_eq!(errors, (6..16).map(|n: usize| n.to_string()).collect::<Vec<_>>());
        assert_eq!(all[9].exchange.request_body, Some("<8194 bytes>".into()));
        assert_eq!(kept, None);
    }
}
