//! Tests against real sockets: small servers on free ports.

mod broken;
mod credentials;
mod lookups;
mod requests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::*;

/// A timeout that is long enough for a busy machine.
const PATIENT: Duration = Duration::from_secs(20);

/// A request that the server received.
#[derive(Debug, Clone)]
struct Seen {
    method: String,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Seen {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns the decoded value of a query parameter.
    fn query(&self, name: &str) -> Option<String> {
        let pairs = self.uri.query().unwrap_or_default().split('&');
        let value = pairs.filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name)?.1;
        decode_segment(value)
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    fn only(&self) -> Seen {
        let all = self.all();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    }
}

fn profile() -> TargetProfile {
    TargetProfile::builtin("generic").unwrap()
}

fn client_of(base_url: &str, profile: TargetProfile, timeout: Duration) -> ScimClient {
    let credential = SourceCredential::Bearer("s3cret-token".into());
    ScimClient::new(TargetConnection { base_url: base_url.parse().unwrap(), credential, profile, timeout })
        .unwrap()
}

/// Starts a server that answers with `answer`, and returns a client for it.
async fn serve<A>(profile: TargetProfile, answer: A) -> (ScimClient, Log)
where
    A: Fn(&Seen) -> Response + Clone + Send + Sync + 'static,
{
    let log = Log::default();
    let seen = log.clone();
    let app = Router::new().fallback(move |request: Request| {
        let (seen, answer) = (seen.clone(), answer.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let request =
                Seen { method: head.method.to_string(), uri: head.uri, headers: head.headers, body };
            seen.0.lock().unwrap().push(request.clone());
            answer(&request)
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/scim/v2/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (client_of(&url, profile, PATIENT), log)
}

fn answer(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

fn attributes(value: Value) -> AttributeMap {
    serde_json::from_value(value).unwrap()
}
