//! The client against a real HTTP server.

#![expect(clippy::unwrap_used, reason = "a broken assumption of a test should panic")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use lifecycle::AttemptClass;
use outbound::{AskFailure, AskerOptions, SourceClient, SourceCredential, Url};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const ANSWER_BYTES_MAX: usize = 1_000;
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// What the server was asked: each path with its `Authorization` header.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

/// Serves `answer` for every request, and notes the requests.
async fn serve(answer: fn(&str, &HeaderMap) -> Response) -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let handler = async move |State(asked): State<Asked>, request: Request| {
        let path = request.uri().path().to_owned();
        let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap());
        asked.lock().unwrap().push((path.clone(), authorization.unwrap_or_default().to_owned()));
        answer(&path, request.headers())
    };
    let router = Router::new().fallback(handler).with_state(Arc::clone(&asked));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, asked)
}

fn client(credential: Option<SourceCredential>) -> SourceClient {
    let timeout = Duration::from_secs(20);
    let (answer_bytes_max, retry_after_max) = (ANSWER_BYTES_MAX, RETRY_AFTER_MAX);
    let options =
        AskerOptions { credential, headers: Vec::new(), timeout, answer_bytes_max, retry_after_max };
    SourceClient::new(options).unwrap()
}

fn url(address: SocketAddr, path: &str) -> Url {
    format!("http://{address}{path}").parse().unwrap()
}

async fn failure(address: SocketAddr, path: &str) -> AskFailure {
    client(None).get(url(address, path)).await.unwrap_err()
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_credential_goes_nowhere_else() {
    let (other, asked_of_other) = serve(|_, _| axum::Json(json!({})).into_response()).await;
    let (address, asked) = serve(|path, _| {
        let port = path.trim_start_matches('/');
        (StatusCode::FOUND, [("location", format!("http://127.0.0.1:{port}/"))]).into_response()
    })
    .await;
    let bearer = client(Some(SourceCredential::Bearer("the-token".into())));
    let refused = bearer.get(url(address, &format!("/{}", other.port()))).await.unwrap_err();
    assert_eq!((refused.class, refused.status), (AttemptClass::Unavailable, Some(302)));
    assert!(refused.message.contains("redirects are not followed"), "{refused}");
    assert_eq!(asked.lock().unwrap()[0].1, "Bearer the-token");
    assert!(asked_of_other.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_token_that_the_api_refuses_is_fetched_again_for_the_next_request_and_then_kept() {
    static TOKENS: Mutex<u32> = Mutex::new(0);
    let (address, asked) = serve(|path, headers| match path {
        "/token" => {
            let mut tokens = TOKENS.lock().unwrap();
            *tokens += 1;
            axum::Json(json!({ "access_token": format!("token-{tokens}"), "expires_in": 3_600 }))
                .into_response()
        }
        _ if headers["authorization"] == "Bearer token-2" => axum::Json(json!({ "key": 1 })).into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    })
    .await;
    let api = client(Some(SourceCredential::OAuth {
        token_url: url(address, "/token"),
        client_id: "usher".to_owned(),
        client_secret: "s e:cret".into(),
        scope: None,
    }));
    let refused = api.get(url(address, "/people")).await.unwrap_err();
    assert_eq!((refused.class, refused.status), (AttemptClass::Unauthorised, Some(401)));
    for _ in 0..2 {
        assert_eq!(api.get(url(address, "/people")).await.unwrap().body, json!({ "key": 1 }));
    }
    let paths: Vec<String> = asked.lock().unwrap().iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(paths, ["/token", "/people", "/token", "/people", "/people"]);
    // RFC 6749 section 2.3.1: id and secret are form-encoded first.
    assert_eq!(asked.lock().unwrap()[0].1, "Basic dXNoZXI6cyUyMGUlM0FjcmV0");
}

#[tokio::test]
async fn a_token_endpoint_that_refuses_or_fails_has_its_own_class() {
    let (address, _) = serve(|path, _| match path {
        "/refuses" => StatusCode::BAD_REQUEST.into_response(),
        "/busy" => StatusCode::TOO_MANY_REQUESTS.into_response(),
        "/down" => StatusCode::BAD_GATEWAY.into_response(),
        _ => axum::Json(json!({ "token_type": "bearer" })).into_response(),
    })
    .await;
    for (path, class) in [
        ("/refuses", AttemptClass::Unauthorised),
        ("/busy", AttemptClass::Unavailable),
        ("/down", AttemptClass::Unavailable),
        ("/without", AttemptClass::Unauthorised),
    ] {
        let api = client(Some(SourceCredential::OAuth {
            token_url: url(address, path),
            client_id: "usher".to_owned(),
            client_secret: "the-secret".into(),
            scope: Some("people".to_owned()),
        }));
        let failed = api.get(url(address, "/people")).await.unwrap_err();
        assert_eq!(failed.class, class, "{path}: {failed}");
        assert!(!failed.message.contains("the-secret"), "{failed}");
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit_and_no_further() {
    let (address, _) = serve(|path, _| {
        let length = if path == "/fits" { ANSWER_BYTES_MAX } else { ANSWER_BYTES_MAX + 1 };
        format!("\"{}\"", "x".repeat(length - 2)).into_response()
    })
    .await;
    assert!(client(None).get(url(address, "/fits")).await.unwrap().body.is_string());
    let longer = failure(address, "/longer").await;
    assert_eq!((longer.class, longer.status), (AttemptClass::Permanent, Some(200)));
    assert_eq!(longer.message, "the answer is longer than 1000 bytes");
}

#[tokio::test]
async fn a_success_without_json_says_what_came_instead_and_nothing_of_it() {
    let (address, _) = serve(|path, _| match path {
        "/page" => "<html>the secret page</html>".into_response(),
        "/empty" => ().into_response(),
        _ => "{\"secret\": ".into_response(),
    })
    .await;
    for (path, message) in [
        ("/page", "the answer is a web page, not JSON"),
        ("/empty", "the answer is empty"),
        ("/part", "the answer is not JSON, or is incomplete"),
    ] {
        let failed = failure(address, path).await;
        assert_eq!((failed.class, failed.status), (AttemptClass::Transient, Some(200)), "{path}");
        assert_eq!(failed.message, message);
    }
}

#[tokio::test]
async fn a_pause_that_the_api_asks_for_is_returned_up_to_the_limit() {
    let (address, _) = serve(|path, _| match path {
        "/seconds" => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "7")]).into_response(),
        "/hour" => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "3600")]).into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    })
    .await;
    for (path, class, pause) in [
        ("/seconds", AttemptClass::Throttled, Some(Duration::from_secs(7))),
        ("/hour", AttemptClass::Throttled, Some(RETRY_AFTER_MAX)),
        ("/none", AttemptClass::Unavailable, None),
    ] {
        let failed = failure(address, path).await;
        assert_eq!((failed.class, failed.retry_after), (class, pause), "{path}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_or_is_refused_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1_024];
        assert!(stream.read(&mut head).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"key\"").await.unwrap();
    });
    let broken = failure(address, "/").await;
    assert_eq!((broken.class, broken.status), (AttemptClass::Transient, Some(200)), "{broken}");
    server.await.unwrap();
    let refused = failure(address, "/").await;
    assert_eq!((refused.class, refused.status), (AttemptClass::Unavailable, None), "{refused}");
    assert!(!refused.message.contains(&address.port().to_string()), "the address may have a key: {refused}");
}
