//! The server over real connections: bodies, request ids, the end of a connection, and TLS.

#![expect(clippy::unwrap_used, reason = "a broken assumption of a test should panic")]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use edge::{CallerStanding, DrainOutcome, HttpServer, JsonBody, protect_router, read_body, serve_router};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const BYTES_MAX: usize = 10;

/// A server whose routes read bodies.
struct Server {
    address: SocketAddr,
    soft: CancellationToken,
    hard: CancellationToken,
    served: JoinHandle<DrainOutcome>,
}

async fn read_within(headers: HeaderMap, body: Body, time_max: Duration) -> Response {
    match read_body(&headers, body, BYTES_MAX, time_max).await {
        Ok(body) => body.into_response(),
        Err(problem) => problem.into_response(),
    }
}

impl Server {
    async fn start(serving: HttpServer) -> Self {
        let patient = async |request: Request| {
            let (parts, body) = request.into_parts();
            read_within(parts.headers, body, Duration::from_secs(600)).await
        };
        let hurried = async |request: Request| {
            let (parts, body) = request.into_parts();
            read_within(parts.headers, body, Duration::from_millis(1)).await
        };
        let proven = async |request: Request| {
            let (parts, body) = request.into_parts();
            parts.extensions.get::<CallerStanding>().unwrap().prove();
            read_within(parts.headers, body, Duration::from_secs(600)).await
        };
        let router = Router::new()
            .route("/patient", post(patient))
            .route("/hurried", post(hurried))
            .route("/proven", post(proven))
            .route("/json", post(async |JsonBody(value): JsonBody<Value>| value.to_string()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
        let serve = serve_router(listener, protect_router(router), soft.clone(), hard.clone(), serving);
        Self { address, soft, hard, served: tokio::spawn(serve) }
    }

    /// Sends the text as it is, and returns the head and the body of the answer.
    async fn send(&self, request: &str) -> (String, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)))
    }
}

fn request(path: &str, headers: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: usher\r\nconnection: close\r\n{headers}\r\n{body}")
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_whether_it_is_announced_or_comes_in_chunks() {
    let server = Server::start(HttpServer::default()).await;
    let (head, body) = server.send(&request("/patient", "content-length: 10\r\n", "0123456789")).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, Value::from("0123456789"));
    let announced = request("/patient", "content-length: 11\r\n", "");
    let chunked = request("/patient", "transfer-encoding: chunked\r\n", "b\r\n01234567890\r\n0\r\n\r\n");
    for too_long in [announced, chunked] {
        let (head, problem) = server.send(&too_long).await;
        assert!(head.starts_with("http/1.1 413"), "{head}");
        assert!(problem["detail"].as_str().unwrap().contains("at most 10 bytes"), "{problem}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_a_problem() {
    let server = Server::start(HttpServer::default()).await;
    let (head, problem) = server.send(&request("/hurried", "content-length: 10\r\n", "01234")).await;
    assert!(head.starts_with("http/1.1 408"), "{head}");
    assert_eq!(problem["code"], "body_timeout");
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_ends_the_connection() {
    let head_time_max = Duration::from_millis(20);
    let server = Server::start(HttpServer { head_time_max, ..HttpServer::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST /patient HTTP/1.1\r\nhost:").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_request_id_is_returned_in_the_head_and_in_a_problem_and_a_bad_one_is_replaced() {
    let server = Server::start(HttpServer::default()).await;
    let send = async |id: &str| {
        let headers = format!("x-request-id: {id}\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n");
        server.send(&request("/json", &headers, "{}")).await
    };
    let (head, problem) = send("of-the-caller").await;
    assert!(head.starts_with("http/1.1 415"), "{head}");
    assert!(head.contains("x-request-id: of-the-caller"), "{head}");
    assert_eq!(problem["requestId"], "of-the-caller");
    let (head, problem) = send("not a word").await;
    let own = problem["requestId"].as_str().unwrap();
    assert!(own.starts_with("req_") && head.contains(&format!("x-request-id: {own}")), "{head}");
}

#[tokio::test]
async fn a_request_in_flight_is_answered_at_shutdown_and_dropped_by_the_second_signal() {
    for second_signal in [false, true] {
        let server = Server::start(HttpServer::default()).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let expects = "expect: 100-continue\r\ncontent-length: 2\r\n";
        stream.write_all(request("/patient", expects, "").as_bytes()).await.unwrap();
        // The handler reads the body once the server asks for it.
        let mut asks = [0; 25];
        stream.read_exact(&mut asks).await.unwrap();
        assert!(asks.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asks));
        server.soft.cancel();
        if second_signal {
            server.hard.cancel();
            assert_eq!(server.served.await.unwrap(), DrainOutcome::Dropped);
            continue;
        }
        stream.write_all(b"42").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("42"), "{answer}");
        assert_eq!(server.served.await.unwrap(), DrainOutcome::Clean);
        assert!(TcpStream::connect(server.address).await.is_err(), "it accepts no new connection");
    }
}

async fn begin_request(server: &Server, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let expects = "expect: 100-continue\r\ncontent-length: 2\r\n";
    stream.write_all(request(path, expects, "").as_bytes()).await.unwrap();
    let mut asks = [0; 25];
    stream.read_exact(&mut asks).await.unwrap();
    assert!(asks.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asks));
    stream
}

#[tokio::test]
async fn a_connection_of_an_unproven_caller_gives_way_and_a_request_of_a_proven_one_does_not() {
    let server = Server::start(HttpServer { connections_max: 2, ..HttpServer::default() }).await;
    let mut proven = begin_request(&server, "/proven").await;
    let mut unproven = begin_request(&server, "/patient").await;
    let (head, _) = server.send(&request("/patient", "content-length: 2\r\n", "42")).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let mut rest = Vec::new();
    let _ = unproven.read_to_end(&mut rest).await; // ends, because the connection was closed
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    proven.write_all(b"42").await.unwrap();
    let mut answer = String::new();
    proven.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("42"), "{answer}");
}
