//! Admission control: authorises a source's events, enforces its rate, and limits concurrent requests and mapper lag.

pub(crate) mod authority;
mod bucket;
pub(crate) mod quota;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use edge::{AccessRule, FieldErrors, Problem};
use lifecycle::{EventKind, MissingRight, SenderRights, ThinNotice};
use readings::DateReader;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::intake::received::{EventPlace, ReceivedEvent};
use crate::intake::source::SourceConfig;
use authority::SourceAuthority;
use bucket::TokenBucket;

/// The default delay of `Retry-After` for a refused request.
const PAUSE: Duration = Duration::from_secs(1);
/// The delay of `Retry-After` while the mapper catches up.
const PAUSE_FOR_LAG: Duration = Duration::from_secs(10);

/// A system that sends events.
#[derive(Debug)]
pub(crate) struct AdmittedSource {
    /// The name in the configuration, in metrics and in logs.
    pub(crate) name: String,
    /// What it may say.
    rights: SenderRights,
    /// The CloudEvents `source` values that this source may claim. `None` for a source that cannot claim one, because the gateway sets it.
    authority: Option<SourceAuthority>,
    /// The rate limit. `None` means that there is no limit.
    bucket: Option<Mutex<TokenBucket>>,
    access: AccessRule,
    /// The number of its requests in progress.
    in_flight: Arc<AtomicUsize>,
    /// Parses the whole days that its events name.
    dates: DateReader,
}

impl AdmittedSource {
    /// A source that posts CloudEvents and bulk requests; `providers` are the names of identity providers.
    pub(crate) fn new(config: SourceConfig, providers: &[String], now: Instant) -> Self {
        let bucket = config.events_per_second_max.map(|rate| Mutex::new(TokenBucket::full(rate, now)));
        let dates = config.dates();
        let rights = config.rights();
        let SourceConfig { name, ce_source, access, .. } = config;
        let authority = Some(SourceAuthority::new(&name, &ce_source, providers));
        Self { name, rights, authority, bucket, access, in_flight: Arc::default(), dates }
    }

    /// Creates a source that cannot claim a CloudEvents `source`: a webhook or an identity provider.
    pub(crate) fn of_webhook(
        name: String,
        rights: SenderRights,
        events_per_second_max: Option<u32>,
        access: AccessRule,
        now: Instant,
    ) -> Self {
        let bucket = events_per_second_max.map(|rate| Mutex::new(TokenBucket::full(rate, now)));
        Self {
            name,
            rights,
            authority: None,
            bucket,
            access,
            in_flight: Arc::default(),
            dates: DateReader::default(),
        }
    }

