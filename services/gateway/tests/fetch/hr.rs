//! A small HR system with an API that fails on demand.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use tokio::sync::watch;

/// The fault that replaces an answer.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    Status(u16),
    RetryAfter(u16, &'static str),
    Page,
    HalfOfIt,
    Empty,
    Huge,
    Elsewhere,
    Breaks,
}

#[derive(Default)]
struct Inner {
    records: HashMap<String, Value>,
    faults: VecDeque<Fault>,
    always: HashMap<String, Fault>,
    token: String,
    asked: Vec<String>,
    at_once: HashMap<String, usize>,
    at_once_max: usize,
}

/// Clones share the same system.
#[derive(Clone)]
pub struct Hr {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    /// The number of requests so far.
    seen: watch::Sender<usize>,
    /// `true` while answers are held back.
    held: watch::Sender<bool>,
}

impl Hr {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner { token: "Bearer hr-api".to_owned(), ..Inner::default() };
        let hr = Self {
            url,
            inner: Arc::new(Mutex::new(inner)),
            seen: watch::Sender::new(0),
            held: watch::Sender::new(false),
        };
        let router = Router::new().route("/people/{key}", get(person)).with_state(hr.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        hr
    }

    pub fn put(&self, key: &str, record: Value) {
        self.inner.lock().unwrap().records.insert(key.to_owned(), record);
    }

    /// Makes the next requests fail with these faults.
    pub fn fail(&self, faults: &[Fault]) {
        self.inner.lock().unwrap().faults.extend(faults);
    }

    /// Makes every request about `key` fail with `fault`, or none if it is `None`.
    pub fn always(&self, key: &str, fault: Option<Fault>) {
        let mut inner = self.inner.lock().unwrap();
        match fault {
            Some(fault) => inner.always.insert(key.to_owned(), fault),
            None => inner.always.remove(key),
        };
    }

    /// Holds answers back, or releases them.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Waits until this number of requests has arrived.
    pub async fn was_asked(&self, times: usize) {
        self.seen.subscribe().wait_for(|seen| *seen >= times).await.unwrap();
    }

    /// Returns the requested keys, in order.
    pub fn asked(&self) -> Vec<String> {
        self.inner.lock().unwrap().asked.clone()
    }

    /// Returns the maximum number of concurrent requests about one person.
    pub fn at_once_max(&self) -> usize {
        self.inner.lock().unwrap().at_once_max
    }

    fn begin(&self, key: &str, headers: &HeaderMap) -> Option<Fault> {
        let mut inner = self.inner.lock().unwrap();
        inner.asked.push(key.to_owned());
        let at_once = inner.at_once.entry(key.to_owned()).or_default();
        *at_once += 1;
        inner.at_once_max = inner.at_once_max.max(inner.at_once[key]);
        self.seen.send_replace(inner.asked.len());
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if token != Some(&*inner.token) {
            return Some(Fault::Status(401));
        }
        inner.always.get(key).copied().or_else(|| inner.faults.pop_front())
    }

    fn end(&self, key: &str) -> Option<Value> {
        let mut inner = self.inner.lock().unwrap();
        *inner.at_once.get_mut(key).unwrap() -= 1;
        inner.records.get(key).cloned()
    }
}

async fn person(State(hr): State<Hr>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    let fault = hr.begin(&key, &headers);
    hr.held.subscribe().wait_for(|held| !held).await.unwrap();
    let record = hr.end(&key);
    match (fault, record) {
        (Some(fault), _) => failed(fault),
        (None, Some(record)) => axum::Json(serde_json::json!({"data": [record]})).into_response(),
        (None, None) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn failed(fault: Fault) -> Response {
    let status = |code: u16| StatusCode::from_u16(code).unwrap();
    match fault {
        Fault::Status(code) => (status(code), "Ann Lee, ann@example.com").into_response(),
        Fault::RetryAfter(code, after) => (status(code), [(header::RETRY_AFTER, after)]).into_response(),
        Fault::Page => axum::response::Html("<html>Sign in, Ann</html>").into_response(),
        Fault::HalfOfIt => {
            ([(header::CONTENT_TYPE, "application/json")], "{\"data\": [{\"na").into_response()
        }
        Fault::Empty => StatusCode::OK.into_response(),
        Fault::Huge => format!("\"{}\"", "x".repeat(100_000)).into_response(),
        Fault::Elsewhere => {
            (StatusCode::FOUND, [(header::LOCATION, "http://169.254.169.254/secrets")]).into_response()
        }
        Fault::Breaks => {
            let parts = futures_util::stream::iter([Ok("{\"data\""), Err(std::io::Error::other("cut"))]);
            Body::from_stream(parts).into_response()
        }
    }
}
