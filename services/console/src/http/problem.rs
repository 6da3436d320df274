//! Failures as RFC 9457 problem documents.

use std::time::Duration;

use axum::http::StatusCode;
use bus::ControlFailure;
use edge::{FieldErrors, Problem};
use lifecycle::RefusalReason;
use store::StoreError;
use telemetry::chain;

use crate::{MAPPER, WRITER};

/// Time after which the client should retry if a service did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Maximum length of an unknown name in a problem, in characters.
const NAME_CHARS_MAX: usize = 200;

/// Returns the problem for an invalid request with these errors.
pub(super) fn invalid_request(errors: FieldErrors) -> Problem {
    Problem::invalid("the request", errors)
}

/// Returns the problem for an invalid request with one error.
pub(super) fn invalid_one(pointer: &str, detail: impl Into<String>) -> Problem {
    let mut errors = FieldErrors::default();
    errors.add(pointer, detail);
    invalid_request(errors)
}

/// Returns the problem for an unknown key or login name of a person or group.
pub(super) fn no_such_person(wanted: &str) -> Problem {
    let wanted: String = wanted.chars().take(NAME_CHARS_MAX).collect();
    let detail = format!(
        "no person or group has the key `{wanted}`, and no person that login name; the timeline knows those that \
         an event was about"
    );
    Problem::new(StatusCode::NOT_FOUND, "person_not_found", detail)
}

/// Returns the problem for an unknown id of a dead letter.
pub(super) fn no_such_letter(id: &str) -> Problem {
    let id: String = id.chars().take(NAME_CHARS_MAX).collect();
    let detail = format!("there is no dead letter `{id}`; `GET /v1/dead?state=all` lists them");
    Problem::new(StatusCode::NOT_FOUND, "dead_letter_not_found", detail)
}

/// Returns the problem for an unknown id of a replay.
pub(super) fn no_such_replay(id: &str) -> Problem {
    let id: String = id.chars().take(NAME_CHARS_MAX).collect();
    let detail = format!("there is no replay `{id}`; `GET /v1/dead/replays` lists them");
    Problem::new(StatusCode::NOT_FOUND, "replay_not_found", detail)
}

/// Returns the problem for a failed database; the caller gets no details.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn database_problem(error: StoreError) -> Problem {
    tracing::error!(error = chain(&error), "the read model cannot be read");
    Problem::internal()
}

/// Returns the problem for an unknown id of a plan.
pub(super) fn no_such_plan(id: &str) -> Problem {
    let id: String = id.chars().take(NAME_CHARS_MAX).collect();
    let detail = format!("`{id}` is no id of a plan; `POST /v1/plans` starts one and names it");
    Problem::new(StatusCode::NOT_FOUND, "plan_not_found", detail)
}

/// Returns the stable code for a service that is not running.
fn not_running(service: &str) -> &'static str {
    match service {
        MAPPER => "mapper_not_running",
        WRITER => "writer_not_running",
        _ => "service_not_running",
    }
}

/// Returns the stable code for a service that did not answer in time.
fn timed_out(service: &str) -> &'static str {
    match service {
        MAPPER => "mapper_timeout",
        WRITER => "writer_timeout",
        _ => "service_timeout",
    }
}

/// Returns the problem for a failed control request to the service that owns the resource.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn no_answer(failure: ControlFailure) -> Problem {
    match &failure {
        ControlFailure::NoResponders { service } => {
            let detail =
                format!("the {service} is not running: start it, then ask again; nothing was changed");
            Problem::unavailable(not_running(service), detail, RETRY_AFTER)
        }
        ControlFailure::Timeout { service, timeout } => {
            let detail = format!(
                "the {service} did not answer within {} s: look at its health and log, then ask again; asking \
                 twice does no harm",
                timeout.as_secs()
            );
            Problem::unavailable(timed_out(service), detail, RETRY_AFTER)
        }
        ControlFailure::Send { service, .. } => {
            tracing::warn!(error = chain(&failure), "a control request was not sent");
            let detail =
                format!("the {service} cannot be reached over the message broker: ask again when it is back");
            Problem::unavailable("broker_unavailable", detail, RETRY_AFTER)
        }
        ControlFailure::Refused { error, .. } if error.reason == RefusalReason::UnknownTarget => {
            Problem::new(StatusCode::NOT_FOUND, "target_not_found", error.message.clone())
        }
        ControlFailure::Refused { error, .. } if error.reason == RefusalReason::ChangedSinceShown => {
            Problem::new(StatusCode::CONFLICT, "changed_since_shown", error.message.clone())
        }
        ControlFailure::Refused { error, .. } => {
            Problem::new(StatusCode::CONFLICT, "refused", error.message.clone())
        }
        ControlFailure::Encode(_) | ControlFailure::Decode { .. } => {
            tracing::error!(error = chain(&failure), "a control request was not understood");
            Problem::internal()
        }
    }
}
