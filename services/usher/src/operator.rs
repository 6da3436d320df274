//! The operator commands: a client of the console's API.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use console::api::{DeadDetail, DeadLetters, Discard, Discarded, Replay, Replayed, Status, Trace};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::{DeadCommand, DeadDiscardArgs, DeadListArgs, DeadReplayArgs, OperatorArgs, TraceArgs};
use crate::render;
use crate::up::folder::{RunFile, operator_token_file};

/// Longer than the console waits for the writer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How many pages of a timeline one command reads: 50,000 facts are more than anybody reads.
const TRACE_PAGES_MAX: usize = 100;

/// How long a service may take to say whether it is ready.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// `usher healthcheck`: done when the service is ready.
///
/// # Errors
/// When it is not, or does not answer.
pub async fn healthcheck(admin: &str) -> anyhow::Result<()> {
    let url = format!("{}/readyz", admin.trim_end_matches('/'));
    let http = reqwest::Client::builder().no_proxy().timeout(HEALTH_TIMEOUT).build();
    let answer =
        http.context("cannot set up HTTP")?.get(&url).send().await.with_context(|| format!("GET {url}"))?;
    let status = answer.status();
    if !status.is_success() {
        bail!("not ready: {status}: {}", answer.text().await.unwrap_or_default().trim());
    }
    Ok(())
}

/// `usher status`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn status(args: &OperatorArgs) -> anyhow::Result<()> {
    let answer = Console::new(args)?.get(&["status"], &[]).await?;
    show(args, &answer, |status: &Status| render::status::render(status))
}

/// `usher trace`.
///
/// # Errors
/// When the console cannot be reached, or knows nobody of that name.
pub async fn trace(args: &TraceArgs) -> anyhow::Result<()> {
    let console = Console::new(&args.operator)?;
    let mut whole: Option<Trace> = None;
    let mut cursor: Option<String> = None;
    for _ in 0..TRACE_PAGES_MAX {
        let mut query = vec![("limit", "500".to_owned())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = console.get(&["people", &args.person, "trace"], &query).await?;
        let page: Trace = understood(&page)?;
        cursor.clone_from(&page.next_cursor);
        match &mut whole {
            Some(trace) => trace.entries.extend(page.entries),
            None => whole = Some(page),
        }
        if cursor.is_none() {
            break;
        }
    }
    let mut whole = whole.expect("at least one page was read");
    if cursor.is_some() {
        eprintln!("usher: there is more; only the oldest {} facts are shown", whole.entries.len());
    }
    whole.next_cursor = cursor;
    let whole = serde_json::to_value(whole).expect("a trace has only string keys");
    show(&args.operator, &whole, render::trace::render)
}

/// `usher dead ...`.
///
/// # Errors
/// When the console cannot be reached or refuses.
pub async fn dead(command: &DeadCommand) -> anyhow::Result<()> {
    match command {
        DeadCommand::Ls(args) => dead_list(args).await,
        DeadCommand::Show(args) => {
            let answer = Console::new(&args.operator)?.get(&["dead", &args.id], &[]).await?;
            show(&args.operator, &answer, |letter: &DeadDetail| render::dead::detail(letter))
        }
        DeadCommand::Replay(args) => dead_replay(args).await,
        DeadCommand::Discard(args) => dead_discard(args).await,
    }
}

async fn dead_list(args: &DeadListArgs) -> anyhow::Result<()> {
    let mut query = vec![("state", args.state.as_str().to_owned()), ("limit", args.limit.to_string())];
    query.extend(args.target.clone().map(|target| ("target", target)));
    let answer = Console::new(&args.operator)?.get(&["dead"], &query).await?;
    if answer.get("next_cursor").is_some_and(Value::is_string) {
        eprintln!("usher: there are more; raise --limit or narrow with --target");
    }
    show(&args.operator, &answer, |page: &DeadLetters| render::dead::list(page))
}

async fn dead_replay(args: &DeadReplayArgs) -> anyhow::Result<()> {
    let ids = args.target.is_none().then(|| args.ids.clone());
    let body = Replay { ids, target: args.target.clone(), why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["dead", "replay"], &body).await?;
    if answer.get("more") == Some(&Value::Bool(true)) {
        eprintln!("usher: the target has more of them; run this again");
    }
    show(&args.operator, &answer, |replayed: &Replayed| render::dead::replayed(replayed))
}

async fn dead_discard(args: &DeadDiscardArgs) -> anyhow::Result<()> {
    let body = Discard { ids: args.ids.clone(), why: args.why.clone() };
    let answer = Console::new(&args.operator)?.post(&["dead", "discard"], &body).await?;
    show(&args.operator, &answer, |discarded: &Discarded| render::dead::discarded(discarded, &args.ids))
}

/// Data goes to stdout, as a table or as the API's JSON.
fn show<T: DeserializeOwned>(
    args: &OperatorArgs,
    answer: &Value,
    render: impl Fn(&T) -> String,
) -> anyhow::Result<()> {
    use std::io::Write as _;
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(answer).expect("a JSON value is JSON"))
    } else {
        render(&understood(answer)?)
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()), // `| head` has seen enough
        written => written.context("cannot write to stdout"),
    }
}

