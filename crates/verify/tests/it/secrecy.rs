//! No message repeats a secret, a signature or the value of a header.

use serde_json::json;
use verify::{NoticeRefusal, NoticeVerifier, TimestampFormat, VendorSecret};

use crate::request::{vectors, verifier};

const MARKER: &str = "MARKER5ecret";

#[test]
fn debug_forms_show_no_secret() {
    assert_eq!(format!("{:?}", VendorSecret::new(MARKER)), "<redacted>");
    for scheme in ["bamboohr", "standard_webhooks", "bearer"] {
        let verifier = verifier(&json!({ "scheme": scheme, "secrets": [MARKER] }));
        let shown = format!("{verifier:?} {verifier:#?} {:?}", verifier.as_hmac());
        assert!(!shown.contains(MARKER) && shown.contains("<redacted>"), "{shown}");
    }
}

#[test]
fn mistakes_in_a_secret_do_not_repeat_it() {
    for text in [
        format!(" {MARKER}"),
        format!("{MARKER}\n"),
        format!("whpk_{MARKER}"),
        format!("whsk_{MARKER}"),
        MARKER.repeat(500),
    ] {
        for scheme in ["gusto", "finch", "standard_webhooks", "bearer"] {
            let verifier = verifier(&json!({ "scheme": scheme, "secrets": [text] }));
            if let Err(error) = verifier.check() {
                assert!(!error.contains(MARKER), "{error}");
            }
        }
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    for field in ["signature_header", "signed", "prefix", "ed25519_prefix", "timestamp_header", "id_header"] {
        for value in [format!("{MARKER} {{{MARKER}}}"), format!("{{{MARKER}"), format!("{{{MARKER}}}")] {
            let settings = json!({ field: value });
            let request = crate::request::Request::custom(settings, b"x");
            if let Err(error) = verifier(&request.verifier).check() {
                assert!(!error.contains(MARKER), "{error}");
            }
        }
    }
}

#[test]
fn a_secret_of_the_wrong_type_is_not_repeated() {
    for secrets in [
        "7421337",
        "[7421337]",
        "[74213.37]",
        "[-7421337]",
        "'7421337'",
        "{ a: 7421337 }",
        "[[7421337]]",
        "[true]",
    ] {
        for scheme in ["gusto", "bearer"] {
            let yaml = format!("scheme: {scheme}\nsecrets: {secrets}\n");
            let options = serde_saphyr::options! { with_snippet: false };
            let error = serde_saphyr::from_str_with_options::<NoticeVerifier>(&yaml, options)
                .unwrap_err()
                .to_string();
            assert!(!error.contains("7421") && !error.contains("true"), "{error}");
        }
    }
    let huge = json!({ "scheme": "gusto", "secrets": [7_421_337_742_133_774_213_u64] });
    let error = serde_json::from_value::<NoticeVerifier>(huge).unwrap_err().to_string();
    assert!(!error.contains("7421") && error.contains("in quotes"), "{error}");
}

#[test]
fn refusals_repeat_no_header_and_no_secret() {
    for request in vectors() {
        for header in request.headers.keys() {
            for value in [MARKER.to_owned(), format!("v1,{MARKER}"), MARKER.repeat(1_000), "ab".repeat(32)] {
                let Err(refusal) = request.clone().with(header, value.clone()).verify() else { continue };
                let said = format!("{refusal} {refusal:?}");
                let secret = request.verifier["secrets"][0].as_str().unwrap();
                assert!(
                    !said.contains(MARKER) && !said.contains(&value) && !said.contains(request.signature())
                );
                assert!(secret.len() < 6 || !said.contains(secret), "{said}");
            }
        }
    }
}

#[test]
fn the_sender_hears_the_same_words_whatever_is_wrong() {
    let header = || "x-sig".to_owned();
    let all = [
        NoticeRefusal::MissingHeader { header: header() },
        NoticeRefusal::LongHeader { header: header(), limit_bytes: 1 },
        NoticeRefusal::MalformedSignature { header: header(), what: "holds too many signatures" },
        NoticeRefusal::MalformedTimestamp { header: header(), format: TimestampFormat::Rfc3339 },
        NoticeRefusal::MalformedId { header: header() },
        NoticeRefusal::WrongSignature { header: header(), candidates: 1, secrets: 2 },
        NoticeRefusal::Stale { age_seconds: 301, tolerance_seconds: 300 },
        NoticeRefusal::FromTheFuture { ahead_seconds: 301, tolerance_seconds: 300 },
        NoticeRefusal::Misconfigured,
    ];
    assert!(all.iter().all(|refusal| refusal.public() == "the notice was refused"));
    let logged: Vec<String> = all.iter().map(NoticeRefusal::to_string).collect();
    assert_eq!(
        logged,
        [
            "header x-sig is missing",
            "header x-sig is longer than 1 bytes",
            "header x-sig holds too many signatures",
            "header x-sig is not a time in RFC 3339",
            "header x-sig is empty or holds a separator of the signed text",
            "nothing in header x-sig (1 tried) matches any of 2 secrets",
            "signed 301 s ago, and 300 s are tolerated",
            "signed 301 s ahead of our clock, and 300 s are tolerated",
            "the verifier is configured wrongly",
        ]
    );
}
