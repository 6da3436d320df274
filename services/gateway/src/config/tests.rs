use super::*;
use serde_json::json;

fn config(value: serde_json::Value) -> GatewayConfig {
    serde_json::from_value(value).unwrap()
}

#[test]
fn an_empty_section_has_every_default() {
    let config = config(json!({}));
    assert_eq!((config.listen.port(), config.body_bytes_max, config.batch_max), (8080, 4 << 20, 5_000));
    assert_eq!(config.fault(), None);
}

#[test]
fn sources_that_cannot_be_told_apart_are_refused() {
    let source = |name: &str, token: &str| json!({"name": name, "token": TokenHash::of(token).to_string()});
    let fault = |a, b| config(json!({"sources": [a, b]})).fault();
    assert_eq!(fault(source("hr", "1"), source("ad", "2")), None);
    assert_eq!(
        fault(source("hr", "1"), source("hr", "2")).unwrap(),
        "gateway.sources[0] and gateway.sources[1] are both called hr: give one of them another name"
    );
    assert!(fault(source("hr", "1"), source("ad", "1")).unwrap().contains("token of another"));
    assert!(fault(source("h r", "1"), source("ad", "2")).unwrap().contains("source name"));
    assert!(config(json!({"batch_max": 0})).fault().unwrap().contains("batch_max"));
}

#[test]
fn a_plain_token_is_refused_without_being_repeated() {
    let plain = json!({"sources": [{"name": "hr", "token": "plain-secret"}]});
    let error = serde_json::from_value::<GatewayConfig>(plain).unwrap_err().to_string();
    assert!(error.contains("sha256:") && !error.contains("plain-secret"), "{error}");
}

fn fault_of(changes: serde_json::Value) -> Option<String> {
    let mut provider = json!({"name": "entra", "token": TokenHash::of("t").to_string()});
    for (name, value) in changes.as_object().unwrap() {
        provider[name] = value.clone();
    }
    let config = json!({"database": "sqlite::memory:", "scim": [provider]});
    serde_json::from_value::<GatewayConfig>(config).unwrap().fault()
}

#[test]
fn a_provider_needs_a_database_and_a_name_of_its_own() {
    assert_eq!(fault_of(json!({})), None);
    let alone = json!({"scim": [{"name": "entra", "token": TokenHash::of("t").to_string()}]});
    assert!(serde_json::from_value::<GatewayConfig>(alone).unwrap().fault().unwrap().contains("database"));
    assert!(fault_of(json!({"name": "users"})).unwrap().contains("SCIM reserves"));
    assert!(fault_of(json!({"name": "a/b"})).unwrap().contains("source name"));
    assert!(fault_of(json!({"public_url": "usher"})).unwrap().contains("https://"));
    let twice = json!({"database": "sqlite::memory:",
        "sources": [{"name": "hr", "token": TokenHash::of("t").to_string()}],
        "scim": [{"name": "entra", "token": TokenHash::of("t").to_string()}]});
    assert!(
        serde_json::from_value::<GatewayConfig>(twice).unwrap().fault().unwrap().contains("token of another")
    );
}

#[test]
fn a_mapping_that_is_none_is_refused_at_the_start() {
    assert_eq!(fault_of(json!({"attributes": {"costCenter": "urn:x:1.0:User:cost", "mail": null}})), None);
    assert_eq!(
        fault_of(json!({"attributes": {"full": "Join(\" \", [name.givenName], [name.familyName])"}})),
        None
    );
    assert!(fault_of(json!({"attributes": {"full": "Join("}})).unwrap().contains("full"));
    assert!(fault_of(json!({"key": "a.b.c"})).unwrap().contains("key"));
}

#[test]
fn a_feed_replaces_only_what_is_not_configured_any_more() {
    let fault = |mode: &str, replaces: &str| {
        let feed = |name: &str, replaces: serde_json::Value| {
            json!({"name": name, "mode": mode, "token": TokenHash::of(name).to_string(), "mapping": {"key": "id"},
                   "replaces": replaces})
        };
        let config = json!({"feeds": [feed("staff", json!([replaces])), feed("branch", json!([]))]});
        serde_json::from_value::<GatewayConfig>(config).unwrap().fault()
    };
    assert_eq!(fault("full", "people"), None);
    assert!(fault("full", "branch").unwrap().contains("staff replaces branch, which is configured"));
    assert!(fault("full", "staff").unwrap().contains("staff replaces staff"));
    assert!(fault("delta", "people").unwrap().contains("only a `full` feed"));
}
