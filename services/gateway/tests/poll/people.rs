//! An HR system that lists people, with every kind of paging.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::watch;

/// The deviation of a page from a correct one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Twist {
    Status(u16),
    /// The first page is returned repeatedly.
    SamePage,
    /// Links lead back to the first page.
    Circle,
    /// Links lead to another host.
    Elsewhere,
    /// The total is greater than the number of rows.
    Short,
    /// The answer is not a list.
    Page,
}

#[derive(Default)]
struct Inner {
    rows: Vec<Value>,
    twist: Option<Twist>,
    failures: VecDeque<(u64, u16)>,
    queries: Vec<HashMap<String, String>>,
}

/// Clones share the same system.
#[derive(Clone)]
pub struct People {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    asked: watch::Sender<usize>,
}

/// The number of rows in a page.
const SIZE: usize = 2;

impl People {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let people = Self { url, inner: Arc::default(), asked: watch::Sender::new(0) };
        let router = Router::new().route("/people", get(page)).with_state(people.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        people
    }

    pub fn list(&self, rows: &[Value]) {
        self.inner.lock().unwrap().rows = rows.to_vec();
    }

    pub fn twist(&self, twist: Option<Twist>) {
        self.inner.lock().unwrap().twist = twist;
    }

    /// Makes the page that begins with this row fail `times` times.
    pub fn fail_at(&self, row: u64, status: u16, times: usize) {
        self.inner.lock().unwrap().failures.extend(std::iter::repeat_n((row, status), times));
    }

    /// Returns the query of each request.
    pub fn queries(&self) -> Vec<HashMap<String, String>> {
        self.inner.lock().unwrap().queries.clone()
    }

    /// Returns the value of `since` in each reading, from its first page.
    pub fn sinces(&self) -> Vec<String> {
        let first = |query: &HashMap<String, String>| {
            ["skip", "p", "cursor"]
                .iter()
                .all(|name| query.get(*name).is_none_or(|value| ["0", "1"].contains(&value.as_str())))
        };
        self.queries().into_iter().filter(first).filter_map(|query| query.get("since").cloned()).collect()
    }

    /// Waits until this many more requests have arrived.
    pub async fn was_asked(&self, more: usize) {
        let until = *self.asked.borrow() + more;
        let seen = async { self.asked.subscribe().wait_for(|asked| *asked >= until).await.map(|_| ()) };
        tokio::time::timeout(std::time::Duration::from_secs(40), seen).await.expect("it is asked").unwrap();
    }
}

async fn page(State(people): State<People>, Query(query): Query<HashMap<String, String>>) -> Response {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let start =
        number("skip").or(number("cursor")).or(number("p").map(|page| (page - 1) * SIZE)).unwrap_or(0);
    let mut inner = people.inner.lock().unwrap();
    inner.queries.push(query.clone());
    people.asked.send_modify(|asked| *asked += 1);
    let twist = inner.twist;
    if let Some((_, status)) = inner.failures.pop_front_if(|(row, _)| *row == start as u64) {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    let start = if twist == Some(Twist::SamePage) { 0 } else { start };
    let rows: Vec<Value> = inner.rows.iter().skip(start).take(SIZE).cloned().collect();
    let end = start + rows.len();
    let more = end < inner.rows.len();
    let since = query.get("since").map(|since| format!("&since={since}")).unwrap_or_default();
    let link = match twist {
        Some(Twist::Elsewhere) => Some("http://169.254.169.254/people".to_owned()),
        Some(Twist::Circle) => Some(format!("/people?skip={}{since}", end % 4)),
        _ => more.then(|| format!("{}/people?skip={end}{since}", people.url)),
    };
    let total = inner.rows.len() + usize::from(twist == Some(Twist::Short));
    match twist {
        Some(Twist::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Twist::Page) => return axum::response::Html("<html>Sign in</html>").into_response(),
        _ => {}
    }
    let body = json!({"rows": rows, "total": total, "next": link, "cursor": more.then_some(end)});
    let mut response = axum::Json(body).into_response();
    if let Some(link) = link {
        let value = format!("<{link}>; rel=\"next\"").parse().unwrap();
        response.headers_mut().insert(header::LINK, value);
    }
    response
}
