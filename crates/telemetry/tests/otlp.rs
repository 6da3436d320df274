//! Spans reach a collector, as children of the remote parent.

use std::sync::mpsc;

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use lifecycle::TraceContext;
use telemetry::{LogFormat, TelemetryConfig};

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn exported_spans_reach_the_collector_with_the_remote_parent() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let (posted, posts) = mpsc::channel();
    let routes = Router::new().fallback(move |uri: Uri, body: Bytes| async move {
        posted.send((uri.path().to_owned(), body)).unwrap();
    });
    runtime.spawn(async move { axum::serve(listener, routes).await });

    let telemetry = telemetry::init_telemetry(TelemetryConfig {
        service: "otlp-test-service",
        log_format: LogFormat::Text,
        log_filter: "warn".to_owned(),
        otlp_endpoint: Some(endpoint),
        admin_listen: None,
    })
    .unwrap();
    let (parent, other) = (TraceContext::root(), TraceContext::root());
    let span = tracing::info_span!("a-piece-of-work", trace_id = tracing::field::Empty);
    telemetry::link_span(&span, other);
    let handed_on = telemetry::in_trace(&span, Some(parent));
    assert_eq!(handed_on.trace_id, parent.trace_id);
    assert!(handed_on.sampled);
    let inner = span.in_scope(|| telemetry::in_trace(&tracing::info_span!("inner"), None));
    assert_eq!(inner.trace_id, parent.trace_id, "the enclosing span's trace goes on");
    drop(span);
    telemetry.shutdown();

    let (path, body) = posts.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
    assert_eq!(path, "/v1/traces");
    for expected in [
        &b"otlp-test-service"[..],
        b"a-piece-of-work",
        &parent.trace_id.to_be_bytes(),
        &parent.span_id.to_be_bytes(),
        &handed_on.span_id.to_be_bytes(),
        &other.trace_id.to_be_bytes(),
    ] {
        assert!(contains(&body, expected), "{expected:?} is missing in the export");
    }
}
