//! The shared state of everything that takes events: the broker, the limits, and the admission of callers.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use edge::{AccessRule, Caller, Network, Problem, read_body};
use lifecycle::SourceProblemKind;

use super::admission::quota::SenderQuota;
use super::admission::{AdmittedSource, LoadPressure};
use super::limits::EventLimits;
use super::problems::ProblemLog;

/// The delay of `Retry-After` when there is no connection to the broker.
const PAUSE_FOR_BROKER: Duration = Duration::from_secs(2);

/// The state that everything that takes events shares.
#[derive(Debug)]
pub(crate) struct IntakeState {
    pub(crate) bus: bus::Bus,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) pressure: LoadPressure,
    pub(crate) quota: SenderQuota,
    pub(crate) problems: ProblemLog,
    pub(crate) limits: EventLimits,
    /// The maximum length of a request body, in bytes.
    pub(crate) body_bytes_max: usize,
    /// The maximum time for a request body to arrive, or between two pieces of a streamed one.
    pub(crate) body_time_max: Duration,
}

impl IntakeState {
    /// Records a request as `sender`, which may be [`UNKNOWN_SENDER`], that does not prove its origin.
    pub(crate) fn note_unproven(&self, sender: &str, detail: &str) {
        self.problems.note(sender, SourceProblemKind::RefusedCredentials, 1, detail);
    }

    /// Records a request as `sender` from an address or with a certificate that is not permitted.
    pub(crate) fn note_stranger(&self, sender: &str) {
        self.note_unproven(sender, "from an address or with a certificate that `access` does not name");
    }

    /// Refuses a caller from an address that is not permitted. The response is
    /// that of an unknown token, so it does not reveal that the token is valid.
    pub(crate) fn admit(&self, source: &AdmittedSource, parts: &Parts) -> Result<(), Problem> {
        self.admit_to(source.access(), &source.name, parts)
    }

    /// Checks the caller's address and certificate against `access`, and refuses it like an unknown token.
    pub(crate) fn admit_to(&self, access: &AccessRule, name: &str, parts: &Parts) -> Result<(), Problem> {
        let caller = Caller::of(&parts.extensions, &parts.headers, &self.trusted_proxies);
        access.admits(&caller).map_err(|stranger| {
            telemetry::metrics::caller_refused(stranger.as_str());
            tracing::warn!(source = name, address = ?caller.address, why = %stranger, "a caller was refused");
            Problem::unauthorised(edge::UNKNOWN_TOKEN)
        })
    }

    /// Admits one request of a source, if its rate and the load permit it.
    pub(crate) fn room(&self, source: &AdmittedSource) -> Result<impl Drop + use<>, Problem> {
        source.check_rate(Instant::now())?;
        self.room_for_all()
    }

    /// Admits a request of any caller.
    pub(crate) fn room_for_all(&self) -> Result<impl Drop + use<>, Problem> {
        if !self.bus.connected() {
            let detail = "events cannot be stored now; repeating the request later is safe";
            return Err(Problem::unavailable("broker_unreachable", detail, PAUSE_FOR_BROKER));
        }
        self.pressure.enter()
    }

    /// Reads the body of a request, within the limits of size and time.
    pub(crate) async fn body(&self, headers: &HeaderMap, body: Body) -> Result<bytes::Bytes, Problem> {
        read_body(headers, body, self.body_bytes_max, self.body_time_max).await
    }
}

/// Counts a request without a token, or with a token that belongs to no source.
pub(crate) fn count_unknown_token() {
    telemetry::metrics::caller_refused("unknown_token");
}
