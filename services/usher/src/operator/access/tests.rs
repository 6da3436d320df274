use std::sync::{Arc, Mutex};

use axum::http::header::AUTHORIZATION;

use super::*;
use crate::operator::client::OperatorClient;
use crate::operator::login::log_in;
use crate::private_file::write_private;

/// A listener that records the `Authorization` header of each request, and answers as `respond` does.
struct Recorder {
    url: String,
    seen: Arc<Mutex<Vec<Option<String>>>>,
}

impl Recorder {
    async fn start(respond: fn() -> axum::response::Response) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let noted = Arc::clone(&seen);
        let router = axum::Router::new().fallback(async move |headers: axum::http::HeaderMap| {
            let header = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
            noted.lock().unwrap().push(header);
            respond()
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<Option<String>> {
        self.seen.lock().unwrap().clone()
    }
}

fn accept() -> axum::response::Response {
    axum::response::IntoResponse::into_response(axum::Json(serde_json::json!({"fine": true})))
}

fn refuse() -> axum::response::Response {
    let problem = axum::Json(serde_json::json!({"title": "Unauthorized", "status": 401}));
    axum::response::IntoResponse::into_response((axum::http::StatusCode::UNAUTHORIZED, problem))
}

/// A user with a data folder whose `usher up` serves operators at `local`.
struct User {
    home: tempfile::TempDir,
    environment: AccessEnvironment,
}

impl User {
    fn new(local: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("tokens")).unwrap();
        write_private(&home.path().join("tokens/operator"), "local-token\n").unwrap();
        let run = serde_json::json!({"pid": 1, "gateway": "", "console": local, "admin": "", "nats": "", "nats_pid": 1});
        std::fs::write(home.path().join("run.json"), run.to_string()).unwrap();
        let contexts = Some(home.path().join("config/usher/contexts.json"));
        Self { home, environment: AccessEnvironment { token: None, contexts } }
    }

    fn contexts(&self) -> &Path {
        self.environment.contexts.as_deref().unwrap()
    }

    fn args(&self, console: Option<&str>) -> OperatorArgs {
        OperatorArgs {
            console: console.map(str::to_owned),
            context: None,
            data: Some(self.home.path().to_owned()),
            insecure_http: false,
            json: false,
        }
    }

    /// Sends a request as a command with these arguments does.
    async fn ask(&self, args: &OperatorArgs) -> anyhow::Result<()> {
        let access = resolve_access(args, &self.environment)?;
        OperatorClient::with_access(&access)?.get(&["status"], &[]).await.map(|_| ())
    }
}

#[tokio::test]
async fn the_local_token_reaches_the_local_console_and_no_other_address() {
    let (local, foreign) = (Recorder::start(accept).await, Recorder::start(accept).await);
    let user = User::new(&local.url);
    for console in [None, Some(local.url.as_str())] {
        user.ask(&user.args(console)).await.unwrap();
    }
    let refused = user.ask(&user.args(Some(&foreign.url))).await.unwrap_err().to_string();
    assert!(refused.contains("usher login --console") && refused.contains(&local.url), "{refused}");
    assert_eq!(local.seen(), [Some("Bearer local-token".to_owned()), Some("Bearer local-token".to_owned())]);
    assert_eq!(foreign.seen(), [], "nothing reached the foreign listener");
}

#[tokio::test]
async fn the_token_of_a_context_reaches_the_address_that_it_was_stored_for() {
    let (stored, other) = (Recorder::start(accept).await, Recorder::start(accept).await);
    let user = User::new("http://127.0.0.1:1");
    let context = ConsoleContext {
        console: stored.url.parse().unwrap(),
        token: BoundToken("stored-token".into()),
        insecure_http: false,
    };
    log_in(Some("prod".into()), context, user.contexts()).await.unwrap();
    user.ask(&user.args(Some(&stored.url))).await.unwrap();
    let by_name = OperatorArgs { context: Some("prod".into()), ..user.args(None) };
    user.ask(&by_name).await.unwrap();
    let current = OperatorArgs { data: None, ..user.args(None) };
    user.ask(&current).await.unwrap();
    assert_eq!(stored.seen(), vec![Some("Bearer stored-token".to_owned()); 4]);
    assert!(user.ask(&user.args(Some(&other.url))).await.is_err());
    assert_eq!(other.seen(), []);
}

#[tokio::test]
async fn a_token_that_the_console_refuses_is_not_stored() {
    let console = Recorder::start(refuse).await;
    let user = User::new("http://127.0.0.1:1");
    let context = ConsoleContext {
        console: console.url.parse().unwrap(),
        token: BoundToken("wrong".into()),
        insecure_http: false,
    };
    assert!(log_in(None, context, user.contexts()).await.is_err());
    assert!(!user.contexts().exists());
}

#[tokio::test]
async fn a_redirect_takes_no_token_along() {
    let local = Recorder::start(|| {
        axum::response::IntoResponse::into_response(axum::response::Redirect::permanent("/elsewhere"))
    })
    .await;
    let user = User::new(&local.url);
    let refused = user.ask(&user.args(None)).await.unwrap_err().to_string();
    assert!(refused.contains("follow no redirect"), "{refused}");
    assert_eq!(local.seen().len(), 1);
}

#[tokio::test]
async fn a_token_of_the_environment_needs_a_console_that_is_named_as_well() {
    let (local, named) = (Recorder::start(accept).await, Recorder::start(accept).await);
    let mut user = User::new(&local.url);
    user.environment.token = Some(BoundToken("of-the-environment".into()));
    user.ask(&user.args(Some(&named.url))).await.unwrap();
    assert_eq!(named.seen(), [Some("Bearer of-the-environment".to_owned())]);
    let refused = user.ask(&user.args(None)).await.unwrap_err().to_string();
    assert!(refused.contains("USHER_CONSOLE_URL"), "{refused}");
    assert_eq!(local.seen(), [], "a foreign run.json gets no token");
}

#[test]
fn no_token_travels_over_plain_http_to_another_machine_unless_it_is_said() {
    let mut user = User::new("http://192.0.2.1:8081");
    let refused = |result: anyhow::Result<ConsoleContext>| result.unwrap_err().to_string();
    let local = resolve_access(&user.args(None), &user.environment);
    assert!(refused(local).contains("--insecure-http"));
    user.environment.token = Some(BoundToken("t".into()));
    let named = user.args(Some("http://usher.example.com"));
    let text = refused(resolve_access(&named, &user.environment));
    assert!(text.contains("https://") && text.contains("ssh -L"), "{text}");
    let said = OperatorArgs { insecure_http: true, ..named };
    assert!(resolve_access(&said, &user.environment).is_ok());
    assert!(resolve_access(&user.args(Some("https://usher.example.com")), &user.environment).is_ok());
}

#[test]
fn contexts_are_read_only_from_a_private_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let user = User::new("http://127.0.0.1:1");
    let mut file = ContextFile::default();
    let context = ConsoleContext {
        console: "https://a.example".parse().unwrap(),
        token: BoundToken("t".into()),
        insecure_http: false,
    };
    file.contexts.insert("a".into(), context);
    file.write(user.contexts()).unwrap();
    let args = OperatorArgs { context: Some("a".into()), ..user.args(None) };
    assert_eq!(resolve_access(&args, &user.environment).unwrap().console.to_string(), "https://a.example");
    let mode =
        |mode| std::fs::set_permissions(user.contexts(), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let refused = format!("{:#}", resolve_access(&args, &user.environment).unwrap_err());
    assert!(refused.contains("chmod 600"), "{refused}");
}
