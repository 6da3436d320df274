//! Faults on demand: rules that select requests, and the faults that they inject.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// The fault that is injected into a request. JSON: `{"kind": "hangAfterWork", "millis": 5000}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum InjectedFault {
    /// Answers with a SCIM error of this status.
    Status {
        /// The HTTP status, 200 to 599.
        status: u16,
        /// The value of `Retry-After`: seconds or an HTTP date.
        #[serde(default)]
        retry_after: Option<String>,
        /// The `scimType` of the error body.
        #[serde(default)]
        scim_type: Option<String>,
        /// `true` if the work is done before the error.
        #[serde(default)]
        after_work: bool,
    },
    /// Resets the connection without doing the work.
    ResetBeforeWork,
    /// Does the work, then resets the connection.
    ResetAfterWork,
    /// Sends no answer for this time, then resets the connection without doing the work.
    HangBeforeWork {
        /// The time in milliseconds.
        millis: u64,
    },
    /// Does the work, sends no answer for this time, then resets the connection.
    HangAfterWork {
        /// The time in milliseconds.
        millis: u64,
    },
    /// Waits, then works and answers normally. The work is done even if the client has disconnected by then.
    Delay {
        /// The time in milliseconds.
        millis: u64,
    },
    /// Does the work and announces the whole answer, but closes the connection after half of it.
    TruncatedBody,
    /// Answers with an HTML page, like a proxy, without doing the work.
    HtmlBody {
        /// The HTTP status.
        #[serde(default = "ok_status")]
        status: u16,
    },
    /// Does the work, then sends the answer in small pieces.
    SlowDrip {
        /// The size of a piece in bytes; at least 1.
        piece_bytes: usize,
        /// The time between two pieces, in milliseconds.
        millis: u64,
    },
    /// Answers with a redirect, without doing the work.
    Redirect {
        /// The HTTP status, such as 302, 307 or 308.
        status: u16,
        /// The value of `Location`.
        location: String,
    },
    /// Does the work, and answers with a body of at least this size.
    HugeBody {
        /// The amount of padding, in bytes.
        bytes: usize,
    },
    /// Does the work, and answers with 200 without a body.
    EmptyBody,
    /// Answers with an empty list, like a search that lags behind, without doing the work.
    EmptyList,
    /// Answers as if the work was done, without doing it.
    Pretend,
    /// Does the work, and answers with a list whose resources have other ids each time.
    OtherIds,
}

const fn ok_status() -> u16 {
    200
}

impl InjectedFault {
    /// Creates a SCIM error with this status, before any work.
    pub const fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None, scim_type: None, after_work: false }
    }

    /// Creates an error 429 or 503 with `Retry-After`, before any work.
    pub fn retry_after(status: u16, value: impl Into<String>) -> Self {
        Self::Status { status, retry_after: Some(value.into()), scim_type: None, after_work: false }
    }

    /// Returns the name in the ledger, which is the one in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::ResetBeforeWork => "resetBeforeWork",
            Self::ResetAfterWork => "resetAfterWork",
            Self::HangBeforeWork { .. } => "hangBeforeWork",
            Self::HangAfterWork { .. } => "hangAfterWork",
            Self::Delay { .. } => "delay",
            Self::TruncatedBody => "truncatedBody",
            Self::HtmlBody { .. } => "htmlBody",
            Self::SlowDrip { .. } => "slowDrip",
            Self::Redirect { .. } => "redirect",
            Self::HugeBody { .. } => "hugeBody",
            Self::EmptyBody => "emptyBody",
            Self::EmptyList => "emptyList",
            Self::Pretend => "pretend",
            Self::OtherIds => "otherIds",
        }
    }

    /// Returns `true` if the request is carried out despite the fault.
    pub(crate) const fn works(&self) -> bool {
        match self {
            Self::Status { after_work, .. } => *after_work,
            Self::ResetBeforeWork
            | Self::HangBeforeWork { .. }
            | Self::HtmlBody { .. }
            | Self::EmptyList
            | Self::Redirect { .. } => false,
            _ => true,
        }
    }
}

/// A rule that selects requests for a fault. All given conditions must hold; the first rule that matches a request applies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// The HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The prefix of the path below the base path, such as `/Users`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A text that the request's body contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// The maximum number of times that the fault is injected; `None`: until the rule is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The number of matching requests that pass first.
    #[serde(default)]
    pub skip: u64,
    /// The fault is injected only into every nth matching request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_nth: Option<u64>,
    /// The probability of the fault, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The seed of the random draws for `probability`.
    #[serde(default)]
    pub seed: u64,
    /// The injected fault.
    pub fault: InjectedFault,
}

