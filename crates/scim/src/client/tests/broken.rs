use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use AttemptClass::{OutcomeUnknown, Transient, Unavailable};

/// The behaviour of a server after it has read a request to the end.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Resets the connection after the work is done.
    Reset,
    /// Closes the connection normally, without an answer.
    Close,
    /// Never answers.
    Silence,
    /// Breaks off in the middle of the answer.
    Truncate,
    /// Answers with bytes that are not HTTP.
    Garbage,
}

async fn suffer(fate: Fate, timeout: Duration) -> ScimClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            read_request(&mut stream).await;
            match fate {
                Fate::Reset => stream.set_zero_linger().unwrap(),
                Fate::Close => {}
                Fate::Silence => {
                    silent.push(stream);
                    continue;
                }
                Fate::Truncate => {
                    stream
                        .write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":")
                        .await
                        .unwrap();
                }
                Fate::Garbage => stream.write_all(b"what?\r\n\r\n").await.unwrap(),
            }
            let _ = stream.flush().await;
        }
    });
    client_of(&url, profile(), timeout)
}

/// Reads head and body.
async fn read_request(stream: &mut TcpStream) {
    let mut got = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&got).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return;
            }
        }
        if stream.read_buf(&mut got).await.unwrap() == 0 {
            return;
        }
    }
}

#[tokio::test]
async fn whoever_breaks_off_after_the_request_leaves_writes_unknown_and_reads_to_be_tried_again() {
    for fate in [Fate::Reset, Fate::Close, Fate::Silence, Fate::Truncate, Fate::Garbage] {
        let timeout = if matches!(fate, Fate::Silence) { Duration::from_millis(300) } else { PATIENT };
        let client = suffer(fate, timeout).await;
        let person = attributes(json!({ "userName": "ada", "title": "Countess" }));
        let ops = [PatchOp::Replace { path: "title".into(), value: json!("Countess") }];
        let created = client.create(ScimKind::User, &person).await;
        let classes = [
            created.class(),
            client.patch(ScimKind::User, "1", &ops).await.class(),
            client.replace(ScimKind::User, "1", &json!({ "userName": "ada" }), None).await.class(),
            client.delete(ScimKind::User, "1").await.class(),
        ];
        assert_eq!(classes, [OutcomeUnknown; 4], "{fate:?}");
        let reads = [
            client.get(ScimKind::User, "1").await.class(),
            client.find(ScimKind::User, "userName", "a").await.class(),
        ];
        assert_eq!(reads, [Transient; 2], "{fate:?}");
        let shown = format!("{created:?}");
        assert!(!shown.contains("Countess") && !shown.contains("s3cret"), "{shown}");
    }
}

#[tokio::test]
async fn what_was_never_sent_leaves_the_target_unavailable() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for base in [format!("http://{free}"), "http://no-such-host.invalid".to_owned()] {
        let client = client_of(&base, profile(), PATIENT);
        let reply = client.create(ScimKind::User, &AttributeMap::new()).await;
        assert_eq!(reply.class(), Unavailable, "{base}");
        let message = reply.outcome.unwrap_err().message;
        assert!(message.starts_with("the target cannot be reached: "), "{message}");
    }
}

#[tokio::test]
async fn a_target_that_fails_in_the_handshake_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        }
    });
    let reply = client_of(&url, profile(), PATIENT).create(ScimKind::User, &AttributeMap::new()).await;
    assert_eq!(reply.class(), Unavailable);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client_of(&format!("http://{}", listener.local_addr().unwrap()), profile(), PATIENT);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..3 {
            read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    });
    for _ in 0..3 {
        assert!(client.delete(ScimKind::User, "1").await.outcome.is_ok());
    }
    server.await.unwrap();
}