    fn bucket(&self) -> Option<MutexGuard<'_, TokenBucket>> {
        Some(self.bucket.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the reader for the days that its events name, in its time zone.
    pub(crate) fn dates(&self) -> &DateReader {
        &self.dates
    }

    /// Returns the rule for the addresses and certificates from which this source may connect.
    pub(crate) fn access(&self) -> &AccessRule {
        &self.access
    }

    /// Refuses a source that has used up its rate; runs before the body is read.
    pub(crate) fn check_rate(&self, now: Instant) -> Result<(), Problem> {
        self.bucket().map_or(Ok(()), |mut bucket| bucket.check(now)).map_err(too_fast)
    }

    /// Counts `events` against the rate. A request is never split: the last one that is admitted may overdraw the bucket.
    pub(crate) fn spend(&self, events: usize, now: Instant) -> Result<(), Problem> {
        self.bucket().map_or(Ok(()), |mut bucket| bucket.spend(events, now)).map_err(too_fast)
    }

    /// Counts `events` of a request that is already admitted, even if this overdraws the bucket.
    pub(crate) fn overdraw(&self, events: usize, now: Instant) {
        if let Some(mut bucket) = self.bucket() {
            bucket.overdraw(events, now);
        }
    }

    /// Refuses thin notices about people from a source that may not send worker events.
    pub(crate) fn authorise_thin(&self, thin: &[ThinNotice]) -> Result<(), Problem> {
        if thin.is_empty() || self.rights.covers_people() {
            return Ok(());
        }
        Err(Problem::forbidden(
            "this source may not send events about people; no event of the request was accepted",
        ))
    }

    /// Refuses events that this source may not send: events of another `source`, and those for which it lacks a right. Rows,
    /// operations and notices are refused only if it may send no event of their type; the mapper lists what else is not used.
    pub(crate) fn authorise(&self, received: &[ReceivedEvent]) -> Result<(), Problem> {
        let mut errors = FieldErrors::default();
        for ReceivedEvent { event, place, .. } in received {
            let is_feed = matches!(place, EventPlace::Operation(_));
            if let Some(authority) = self.authority.as_ref().filter(|_| !is_feed)
                && !authority.covers(&event.source)
            {
                let detail = format!(
                    "this token may not send events with this `source`, only with {}; see `ce_source` of the source {}",
                    authority.in_words(),
                    self.name
                );
                errors.add(place.attribute("source"), detail);
            }
            let missing = match is_feed {
                true => self.rights.missing_for_kind(event.kind),
                false => self.rights.refused_at_once(event),
            };
            if let Some(missing) = missing {
                let is_of_type = self.rights.missing_for_kind(event.kind).is_some();
                let at = if is_of_type || missing == MissingRight::Employment { "type" } else { "subject" };
                errors.add(place.attribute(at), self.refusal(&missing, event.kind));
            }
        }
        let problem = || Problem::forbidden("no event of the request was accepted");
        if errors.is_empty() { Ok(()) } else { Err(errors.into_problem(problem())) }
    }
}

impl AdmittedSource {
    /// Describes a right that the source lacks, and how to grant it.
    fn refusal(&self, missing: &MissingRight, kind: EventKind) -> String {
        let (name, setting) = (&self.name, missing.setting());
        let has = match missing {
            MissingRight::Person if kind.is_worker() => format!(" (it is {})", self.rights.people),
            MissingRight::Group => format!(" (it is {})", self.rights.groups),
            _ => String::new(),
        };
        let what = match missing {
            MissingRight::Kind => "events of this type".to_owned(),
            MissingRight::Employment => format!("{kind}, which states who works here"),
            missing => missing.to_string(),
        };
        format!(
            "the sender {name} may not send {what}: send it with another token, or extend `may.{setting}` of {name}{has}; \
             see docs/authority.md"
        )
    }
}

/// Returns the 429 problem for a source that exceeds its rate.
fn too_fast(wait: Duration) -> Problem {
    let detail = "this source exceeds its maximum number of events per second";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_fast", detail).retry_after(wait)
}

/// The place of one request of a source.
#[derive(Debug)]
pub(crate) struct SourceSeat {
    of_source: Arc<AtomicUsize>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for SourceSeat {
    fn drop(&mut self) {
        self.of_source.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The current load: requests in flight here, and the mapper's lag behind the broker.
#[derive(Debug)]
pub(crate) struct LoadPressure {
    in_flight: Arc<Semaphore>,
    /// The maximum number of requests of one source, so that it leaves room for the others.
    of_source_max: usize,
    /// The mapper's lag in messages, as of the last check; 0 while it is unknown.
    mapper_lag: AtomicU64,
    mapper_lag_max: u64,
}

impl LoadPressure {
    /// Allows at most `in_flight_max` concurrent requests, and a mapper lag of at most `mapper_lag_max` messages.
    pub(crate) fn new(in_flight_max: usize, mapper_lag_max: u64) -> Self {
        let in_flight = Arc::new(Semaphore::new(in_flight_max));
        let of_source_max = (in_flight_max - in_flight_max / 4).max(1);
        Self { in_flight, of_source_max, mapper_lag: AtomicU64::new(0), mapper_lag_max }
    }

    /// Records the mapper's lag in messages. `None` means that the lag is unknown, which refuses no request.
    pub(crate) fn note_lag(&self, lag: Option<u64>) {
        self.mapper_lag.store(lag.unwrap_or(0), Ordering::Relaxed);
    }

    /// Refuses requests while the mapper's lag exceeds the maximum.
    pub(crate) fn check_lag(&self) -> Result<(), Problem> {
        if self.mapper_lag.load(Ordering::Relaxed) <= self.mapper_lag_max {
            return Ok(());
        }
        let detail = "the backlog of events is too large; sending the same request later is safe";
        Err(Problem::unavailable("backlog", detail, PAUSE_FOR_LAG))
    }

    /// Admits one request that makes events. The returned permit holds its place; the lag of the mapper is checked first.
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.check_lag()?;
        self.seat()
    }

    /// Admits one request of a source, as [`Self::enter`] does. One source never has every place.
    pub(crate) fn enter_for(&self, source: &AdmittedSource) -> Result<SourceSeat, Problem> {
        let permit = self.enter()?;
        let before = source.in_flight.fetch_add(1, Ordering::Relaxed);
        let seat = SourceSeat { of_source: Arc::clone(&source.in_flight), _permit: permit };
        if before < self.of_source_max {
            return Ok(seat);
        }
        let detail = "too many requests of this source at the same time";
        Err(Problem::unavailable("too_many_in_flight", detail, PAUSE))
    }

    /// Admits one request that makes no events. It can be answered however far the mapper is behind.
    pub(crate) fn seat(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.in_flight).try_acquire_owned().map_err(|_| {
            let detail = "too many requests at the same time";
            Problem::unavailable("too_many_in_flight", detail, PAUSE)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_again_when_a_request_is_done() {
        let pressure = LoadPressure::new(1, 10);
        let first = pressure.enter().unwrap();
        let refused = pressure.enter().unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code()), (503, "too_many_in_flight"));
        drop(first);
        assert!(pressure.enter().is_ok());
    }

    #[test]
    fn one_source_leaves_room_for_the_others() {
        let source = |name: &str| {
            AdmittedSource::of_webhook(
                name.into(),
                SenderRights::everything(),
                None,
                AccessRule::default(),
                Instant::now(),
            )
        };
        let (greedy, quiet) = (source("greedy"), source("quiet"));
        let pressure = LoadPressure::new(4, 10);
        let mut seats: Vec<_> = (0..3).map(|_| pressure.enter_for(&greedy).unwrap()).collect();
        assert_eq!(pressure.enter_for(&greedy).unwrap_err().code(), "too_many_in_flight");
        assert!(pressure.enter_for(&quiet).is_ok());
        seats.pop();
        assert!(pressure.enter_for(&greedy).is_ok());
    }

    #[test]
    fn a_backlog_refuses_until_it_shrinks_or_is_unknown() {
        let pressure = LoadPressure::new(1, 10);
        pressure.note_lag(Some(11));
        assert_eq!(pressure.enter().unwrap_err().code(), "backlog");
        pressure.note_lag(Some(10));
        assert!(pressure.enter().is_ok());
        pressure.note_lag(Some(11));
        pressure.note_lag(None);
        assert!(pressure.enter().is_ok());
    }
}
