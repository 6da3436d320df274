//! Callers with wrong credentials: counted, logged in aggregate, and slowed down.
//!
//! An origin that presents too many wrong credentials is refused unchecked for a while. What was right from there before is always
//! checked, so an attacker behind the same address locks out no caller that is known there, and no caller at any other address. A
//! name that many origins attack is not locked at all: wrong answers to it only take longer.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::{CallerOrigin, Problem, TokenHash, TokenTable, UNKNOWN_TOKEN, bearer_token};

/// The number of wrong credentials that an origin may present at once.
const FAILURES_MAX: u32 = 20;
/// The time after which an origin may present one more.
const FORGIVEN_EVERY: Duration = Duration::from_secs(3);
/// The number of wrong credentials for one name in a minute beyond which the answers are delayed.
const NAME_FAILURES_MAX: usize = 30;
/// The delay of such an answer.
const NAME_DELAY: Duration = Duration::from_secs(1);
/// The maximum number of answers that are delayed at the same time.
const DELAYED_MAX: usize = 64;
/// The maximum number of origins, names and known credentials that are remembered.
const REMEMBERED_MAX: usize = 10_000;
/// The time for which a credential that was right stays known.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 3600);
/// The interval of the summaries in the log.
const SUMMARY_PERIOD: Duration = Duration::from_secs(60);
/// The maximum number of origins and names in a summary.
const NAMED_MAX: usize = 5;
/// The period of [`CredentialGuard::last_hour`].
const HOUR: Duration = Duration::from_secs(3600);

/// Wrong credentials in the last hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WrongCredentials {
    /// The number of requests.
    pub requests: u64,
}

/// Counts, logs and slows down callers with wrong credentials.
#[derive(Debug)]
pub struct CredentialGuard {
    server: &'static str,
    state: Mutex<GuardState>,
    delayed: AtomicUsize,
}

#[derive(Debug, Default)]
struct GuardState {
    /// The failures of each origin, and when they were counted.
    failures: HashMap<CallerOrigin, FailureCount>,
    /// The times of failures for each name, newest last.
    names: HashMap<String, VecDeque<Instant>>,
    /// The credentials that were right, by origin.
    known: HashMap<(CallerOrigin, TokenHash), Instant>,
    /// The requests of each minute of the last hour.
    minutes: VecDeque<(Instant, u64)>,
    summary: FailureSummary,
}

/// The failures of an origin: some are forgiven as time passes.
#[derive(Debug, Clone, Copy)]
struct FailureCount {
    count: u32,
    since: Instant,
}

impl FailureCount {
    /// Forgives what the time since the last look allows.
    fn settle(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        let forgiven = u32::try_from(passed.as_secs() / FORGIVEN_EVERY.as_secs()).unwrap_or(u32::MAX);
        self.count = self.count.saturating_sub(forgiven);
        self.since += FORGIVEN_EVERY.saturating_mul(forgiven);
        if self.count == 0 {
            self.since = now;
        }
    }
}

/// The failures since the last line in the log.
#[derive(Debug, Default)]
struct FailureSummary {
    requests: u64,
    origins: BTreeSet<CallerOrigin>,
    names: BTreeSet<String>,
    last: Option<Instant>,
}

impl CredentialGuard {
    /// Creates a guard; `server` is its name in metrics and logs.
    pub fn new(server: &'static str) -> Self {
        Self { server, state: Mutex::default(), delayed: AtomicUsize::new(0) }
    }

    /// Refuses a caller whose origin presented too many wrong credentials, unless this credential was right from there before.
    ///
    /// # Errors
    /// Returns a 429 problem. The credential was not checked.
    pub fn admit(
        &self,
        origin: Option<CallerOrigin>,
        credential: Option<TokenHash>,
        now: Instant,
    ) -> Result<(), Problem> {
        let Some(origin) = origin else { return Ok(()) };
        let mut state = self.lock();
        let Some(failures) = state.failures.get_mut(&origin) else { return Ok(()) };
        failures.settle(now);
        if failures.count < FAILURES_MAX {
            return Ok(());
        }
        let known = credential.and_then(|credential| state.known.get(&(origin, credential)));
        if known.is_some_and(|at| now.saturating_duration_since(*at) < KNOWN_FOR) {
            return Ok(());
        }
        drop(state);
        telemetry::metrics::credentials_wrong(self.server, "slowed");
        let detail = "too many wrong credentials came from this address; the credentials of this request were not checked";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_wrong_credentials", detail);
        Err(problem.retry_after(FORGIVEN_EVERY))
    }

