//! The admin listener does not depend on the service's runtime.

#![expect(clippy::unwrap_used, reason = "a broken assumption of a test should panic")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;

use telemetry::{LogFormat, TelemetryConfig, metrics};

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn the_admin_listener_answers_while_the_only_worker_is_blocked() {
    let telemetry = telemetry::init_telemetry(TelemetryConfig {
        service: "admin-test",
        log_format: LogFormat::Json,
        log_filter: String::new(),
        otlp_endpoint: None,
        admin_listen: Some("127.0.0.1:0".parse().unwrap()),
    })
    .unwrap();
    let admin = telemetry.admin_addr().unwrap();
    metrics::register_target("zscaler");
    metrics::count_merged("changed", 3);

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (blocked, is_blocked) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    runtime.spawn(async move {
        blocked.send(()).unwrap();
        released.recv().unwrap();
    });
    is_blocked.recv().unwrap();

    assert_eq!(get(admin, "/livez").0, 200);
    assert_eq!(get(admin, "/readyz").0, 503);
    let latch = telemetry.readiness().latch("bus");
    assert_eq!(get(admin, "/readyz"), (503, "bus: starting\n".to_owned()));
    latch.open();
    assert_eq!(get(admin, "/readyz").0, 200);
    latch.close("disconnected");
    assert_eq!(get(admin, "/readyz"), (503, "bus: disconnected\n".to_owned()));

    let (status, text) = get(admin, "/metrics");
    assert_eq!(status, 200);
    for line in [
        r#"usher_merge_total{outcome="changed"} 3"#,
        r#"usher_merge_total{outcome="duplicate"} 0"#,
        r#"usher_dead_letters_total{target="zscaler"} 0"#,
        r#"usher_accept_to_target_seconds_bucket{lane="leaver",target="zscaler",le="3600"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    release.send(()).unwrap();
    telemetry.shutdown();
}
