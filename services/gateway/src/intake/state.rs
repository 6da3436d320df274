//! The shared state of everything that takes events: the broker, the limits, and the admission of callers.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use edge::{
    AccessRule, BodyPace, Caller, CallerBudget, CallerOrigin, CallerStanding, CredentialGuard, Network,
    Problem, TokenTable, read_body, read_paced_body,
};
use lifecycle::SourceProblemKind;

use super::admission::quota::SenderQuota;
use super::admission::{AdmittedSource, LoadPressure};
use super::limits::EventLimits;
use super::problems::ProblemLog;

/// The time that the body of a caller that has not proven who it is may take before the minimum pace applies.
const UNPROVEN_GRACE: Duration = Duration::from_secs(5);
/// The delay of `Retry-After` for a caller whose place was given to another one.
const PAUSE_WITHOUT_PLACE: Duration = Duration::from_secs(1);
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
    /// The places for bodies of callers that have not proven who they are.
    pub(crate) unproven: CallerBudget,
    /// The callers with wrong credentials.
    pub(crate) guard: CredentialGuard,
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
            self.guard.note_wrong(caller.address.map(CallerOrigin::of), Some(name), Instant::now());
            tracing::debug!(source = name, address = ?caller.address, why = %stranger, "a caller was refused");
            Problem::unauthorised(edge::UNKNOWN_TOKEN)
        })
    }

    /// Returns the origin of a caller, if it can be known.
    pub(crate) fn origin(&self, parts: &Parts) -> Option<CallerOrigin> {
        Caller::of(&parts.extensions, &parts.headers, &self.trusted_proxies).address.map(CallerOrigin::of)
    }

    /// Returns the holder of the request's token. Its connection is kept from now on while the request is in work.
    pub(crate) fn authenticate<'t, T>(
        &self,
        table: &'t TokenTable<T>,
        parts: &Parts,
    ) -> Result<&'t T, Problem> {
        let holder = self.guard.authenticate(table, &parts.headers, self.origin(parts))?;
        note_proven(&parts.extensions);
        Ok(holder)
    }

    /// Admits one request of a source, if its rate and the load permit it.
    pub(crate) fn room(&self, source: &AdmittedSource) -> Result<impl Drop + use<>, Problem> {
        source.check_rate(Instant::now())?;
        self.check_broker()?;
        self.pressure.enter_for(source)
    }

    /// Admits a request of any caller.
    pub(crate) fn room_for_all(&self) -> Result<impl Drop + use<>, Problem> {
        self.check_broker()?;
        self.pressure.enter()
    }

    /// Refuses a request that could not be stored now, without a place for it.
    pub(crate) fn check_load(&self) -> Result<(), Problem> {
        self.check_broker()?;
        self.pressure.check_lag()
    }

    fn check_broker(&self) -> Result<(), Problem> {
        if self.bus.connected() {
            return Ok(());
        }
        let detail = "events cannot be stored now; repeating the request later is safe";
        Err(Problem::unavailable("broker_unreachable", detail, PAUSE_FOR_BROKER))
    }

    /// Reads the body of a caller that has not proven who it is. It takes no place from those who have: when there are too many
    /// such bodies, the oldest of the address with the most gives way.
    pub(crate) async fn unproven_body(&self, parts: &Parts, body: Body) -> Result<bytes::Bytes, Problem> {
        let unknown = || CallerOrigin::of(std::net::Ipv4Addr::UNSPECIFIED.into());
        let origin = self.origin(parts).unwrap_or_else(unknown);
        let place = self.unproven.enter(origin, CallerStanding::default());
        let pace = BodyPace::new(UNPROVEN_GRACE);
        let read = read_paced_body(&parts.headers, body, self.body_bytes_max, self.body_time_max, pace);
        tokio::select! {
            body = read => body,
            () = place.displaced() => {
                telemetry::metrics::body_displaced();
                let detail = "too many requests at the same time; the body did not come before others needed its place";
                Err(Problem::unavailable("too_many_in_flight", detail, PAUSE_WITHOUT_PLACE))
            }
        }
    }

    /// Reads the body of a request, within the limits of size and time.
    pub(crate) async fn body(&self, headers: &HeaderMap, body: Body) -> Result<bytes::Bytes, Problem> {
        read_body(headers, body, self.body_bytes_max, self.body_time_max).await
    }
}

/// Notes that a request comes from a caller that has proven who it is.
pub(crate) fn note_proven(extensions: &Extensions) {
    if let Some(standing) = extensions.get::<CallerStanding>() {
        standing.prove();
    }
}

/// Counts a request without a token, or with a token that belongs to no source.
pub(crate) fn count_unknown_token() {
    telemetry::metrics::caller_refused("unknown_token");
}