impl FaultRule {
    /// Creates a rule for every request. The methods below narrow it.
    pub const fn new(fault: InjectedFault) -> Self {
        Self {
            method: None,
            path: None,
            body_contains: None,
            times: None,
            skip: 0,
            every_nth: None,
            probability: None,
            seed: 0,
            fault,
        }
    }

    /// Limits the rule to requests with this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Limits the rule to paths (below the base path) with this prefix.
    #[must_use]
    pub fn path(mut self, prefix: impl Into<String>) -> Self {
        self.path = Some(prefix.into());
        self
    }

    /// Limits the rule to bodies that contain this text.
    #[must_use]
    pub fn body_contains(mut self, text: impl Into<String>) -> Self {
        self.body_contains = Some(text.into());
        self
    }

    /// Limits the number of times that the fault is injected.
    #[must_use]
    pub const fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets this number of matching requests pass first.
    #[must_use]
    pub const fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Limits the rule to every nth matching request.
    #[must_use]
    pub const fn every_nth(mut self, n: u64) -> Self {
        self.every_nth = Some(n);
        self
    }

    /// Limits the rule to this probability, drawn from a generator with this seed.
    #[must_use]
    pub const fn probability(mut self, probability: f64, seed: u64) -> Self {
        self.probability = Some(probability);
        self.seed = seed;
        self
    }

    fn matches(&self, method: &str, path: &str, body: &[u8]) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|prefix| path.starts_with(prefix.as_str()))
            && self.body_contains.as_ref().is_none_or(|text| contains_bytes(body, text.as_bytes()))
    }
}

fn contains_bytes(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

/// The id of an injected rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FaultId(u64);

/// A rule with its counters.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultStatus {
    /// The id of the rule.
    pub id: FaultId,
    /// The rule as it was injected.
    pub rule: FaultRule,
    /// The number of requests that matched its conditions.
    pub matched: u64,
    /// The number of requests that the fault was injected into.
    pub fired: u64,
}

/// A rule with its random generator.
#[derive(Debug)]
struct ArmedRule {
    status: FaultStatus,
    draw: StdRng,
}

impl ArmedRule {
    /// Counts a matching request, and decides if the fault is injected.
    fn picks(&mut self) -> bool {
        let (rule, status) = (&self.status.rule, &mut self.status.matched);
        *status += 1;
        let turn = *status;
        if turn <= rule.skip || rule.times.is_some_and(|times| self.status.fired >= times) {
            return false;
        }
        if rule.every_nth.is_some_and(|n| !(turn - rule.skip).is_multiple_of(n.max(1))) {
            return false;
        }
        if rule.probability.is_some_and(|p| !self.draw.random_bool(p.clamp(0.0, 1.0))) {
            return false;
        }
        self.status.fired += 1;
        true
    }
}

/// The rules of a sandbox.
#[derive(Debug, Default)]
pub struct FaultRules {
    armed: Mutex<Vec<ArmedRule>>,
    count: AtomicUsize,
    next: AtomicUsize,
}

impl FaultRules {
    /// Adds a rule after the existing ones.
    pub fn inject(&self, rule: FaultRule) -> FaultId {
        let id = FaultId(self.next.fetch_add(1, Ordering::Relaxed) as u64 + 1);
        let draw = StdRng::seed_from_u64(rule.seed);
        let status = FaultStatus { id, rule, matched: 0, fired: 0 };
        let mut armed = self.lock();
        armed.push(ArmedRule { status, draw });
        self.count.store(armed.len(), Ordering::Release);
        id
    }

    /// Removes a rule. Returns `true` if it existed.
    pub fn remove(&self, id: FaultId) -> bool {
        let mut armed = self.lock();
        let before = armed.len();
        armed.retain(|one| one.status.id != id);
        self.count.store(armed.len(), Ordering::Release);
        armed.len() < before
    }

    /// Removes all rules.
    pub fn clear(&self) {
        let mut armed = self.lock();
        armed.clear();
        self.count.store(0, Ordering::Release);
    }

    /// Returns the number of times that a rule injected its fault; 0 for a rule that was removed.
    pub fn fired(&self, id: FaultId) -> u64 {
        self.lock().iter().find(|one| one.status.id == id).map_or(0, |one| one.status.fired)
    }

    /// Returns all rules, in order.
    pub fn list(&self) -> Vec<FaultStatus> {
        self.lock().iter().map(|one| one.status.clone()).collect()
    }

    /// Returns the fault for this request, if there is one.
    pub(crate) fn pick(&self, method: &str, path: &str, body: &[u8]) -> Option<InjectedFault> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut armed = self.lock();
        armed.iter_mut().find_map(|one| {
            let picked = one.status.rule.matches(method, path, body) && one.picks();
            picked.then(|| one.status.rule.fault.clone())
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ArmedRule>> {
        self.armed.lock().expect("no code panics while it holds the rules")
    }
}
