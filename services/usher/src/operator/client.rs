//! A client of the console's API.

use std::time::Duration;

use anyhow::{Context as _, bail};
use outbound::{HttpClientOptions, build_http_client};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::access::{AccessEnvironment, resolve_access};
use super::contexts::{BoundToken, ConsoleContext};
use crate::cli::OperatorArgs;
use crate::render;

/// Request timeout; longer than the console waits for the services, and for the writer to read a target.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(100);

/// Maximum number of rows per request for a list.
const ROWS_PER_PAGE: usize = 500;

/// Parses an answer of the console.
pub(super) fn read_answer<T: DeserializeOwned>(answer: &Value) -> anyhow::Result<T> {
    T::deserialize(answer).context("the console's answer is of a version that this usher does not know")
}

/// The console's API with an operator's token.
pub(super) struct OperatorClient {
    base: Url,
    token: BoundToken,
    client: reqwest::Client,
}

impl OperatorClient {
    pub(super) fn new(args: &OperatorArgs) -> anyhow::Result<Self> {
        Self::with_access(&resolve_access(args, &AccessEnvironment::of_process())?)
    }

    /// Returns a client that sends the token of `access` to its address only: it follows no redirect.
    pub(super) fn with_access(access: &ConsoleContext) -> anyhow::Result<Self> {
        let client = build_http_client(HttpClientOptions::for_own_services(REQUEST_TIMEOUT));
        Ok(Self {
            base: access.console.url().clone(),
            token: access.token.clone(),
            client: client.context("cannot make an HTTP client")?,
        })
    }

    pub(super) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Value> {
        self.send(self.request(Method::GET, path).query(query)).await
    }

    /// Returns the console's address.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Gets a list page by page, until it ends or `rows_max` rows are read. The answer is that of the first page, with
    /// the rows of all pages, the cursor after the last one, and the services that did not answer at any page.
    pub(super) async fn get_list(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        rows_max: usize,
    ) -> anyhow::Result<Value> {
        let mut whole: Option<Value> = None;
        let mut rows = Vec::new();
        loop {
            let mut query = query.to_vec();
            query.push(("limit", (rows_max - rows.len()).min(ROWS_PER_PAGE).to_string()));
            query.extend(whole.as_ref().and_then(next_cursor).map(|cursor| ("cursor", cursor)));
            let mut page = self.get(path, &query).await?;
            let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) else {
                bail!("the console's answer is of a version that this usher does not know");
            };
            let is_empty = more.is_empty();
            rows.extend(more);
            let next = page.get("nextCursor").cloned().unwrap_or_default();
            let is_last = next.is_null() || is_empty || rows.len() >= rows_max;
            let unavailable = page.get("unavailable").cloned().unwrap_or_default();
            let mut answer = whole.unwrap_or(page);
            add_unavailable(&mut answer, unavailable);
            answer["nextCursor"] = next;
            if is_last {
                if next_cursor(&answer).is_some() {
                    eprintln!("usher: there are more; raise --limit or narrow the list");
                }
                answer["items"] = Value::Array(rows);
                return Ok(answer);
            }
            whole = Some(answer);
        }
    }

    pub(super) async fn post(&self, path: &[&str], body: &impl Serialize) -> anyhow::Result<Value> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    fn request(&self, method: Method, path: &[&str]) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("checked when the client was made")
            .pop_if_empty()
            .push("v1")
            .extend(path);
        self.client.request(method, url).bearer_auth(&self.token.0)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.send().await;
        let answer = answer.with_context(|| format!("cannot reach the console at {}", self.base))?;
        let status = answer.status();
        let body = answer.bytes().await.context("the console's answer broke off")?;
        let json: Option<Value> = serde_json::from_slice(&body).ok();
        match json {
            Some(json) if status.is_success() => Ok(json),
            Some(problem) if problem.get("title").is_some() => bail!("{}", problem_text(&problem)),
            _ if status.is_redirection() => bail!(
                "{} answered {status}: commands follow no redirect, because the token is for this address only; name the address \
                 that it leads to",
                self.base
            ),
            _ => bail!("{} answered {status}, not as a console does", self.base),
        }
    }
}

/// Adds the services that did not answer at a later page: the rows of a silent service are missing from it.
fn add_unavailable(answer: &mut Value, more: Value) {
    let Value::Array(more) = more else { return };
    if answer.get("unavailable").is_none() {
        answer["unavailable"] = Value::Array(Vec::new());
    }
    let Some(Value::Array(known)) = answer.get_mut("unavailable") else { return };
    for service in more {
        if !known.contains(&service) {
            known.push(service);
        }
    }
}

fn next_cursor(page: &Value) -> Option<String> {
    page.get("nextCursor")?.as_str().map(str::to_owned)
}

/// Formats an RFC 9457 problem in one line, with the invalid fields below it.
fn problem_text(problem: &Value) -> String {
    let member = |name: &str| problem.get(name).and_then(Value::as_str).map(render::clean_text);
    let title = member("title").unwrap_or_default();
    let mut text = match member("detail") {
        Some(detail) => format!("{title}: {detail}"),
        None => title.into_owned(),
    };
    for (label, name) in [("code", "code"), ("request", "requestId")] {
        if let Some(value) = member(name) {
            text.push_str(&format!(" [{label} {value}]"));
        }
    }
    for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part =
            |name: &str| error.get(name).and_then(Value::as_str).map(render::clean_text).unwrap_or_default();
        text.push_str(&format!("\n  {}: {}", part("pointer"), part("detail")));
        if let Some(hint) = error.pointer("/place/hint").and_then(Value::as_str) {
            text.push_str(&format!("; {}", render::clean_text(hint)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_is_told_with_its_code_request_and_fields() {
        let text = problem_text(&json!({
            "title": "Unprocessable", "detail": "the body is not right", "code": "invalid_body", "requestId": "r1",
            "errors": [{"pointer": "/why", "detail": "is required"},
                       {"pointer": "/policy", "detail": "it is wrong", "place": {"line": 1, "column": 2, "hint": "put it right"}}],
        }));
        assert_eq!(
            text,
            "Unprocessable: the body is not right [code invalid_body] [request r1]\n  /why: is required\n  /policy: it is wrong; put it right"
        );
    }

    #[test]
    fn a_person_is_one_path_segment_whatever_is_in_the_name() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let console = OperatorClient {
            base: "http://127.0.0.1:1/prefix/".parse().unwrap(),
            token: BoundToken("t".into()),
            client: reqwest::Client::new(),
        };
        let request = console.request(Method::GET, &["people", "a/b?c d", "trace"]).build().unwrap();
        assert_eq!(request.url().path(), "/prefix/v1/people/a%2Fb%3Fc%20d/trace");
    }
}