    /// Returns the holder of the token in the `Authorization` header. A wrong token counts against the origin.
    ///
    /// # Errors
    /// Returns a 401 problem if there is no token or an unknown one, and a 429 problem as [`Self::admit`].
    pub fn authenticate<'t, T>(
        &self,
        table: &'t TokenTable<T>,
        headers: &HeaderMap,
        origin: Option<CallerOrigin>,
    ) -> Result<&'t T, Problem> {
        let now = Instant::now();
        let token = bearer_token(headers).inspect_err(|_| {
            self.note_wrong(None, None, now); // it guessed nothing
        })?;
        let credential = TokenHash::of(token);
        self.admit(origin, Some(credential), now)?;
        let Some(holder) = table.find(token) else {
            self.note_wrong(origin, None, now);
            return Err(Problem::unauthorised(UNKNOWN_TOKEN));
        };
        self.note_right(origin, credential, now);
        Ok(holder)
    }

    /// Notes a credential that was right.
    pub fn note_right(&self, origin: Option<CallerOrigin>, credential: TokenHash, now: Instant) {
        let Some(origin) = origin else { return };
        let mut state = self.lock();
        if state.known.len() >= REMEMBERED_MAX {
            state.known.retain(|_, at| now.saturating_duration_since(*at) < KNOWN_FOR / 2);
        }
        if state.known.len() < REMEMBERED_MAX {
            state.known.insert((origin, credential), now);
        }
    }

    /// Notes wrong or missing credentials, and returns the delay of the answer. `name` is what the caller wanted to use: a webhook, a
    /// provider. It must come from the configuration.
    pub fn note_wrong(&self, origin: Option<CallerOrigin>, name: Option<&str>, now: Instant) -> Duration {
        telemetry::metrics::credentials_wrong(self.server, "refused");
        let mut state = self.lock();
        state.count_minute(now);
        if let Some(origin) = origin {
            state.count_origin(origin, now);
        }
        let delay = name.map_or(Duration::ZERO, |name| state.count_name(name, now));
        let is_first = state.summary.add(origin, name, now);
        drop(state);
        if is_first {
            let origin = origin.map(|origin| origin.to_string());
            tracing::warn!(
                server = self.server,
                ?origin,
                name,
                "wrong credentials were refused; more are summed up every minute"
            );
        }
        delay
    }

    /// Waits for the delay that [`Self::note_wrong`] returned, unless too many answers are delayed already.
    pub async fn delay_answer(&self, delay: Duration) {
        if delay.is_zero() {
            return;
        }
        if self.delayed.fetch_add(1, Ordering::Relaxed) < DELAYED_MAX {
            tokio::time::sleep(delay).await;
        }
        self.delayed.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns the wrong credentials of the last hour.
    pub fn last_hour(&self, now: Instant) -> WrongCredentials {
        let mut state = self.lock();
        state.drop_minutes(now);
        WrongCredentials { requests: state.minutes.iter().map(|(_, count)| count).sum() }
    }

    /// Logs a summary every minute in which there is something to say, until `stop`.
    pub async fn run_summaries(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(SUMMARY_PERIOD);
        loop {
            tokio::select! {
                () = stop.cancelled() => return self.log_summary(),
                _ = ticks.tick() => self.log_summary(),
            }
        }
    }

    fn log_summary(&self) {
        let mut state = self.lock();
        let FailureSummary { requests, origins, names, .. } = std::mem::take(&mut state.summary);
        state.summary.last = (requests > 0).then(Instant::now);
        drop(state);
        if requests == 0 {
            return;
        }
        let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
        let (origins, names) = (origins.join(" "), names.into_iter().collect::<Vec<_>>().join(" "));
        tracing::warn!(server = self.server, requests, origins, names, "wrong credentials were refused");
    }

    fn lock(&self) -> MutexGuard<'_, GuardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GuardState {
    fn count_origin(&mut self, origin: CallerOrigin, now: Instant) {
        if self.failures.len() >= REMEMBERED_MAX {
            self.failures.retain(|_, failures| {
                failures.settle(now);
                failures.count > 0
            });
        }
        if self.failures.len() < REMEMBERED_MAX || self.failures.contains_key(&origin) {
            let failures = self.failures.entry(origin).or_insert(FailureCount { count: 0, since: now });
            failures.settle(now);
            failures.count = (failures.count + 1).min(FAILURES_MAX);
        }
    }

    /// Counts a failure for a name, and returns the delay of the answer.
    fn count_name(&mut self, name: &str, now: Instant) -> Duration {
        let times = self.names.entry(name.to_owned()).or_default();
        while times.front().is_some_and(|at| now.saturating_duration_since(*at) > SUMMARY_PERIOD) {
            times.pop_front();
        }
        if times.len() >= NAME_FAILURES_MAX {
            times.pop_front();
            times.push_back(now);
            return NAME_DELAY;
        }
        times.push_back(now);
        Duration::ZERO
    }

    fn count_minute(&mut self, now: Instant) {
        self.drop_minutes(now);
        match self.minutes.back_mut() {
            Some((begun, count)) if now.saturating_duration_since(*begun) < SUMMARY_PERIOD => *count += 1,
            _ => self.minutes.push_back((now, 1)),
        }
    }

    fn drop_minutes(&mut self, now: Instant) {
        while self.minutes.front().is_some_and(|(begun, _)| now.saturating_duration_since(*begun) > HOUR) {
            self.minutes.pop_front();
        }
    }
}

