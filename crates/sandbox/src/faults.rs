//! What can go wrong on demand: rules that pick requests, and what happens to them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// What happens to a request that a rule picked. JSON: `{"kind": "hangAfterWork", "millis": 5000}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum InjectedFault {
    /// Answers a SCIM error with this status.
    Status {
        /// HTTP status, 200 to 599.
        status: u16,
        /// `Retry-After`, as it is to be sent: seconds or an HTTP date.
        #[serde(default)]
        retry_after: Option<String>,
        /// `scimType` of the error body.
        #[serde(default)]
        scim_type: Option<String>,
        /// Whether the work is done before.
        #[serde(default)]
        after_work: bool,
    },
    /// Resets the connection; nothing was done.
    ResetBeforeWork,
    /// Does the work, then resets the connection.
    ResetAfterWork,
    /// Answers nothing for so long, then resets the connection; nothing was done.
    HangBeforeWork {
        /// Milliseconds.
        millis: u64,
    },
    /// Does the work, answers nothing for so long, then resets the connection.
    HangAfterWork {
        /// Milliseconds.
        millis: u64,
    },
    /// Waits, then works and answers as usual. The work is done even if the client has gone by then.
    Delay {
        /// Milliseconds.
        millis: u64,
    },
    /// Does the work and announces the whole answer, but ends the connection after half of it.
    TruncatedBody,
    /// Answers an HTML page, as a proxy does; nothing was done.
    HtmlBody {
        /// HTTP status.
        #[serde(default = "ok_status")]
        status: u16,
    },
    /// Does the work, then sends the answer in small pieces.
    SlowDrip {
        /// Bytes in a piece; at least 1.
        piece_bytes: usize,
        /// Milliseconds between two pieces.
        millis: u64,
    },
    /// Answers a redirect; nothing was done.
    Redirect {
        /// HTTP status, such as 302, 307 or 308.
        status: u16,
        /// `Location`.
        location: String,
    },
    /// Does the work, and answers with a body of at least so many bytes.
    HugeBody {
        /// Bytes of padding.
        bytes: usize,
    },
    /// Does the work, and answers 200 without a body.
    EmptyBody,
    /// Answers a list with nothing on it, as a search does that lags behind; nothing was done.
    EmptyList,
    /// Answers as if the work was done, and does nothing.
    Pretend,
    /// Does the work, and answers a list whose resources have other ids each time.
    OtherIds,
}

const fn ok_status() -> u16 {
    200
}

impl InjectedFault {
    /// A SCIM error with this status, before any work.
    pub const fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None, scim_type: None, after_work: false }
    }

    /// 429 or 503 with `Retry-After`, before any work.
    pub fn retry_after(status: u16, value: impl Into<String>) -> Self {
        Self::Status { status, retry_after: Some(value.into()), scim_type: None, after_work: false }
    }

    /// The name in the ledger, as in JSON.
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

/// Which requests a fault happens to. All conditions that are given must hold; the first rule that picks a request wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How the path below the base path begins, such as `/Users`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A text that the request's body contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// Happens at most so often; `None`: until it is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Lets so many matching requests pass first.
    #[serde(default)]
    pub skip: u64,
    /// Happens to every nth matching request only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_nth: Option<u64>,
    /// Happens with this probability, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Seed of the draw behind `probability`.
    #[serde(default)]
    pub seed: u64,
    /// What happens.
    pub fault: InjectedFault,
}

impl FaultRule {
    /// Happens to every request, until it is narrowed.
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

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Only paths (below the base path) that begin so.
    #[must_use]
    pub fn path(mut self, prefix: impl Into<String>) -> Self {
        self.path = Some(prefix.into());
        self
    }

    /// Only bodies that contain this.
    #[must_use]
    pub fn body_contains(mut self, text: impl Into<String>) -> Self {
        self.body_contains = Some(text.into());
        self
    }

    /// At most so often.
    #[must_use]
    pub const fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Only after so many matching requests.
    #[must_use]
    pub const fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Only to every nth matching request.
    #[must_use]
    pub const fn every_nth(mut self, n: u64) -> Self {
        self.every_nth = Some(n);
        self
    }

    /// Only with this probability, drawn from a generator with this seed.
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

/// Names a rule that was injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FaultId(u64);

/// A rule, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultStatus {
    /// Its id.
    pub id: FaultId,
    /// The rule.
    pub rule: FaultRule,
    /// Requests that fulfilled its conditions.
    pub matched: u64,
    /// Requests that it happened to.
    pub fired: u64,
}

#[derive(Debug)]
struct ArmedRule {
    status: FaultStatus,
    draw: StdRng,
}

impl ArmedRule {
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
    /// Adds a rule behind those that are there.
    pub fn inject(&self, rule: FaultRule) -> FaultId {
        let id = FaultId(self.next.fetch_add(1, Ordering::Relaxed) as u64 + 1);
        let draw = StdRng::seed_from_u64(rule.seed);
        let status = FaultStatus { id, rule, matched: 0, fired: 0 };
        let mut armed = self.lock();
        armed.push(ArmedRule { status, draw });
        self.count.store(armed.len(), Ordering::Release);
        id
    }

    /// Takes a rule away; whether it was there.
    pub fn remove(&self, id: FaultId) -> bool {
        let mut armed = self.lock();
        let before = armed.len();
        armed.retain(|one| one.status.id != id);
        self.count.store(armed.len(), Ordering::Release);
        armed.len() < before
    }

    /// Takes all rules away.
    pub fn clear(&self) {
        let mut armed = self.lock();
        armed.clear();
        self.count.store(0, Ordering::Release);
    }

    /// How often a rule happened; 0 for one that is gone.
    pub fn fired(&self, id: FaultId) -> u64 {
        self.lock().iter().find(|one| one.status.id == id).map_or(0, |one| one.status.fired)
    }

    /// All rules, in order.
    pub fn list(&self) -> Vec<FaultStatus> {
        self.lock().iter().map(|one| one.status.clone()).collect()
    }

    /// What happens to this request, if anything.
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