fn understood<T: DeserializeOwned>(answer: &Value) -> anyhow::Result<T> {
    T::deserialize(answer).context("the console's answer is of a version that this usher does not know")
}

/// The console's API with somebody's token.
struct Console {
    base: Url,
    token: String,
    client: reqwest::Client,
}

impl Console {
    fn new(args: &OperatorArgs) -> anyhow::Result<Self> {
        let base = match &args.console {
            Some(url) => url.clone(),
            None => RunFile::read(&args.data)?.console,
        };
        let base: Url = base.parse().with_context(|| format!("`{base}` is no URL"))?;
        if base.cannot_be_a_base() {
            bail!("`{base}` is no base URL: it must look like http://127.0.0.1:8081");
        }
        let client = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).no_proxy().build();
        Ok(Self { base, token: token(&args.data)?, client: client.context("cannot make an HTTP client")? })
    }

    async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Value> {
        self.send(self.request(Method::GET, path).query(query)).await
    }

    async fn post(&self, path: &[&str], body: &impl Serialize) -> anyhow::Result<Value> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    fn request(&self, method: Method, path: &[&str]) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("checked when the client was made")
            .pop_if_empty()
            .push("v1")
            .extend(path);
        self.client.request(method, url).bearer_auth(&self.token)
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
            _ => bail!("{} answered {status}, not as a console does", self.base),
        }
    }
}

/// RFC 9457 in one line, with the wrong fields below it.
fn problem_text(problem: &Value) -> String {
    let member = |name: &str| problem.get(name).and_then(Value::as_str).map(render::clean);
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
            |name: &str| error.get(name).and_then(Value::as_str).map(render::clean).unwrap_or_default();
        text.push_str(&format!("\n  {}: {}", part("pointer"), part("detail")));
    }
    text
}

/// From USHER_TOKEN, or the data folder.
fn token(data: &Path) -> anyhow::Result<String> {
    if let Ok(token) = std::env::var("USHER_TOKEN") {
        return Ok(token);
    }
    let path = operator_token_file(data);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("no operator token: set USHER_TOKEN, or have one in {}", path.display()))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_is_told_with_its_code_request_and_fields() {
        let text = problem_text(&json!({
            "title": "Unprocessable", "detail": "the body is not right", "code": "invalid_body", "requestId": "r1",
            "errors": [{"pointer": "/why", "detail": "is required"}],
        }));
        assert_eq!(
            text,
            "Unprocessable: the body is not right [code invalid_body] [request r1]\n  /why: is required"
        );
    }

    #[test]
    fn a_person_is_one_path_segment_whatever_is_in_the_name() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let console = Console {
            base: "http://127.0.0.1:1/prefix/".parse().unwrap(),
            token: "t".into(),
            client: reqwest::Client::new(),
        };
        let request = console.request(Method::GET, &["people", "a/b?c d", "trace"]).build().unwrap();
        assert_eq!(request.url().path(), "/prefix/v1/people/a%2Fb%3Fc%20d/trace");
    }
}
