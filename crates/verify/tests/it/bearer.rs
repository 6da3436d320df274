//! Fixed values, and the scheme without verification.

use serde_json::json;
use verify::{NoticeRefusal, NoticeVerifier, VerifiedNotice};

use crate::request::{at, verifier};

fn sent(
    verifier: &NoticeVerifier,
    name: &'static str,
    value: &'static str,
) -> Result<VerifiedNotice, NoticeRefusal> {
    verifier.verify(|asked| (asked == name).then_some(value), b"whatever", at(0))
}

#[test]
fn the_whole_value_of_the_header_is_compared() {
    let verifier = verifier(&json!({ "scheme": "bearer", "secrets": ["Bearer s3cret", "old value"] }));
    assert_eq!(verifier.check(), Ok(()));
    for value in ["Bearer s3cret", "old value"] {
        assert_eq!(sent(&verifier, "authorization", value), Ok(VerifiedNotice::default()));
    }
    for value in [
        "s3cret",
        "Bearer s3cre",
        "Bearer s3cret ",
        "bearer s3cret",
        "Bearer s3cretX",
        "",
        " ",
        "Bearer ",
        "old",
    ] {
        let header = "authorization".to_owned();
        let wrong = NoticeRefusal::WrongSignature { header, candidates: 1, secrets: 2 };
        assert_eq!(sent(&verifier, "authorization", value), Err(wrong), "{value}");
    }
    let header = "authorization".to_owned();
    assert_eq!(sent(&verifier, "x-other", "Bearer s3cret"), Err(NoticeRefusal::MissingHeader { header }));
}

#[test]
fn another_header_may_carry_it() {
    let verifier = verifier(&json!({ "scheme": "bearer", "header": "X-Token", "secrets": ["s3cret"] }));
    assert!(sent(&verifier, "x-token", "s3cret").is_ok());
    assert!(sent(&verifier, "authorization", "s3cret").is_err());
}

#[test]
fn a_secret_that_no_header_can_carry_is_a_mistake() {
    for secret in ["", " s3cret", "s3cret\n", "s3\u{7}cret", "s3crét"] {
        let verifier = verifier(&json!({ "scheme": "bearer", "secrets": ["good", secret] }));
        assert!(verifier.check().unwrap_err().starts_with("`secrets[1]` "), "{secret:?}");
        assert_eq!(sent(&verifier, "authorization", "good"), Err(NoticeRefusal::Misconfigured));
    }
    let none = verifier(&json!({ "scheme": "bearer", "secrets": [] }));
    assert!(none.check().unwrap_err().starts_with("`secrets` is empty"));
    assert_eq!(sent(&none, "authorization", ""), Err(NoticeRefusal::Misconfigured));
}

#[test]
fn nothing_is_verified_only_where_it_says_none() {
    let none: NoticeVerifier = serde_saphyr::from_str("scheme: none").unwrap();
    assert_eq!(none.check(), Ok(()));
    assert_eq!(sent(&none, "x", "y"), Ok(VerifiedNotice::default()));
    for yaml in ["{}", "scheme:", "scheme: null", "scheme: ''", "scheme: None", "scheme: none\nsecrets: [a]"]
    {
        assert!(serde_saphyr::from_str::<NoticeVerifier>(yaml).is_err(), "{yaml}");
    }
}
