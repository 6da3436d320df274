//! The state that requests share.

use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::{Duration, Instant};

use axum::http::Method;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::RequestKind;
use crate::behaviour::SandboxBehaviour;
use crate::directory::SandboxDirectory;
use crate::faults::FaultRules;
use crate::house::RequestLimit;
use crate::ledger::RequestLedger;
use crate::limiter::RequestLimiter;

/// The state that requests share.
#[derive(Debug)]
pub(crate) struct SandboxContext {
    directory: Mutex<SandboxDirectory>,
    pub(crate) ledger: RequestLedger,
    pub(crate) faults: FaultRules,
    behaviour: RwLock<Arc<SandboxBehaviour>>,
    limiters: Mutex<Vec<(RequestLimit, RequestLimiter)>>,
    token: RwLock<String>,
    pub(crate) base_url: String,
    pub(crate) started: Instant,
    closing: CancellationToken,
}

impl SandboxContext {
    /// Returns the state of a server at `base_url` with default behaviour. It pauses until `closing` is cancelled.
    pub(crate) fn new(token: String, base_url: String, closing: CancellationToken) -> Self {
        Self {
            directory: Mutex::default(),
            ledger: RequestLedger::default(),
            faults: FaultRules::default(),
            behaviour: RwLock::default(),
            limiters: Mutex::default(),
            token: RwLock::new(token),
            base_url,
            started: Instant::now(),
            closing,
        }
    }

    /// Locks the directory.
    pub(crate) fn directory(&self) -> MutexGuard<'_, SandboxDirectory> {
        self.directory.lock().expect("a panic while the directory is locked is a bug of the sandbox")
    }

    /// Returns the present behaviour.
    pub(crate) fn behaviour(&self) -> Arc<SandboxBehaviour> {
        Arc::clone(&self.behaviour.read().expect("nothing panics while it holds this"))
    }

    /// Replaces the behaviour. All rate limits start with a full bucket.
    pub(crate) fn set_behaviour(&self, behaviour: SandboxBehaviour) {
        let limits = behaviour.rate_limit.map(RequestLimit::of_all).into_iter();
        let limits = limits.chain(behaviour.house.iter().flat_map(|house| house.limits()));
        let limiters = limits.map(|limit| {
            let limiter = RequestLimiter::new(limit.limit, Instant::now());
            (limit, limiter)
        });
        *self.limiters.lock().expect("nothing panics while it holds this") = limiters.collect();
        *self.behaviour.write().expect("nothing panics while it holds this") = Arc::new(behaviour);
    }

    /// Replaces the bearer token from now on. The old one is revoked.
    pub(crate) fn set_token(&self, token: String) {
        *self.token.write().expect("nothing panics while it holds this") = token;
    }

    /// Returns `true` if this is the present bearer token.
    pub(crate) fn is_token(&self, token: &str) -> bool {
        *self.token.read().expect("nothing panics while it holds this") == token
    }

    /// Takes a token of every limit that counts the request, or returns the time to wait for one.
    pub(crate) fn take_token(
        &self,
        method: &Method,
        kind: RequestKind,
        bytes: usize,
    ) -> Result<(), Duration> {
        let mut limiters = self.limiters.lock().expect("nothing panics while it holds this");
        let counting = limiters.iter_mut().filter(|(limit, _)| limit.counts(method, kind, bytes));
        counting.map(|(_, limiter)| limiter.take(Instant::now())).fold(Ok(()), Result::and)
    }

    /// Waits, but not beyond the shutdown.
    pub(crate) async fn pause(&self, duration: Duration) {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = self.closing.cancelled() => {}
        }
    }

    /// Reads the wall clock. No other code of this crate reads it.
    pub(crate) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    /// Removes resources, requests and faults; the behaviour stays.
    pub(crate) fn reset(&self) {
        let mut directory = self.directory();
        *directory = SandboxDirectory::default();
        self.ledger.clear();
        self.faults.clear();
        drop(directory);
        self.set_behaviour((*self.behaviour()).clone());
    }
}
