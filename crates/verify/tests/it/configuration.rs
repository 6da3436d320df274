//! Faults of a configuration are reported before it is used.

use serde_json::{Value, json};
use verify::{NoticeRefusal, NoticeVerifier, SECRETS_MAX, TOLERANCE_SECONDS_MAX};

use crate::request::{Request, verifier};

#[test]
fn a_configuration_is_read_from_yaml() {
    let yaml = r#"
scheme: hmac
secrets: ["one", 'two']
signature_header: X-Acme-Signature
algorithm: sha512
encoding: base64url
signed: "{id}.{timestamp}.{body}"
prefix: "v1,"
timestamp_header: X-Acme-Timestamp
timestamp_format: unix_milliseconds
id_header: X-Acme-Id
tolerance_seconds: 60
secret_encoding: text
"#;
    assert_eq!(serde_saphyr::from_str::<NoticeVerifier>(yaml).unwrap().check(), Ok(()));
    for scheme in ["bamboohr", "hibob", "gusto", "merge", "finch", "standard_webhooks", "bearer"] {
        let yaml = format!("scheme: {scheme}\nsecrets: ['c2VjcmV0']\n");
        assert_eq!(serde_saphyr::from_str::<NoticeVerifier>(&yaml).unwrap().check(), Ok(()), "{scheme}");
        let unknown = format!("{yaml}sekret: x\n");
        let error = serde_saphyr::from_str::<NoticeVerifier>(&unknown).unwrap_err().to_string();
        assert!(error.contains("sekret"), "{error}");
    }
    for (from, to) in
        [("sha512", "sha1"), ("sha512", "md5"), ("base64url", "base32"), ("scheme: hmac", "scheme: acme")]
    {
        assert!(serde_saphyr::from_str::<NoticeVerifier>(&yaml.replace(from, to)).is_err(), "{to}");
    }
}

/// Returns the fault that `check` reports for the custom scheme with these settings. `verify` must refuse to use them.
fn wrong(settings: Value) -> String {
    let request =
        Request::custom(settings.clone(), b"x").signed("00".repeat(32)).with("x-time", "1").with("x-id", "1");
    assert_eq!(request.verify(), Err(NoticeRefusal::Misconfigured), "{settings}");
    let error = verifier(&request.verifier).check().unwrap_err();
    assert!(error.starts_with('`') && error.contains("; "), "where, what and how to fix: {error}");
    error
}

#[test]
fn templates_that_cannot_work_are_mistakes() {
    let template =
        |signed: &str| wrong(json!({ "signed": signed, "timestamp_header": "X-Time", "id_header": "X-Id" }));
    for (signed, what) in [
        ("", "has no {body}"),
        ("{timestamp}.{id}", "has no {body}"),
        ("{id}.{timestamp}.{bdy}", "unknown placeholder {bdy}"),
        ("{id}.{timestamp}.{Body}", "unknown placeholder;"),
        ("{}", "unknown placeholder {}"),
        ("{body", "brace"),
        ("body}", "brace"),
        ("{body}}", "brace"),
        ("{{body}}", "unknown placeholder"),
        ("{body}.{body}", "twice"),
        ("{id}.{timestamp}.{body}.{timestamp}", "twice"),
        ("{id}{timestamp}.{body}", "right beside"),
        ("{timestamp}.{body}{id}", "right beside"),
        (&format!("{}{{body}}", "x".repeat(300)), "longer than"),
    ] {
        let error = template(signed);
        assert!(error.starts_with("`signed` ") && error.contains(what), "{signed}: {error}");
    }
}

#[test]
fn a_header_and_its_placeholder_go_together() {
    for (settings, field) in [
        (json!({ "signed": "{timestamp}.{body}" }), "`signed`"),
        (json!({ "signed": "{id}.{body}" }), "`signed`"),
        (json!({ "timestamp_header": "X-Time" }), "`timestamp_header`"),
        (json!({ "id_header": "X-Id" }), "`id_header`"),
    ] {
        let error = wrong(settings);
        assert!(error.starts_with(field), "{error}");
    }
}

