//! Requests that are answered at once.

use serde_json::json;
use sources::{AdapterKind, ErrorKind, NoticeAdapter, NoticeAnswer, NoticeRequest, ReadError};
use time::macros::datetime;

fn read(
    kind: AdapterKind,
    method: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<NoticeAnswer, ReadError> {
    let adapter = match kind {
        AdapterKind::Json => {
            serde_saphyr::from_str("{ kind: json, key: /k, types: { '*': worker.changed } }").unwrap()
        }
        kind => NoticeAdapter::new(kind),
    };
    let request = NoticeRequest { method, headers, body: body.as_bytes() };
    adapter.compile().unwrap().read(&request, datetime!(2026-02-01 12:00 UTC))
}

const OK: NoticeAnswer = NoticeAnswer::Handshake { status: 200, headers: Vec::new(), body: None };

#[test]
fn okta_gets_its_challenge_back() {
    let challenge = [("X-Okta-Verification-Challenge", "My verification challenge")];
    let body = Some(json!({ "verification": "My verification challenge" }));
    let expected = NoticeAnswer::Handshake { status: 200, headers: Vec::new(), body };
    assert_eq!(read(AdapterKind::Okta, "GET", &challenge, "").unwrap(), expected);
    assert_eq!(read(AdapterKind::Okta, "GET", &[], "").unwrap_err().kind, ErrorKind::Method);
    assert_eq!(read(AdapterKind::Gusto, "GET", &challenge, "").unwrap_err().kind, ErrorKind::Method);
    let long = "x".repeat(513);
    let error = read(AdapterKind::Okta, "GET", &[("x-okta-verification-challenge", &long)], "").unwrap_err();
    assert_eq!(error.at, "header:x-okta-verification-challenge");
}

#[test]
fn hibobs_ping_is_answered_in_each_of_its_forms() {
    for ping in
        [include_str!("../data/hibob_ping.json"), "Ping test", "\"Ping test\"", "{\"text\":\"Ping test\"}"]
    {
        assert_eq!(
            read(AdapterKind::Hibob, "POST", &[("content-type", "text/plain")], ping).unwrap(),
            OK,
            "{ping}"
        );
        assert!(read(AdapterKind::Finch, "POST", &[], ping).is_err(), "{ping}");
    }
}

#[test]
fn gustos_token_is_taken_and_not_repeated() {
    let token = include_str!("../data/gusto_verification_token.json");
    assert_eq!(read(AdapterKind::Gusto, "POST", &[], token).unwrap(), OK);
}

#[test]
fn cloudevents_may_ask_whether_they_may_send() {
    let headers = [("WebHook-Request-Origin", "events.example.com"), ("WebHook-Request-Rate", "120")];
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = vec![
        named("allow", "POST"),
        named("webhook-allowed-origin", "events.example.com"),
        named("webhook-allowed-rate", "120"),
    ];
    for kind in AdapterKind::ALL {
        let answer = read(kind, "OPTIONS", &headers, "").unwrap();
        assert_eq!(
            answer,
            NoticeAnswer::Handshake { status: 200, headers: expected.clone(), body: None },
            "{kind:?}"
        );
    }
    let answer =
        read(AdapterKind::Json, "OPTIONS", &[headers[0], ("webhook-request-rate", "lots")], "").unwrap();
    assert_eq!(answer, NoticeAnswer::Handshake { status: 200, headers: expected[..2].to_vec(), body: None });
    for origin in ["a\r\nset-cookie: x", "<script>", &"x".repeat(254)] {
        let error =
            read(AdapterKind::Json, "OPTIONS", &[("webhook-request-origin", origin)], "").unwrap_err();
        assert_eq!((error.kind, error.at.as_str()), (ErrorKind::Invalid, "header:webhook-request-origin"));
    }
    assert_eq!(read(AdapterKind::Json, "OPTIONS", &[], "").unwrap_err().kind, ErrorKind::Method);
    for method in ["PUT", "DELETE", "HEAD", "post", ""] {
        assert_eq!(
            read(AdapterKind::Json, method, &[], "{}").unwrap_err().kind,
            ErrorKind::Method,
            "{method}"
        );
    }
}