impl FailureSummary {
    /// Adds a failure, and returns whether it is the first one after a quiet minute, which is logged at once.
    fn add(&mut self, origin: Option<CallerOrigin>, name: Option<&str>, now: Instant) -> bool {
        let is_first = self.requests == 0
            && self.last.is_none_or(|last| now.saturating_duration_since(last) > SUMMARY_PERIOD);
        if is_first {
            self.last = Some(now);
            return true;
        }
        self.requests += 1;
        if let Some(origin) = origin.filter(|_| self.origins.len() < NAMED_MAX) {
            self.origins.insert(origin);
        }
        if let Some(name) = name.filter(|_| self.names.len() < NAMED_MAX) {
            self.names.insert(name.to_owned());
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Option<CallerOrigin> {
        Some(CallerOrigin::of(text.parse().unwrap()))
    }

    fn attack(guard: &CredentialGuard, from: &str, now: Instant) {
        for _ in 0..FAILURES_MAX {
            guard.note_wrong(origin(from), None, now);
        }
    }

    #[test]
    fn an_attacker_is_slowed_down_and_locks_out_no_caller_at_another_address() {
        let (guard, now) = (CredentialGuard::new("test"), Instant::now());
        let right = Some(TokenHash::of("right"));
        attack(&guard, "203.0.113.9", now);
        let refused = guard.admit(origin("203.0.113.9"), right, now).unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code()), (429, "too_many_wrong_credentials"));
        assert!(guard.admit(origin("198.51.100.1"), right, now).is_ok());
        assert!(
            guard.admit(origin("203.0.113.9"), right, now + FORGIVEN_EVERY).is_ok(),
            "one more is allowed"
        );
        guard.note_wrong(origin("203.0.113.9"), None, now + FORGIVEN_EVERY);
        assert!(guard.admit(origin("203.0.113.9"), right, now + FORGIVEN_EVERY).is_err());
    }

    #[test]
    fn what_was_right_from_an_address_stays_right_with_an_attacker_there() {
        let (guard, now) = (CredentialGuard::new("test"), Instant::now());
        guard.note_right(origin("203.0.113.9"), TokenHash::of("right"), now);
        attack(&guard, "203.0.113.9", now);
        assert!(guard.admit(origin("203.0.113.9"), Some(TokenHash::of("right")), now).is_ok());
        assert!(guard.admit(origin("203.0.113.9"), Some(TokenHash::of("guess")), now).is_err());
    }

    #[test]
    fn a_name_that_is_attacked_from_everywhere_answers_later_and_is_never_locked() {
        let (guard, now) = (CredentialGuard::new("test"), Instant::now());
        let from = |at: usize| origin(&format!("203.0.113.{at}"));
        let delays: Vec<_> =
            (0..=NAME_FAILURES_MAX).map(|at| guard.note_wrong(from(at), Some("hr"), now)).collect();
        assert!(delays[..NAME_FAILURES_MAX].iter().all(Duration::is_zero));
        assert_eq!(delays[NAME_FAILURES_MAX], NAME_DELAY);
        assert!(guard.admit(origin("198.51.100.1"), Some(TokenHash::of("hr")), now).is_ok());
        assert_eq!(guard.note_wrong(from(1), Some("crm"), now), Duration::ZERO);
    }

    #[test]
    fn wrong_credentials_are_counted_for_an_hour() {
        let (guard, now) = (CredentialGuard::new("test"), Instant::now());
        attack(&guard, "203.0.113.9", now);
        guard.note_wrong(None, None, now + HOUR / 2);
        assert_eq!(guard.last_hour(now + HOUR / 2).requests, u64::from(FAILURES_MAX) + 1);
        assert_eq!(guard.last_hour(now + HOUR + HOUR / 4).requests, 1);
        assert_eq!(guard.last_hour(now + 2 * HOUR).requests, 0);
    }
}