#[test]
fn a_tolerance_needs_a_time_and_is_in_seconds() {
    let timed = |tolerance: u64| json!({ "signed": "{timestamp}.{body}", "timestamp_header": "X-Time", "tolerance_seconds": tolerance });
    for settings in
        [json!({ "tolerance_seconds": 300 }), timed(0), timed(TOLERANCE_SECONDS_MAX + 1), timed(u64::MAX)]
    {
        assert!(wrong(settings).starts_with("`tolerance_seconds` "));
    }
    for preset in ["gusto", "hibob", "merge"] {
        let verifier = verifier(&json!({ "scheme": preset, "secrets": ["a"], "tolerance_seconds": 300 }));
        assert!(verifier.check().unwrap_err().starts_with("`tolerance_seconds` "));
    }
    let longest = Request::custom(timed(TOLERANCE_SECONDS_MAX), b"x").verifier;
    assert_eq!(verifier(&longest).check(), Ok(()));
}

#[test]
fn secrets_that_cannot_work_are_mistakes() {
    let short_key = "whpk_c2hvcnQ=";
    for (secrets, encoding, field) in [
        (json!([]), "text", "`secrets` "),
        (json!(["a", ""]), "text", "`secrets[1]` "),
        (json!(["a\n"]), "text", "`secrets[0]` "),
        (json!([" a"]), "text", "`secrets[0]` "),
        (json!(["a".repeat(5_000)]), "text", "`secrets[0]` "),
        (json!(vec!["a"; SECRETS_MAX + 1]), "text", "`secrets` "),
        (json!([short_key]), "text", "`secrets[0]` is a public key"),
        (json!([short_key]), "base64", "`secrets[0]` is a public key"),
        (json!([short_key]), "standard_webhooks", "`secrets[0]` is not an Ed25519 public key"),
        (json!(["whsk_c2hvcnQ="]), "standard_webhooks", "`secrets[0]` is the sender's private key"),
        (json!(["not base64!"]), "base64", "`secrets[0]` is not base64"),
        (json!(["===="]), "base64", "`secrets[0]` is not base64"),
        (json!(["whsec_"]), "standard_webhooks", "`secrets[0]` is not base64"),
        (json!(["whsec_whsec_AAAA"]), "standard_webhooks", "`secrets[0]` is not base64"),
    ] {
        let error =
            wrong(json!({ "secrets": secrets, "secret_encoding": encoding, "ed25519_prefix": "v1a," }));
        assert!(error.starts_with(field), "{secrets}: {error}");
    }
    let key = "whpk_ebVWLo/mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ=";
    let error = wrong(json!({ "secrets": [key], "secret_encoding": "standard_webhooks" }));
    assert!(error.starts_with("`ed25519_prefix` is not set"), "{error}");
}

#[test]
fn names_of_headers_and_prefixes_are_checked() {
    for name in ["", "X Sig", "X-Sig:", "Ünlaut", "x\n", &"x".repeat(300)] {
        assert!(wrong(json!({ "signature_header": name })).starts_with("`signature_header` "));
        let settings = json!({ "signed": "{timestamp}.{body}", "timestamp_header": name });
        assert!(wrong(settings).starts_with("`timestamp_header` "));
        assert!(wrong(json!({ "signed": "{id}.{body}", "id_header": name })).starts_with("`id_header` "));
        let bearer = verifier(&json!({ "scheme": "bearer", "secrets": ["a"], "header": name }));
        assert!(bearer.check().unwrap_err().starts_with("`header` "));
    }
    for prefix in ["v1 ", "\t", "ß", &"x".repeat(300)] {
        assert!(wrong(json!({ "prefix": prefix })).starts_with("`prefix` "));
        assert!(wrong(json!({ "ed25519_prefix": prefix })).starts_with("`ed25519_prefix` "));
    }
}
