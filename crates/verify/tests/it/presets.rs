//! The custom scheme can express all presets.

use serde_json::{Value, json};

use crate::request::{vectors, verifier};

/// Returns each preset, written as settings of the custom scheme.
fn spelled_out(scheme: &str) -> Value {
    let body_only = |header: &str, algorithm: &str, encoding: &str| json!({ "scheme": "hmac", "signature_header": header, "algorithm": algorithm, "encoding": encoding, "signed": "{body}" });
    let with = |mut base: Value, more: Value| {
        more.as_object().unwrap().iter().for_each(|(field, value)| base[field] = value.clone());
        base
    };
    match scheme {
        "bamboohr" => with(
            body_only("x-bamboohr-signature", "sha256", "hex"),
            json!({ "signed": "{body}{timestamp}", "timestamp_header": "x-bamboohr-timestamp" }),
        ),
        "hibob" => body_only("bob-signature", "sha512", "base64"),
        "gusto" => body_only("x-gusto-signature", "sha256", "hex"),
        "merge" => body_only("x-merge-webhook-signature", "sha256", "base64url"),
        "finch" => with(
            body_only("finch-signature", "sha256", "base64"),
            json!({
                "signed": "{id}.{timestamp}.{body}", "prefix": "v1,", "timestamp_header": "finch-timestamp",
                "id_header": "finch-event-id", "secret_encoding": "base64",
            }),
        ),
        "standard_webhooks" => with(
            body_only("webhook-signature", "sha256", "base64"),
            json!({
                "signed": "{id}.{timestamp}.{body}", "prefix": "v1,", "ed25519_prefix": "v1a,",
                "timestamp_header": "webhook-timestamp", "id_header": "webhook-id",
                "secret_encoding": "standard_webhooks",
            }),
        ),
        other => panic!("no preset {other}"),
    }
}

const PRESETS: [&str; 6] = ["bamboohr", "hibob", "gusto", "merge", "finch", "standard_webhooks"];

#[test]
fn every_preset_is_a_value_of_the_custom_scheme() {
    for scheme in PRESETS {
        let preset = verifier(&json!({ "scheme": scheme })).as_hmac();
        let custom = verifier(&spelled_out(scheme)).as_hmac();
        assert_eq!(format!("{preset:?}"), format!("{custom:?}"), "{scheme}");
    }
}

#[test]
fn every_vector_of_a_preset_verifies_with_the_custom_scheme() {
    let mut seen = Vec::new();
    for mut request in vectors().iter().cloned() {
        let scheme = request.verifier["scheme"].as_str().unwrap().to_owned();
        if scheme == "hmac" {
            continue;
        }
        let preset = request.verify();
        let secrets = request.verifier["secrets"].clone();
        request.verifier = spelled_out(&scheme);
        request.verifier["secrets"] = secrets;
        assert!(preset.is_ok());
        assert_eq!(request.verify(), preset, "{}", request.name);
        seen.push(scheme);
    }
    assert!(PRESETS.iter().all(|preset| seen.iter().any(|scheme| scheme == preset)), "{seen:?}");
}
