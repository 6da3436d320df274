use std::collections::BTreeMap;

use serde_json::json;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default)]
    one: Option<Section>,
    two: Section,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Section {
    database: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    listen: Option<SocketAddr>,
    #[serde(default)]
    items: Vec<BTreeMap<String, String>>,
}

struct Known;
impl VariableSource for Known {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "SECRET" => Some("hunter2: # \"x\"".into()),
            "LISTEN" => Some("127.0.0.1:80".into()),
            _ => None,
        }
    }
}

fn read(text: &str, defaults: Option<Value>) -> Result<Sample, ConfigFileError> {
    let defaults = defaults.map(|value| value.as_object().unwrap().clone());
    parse_config(Path::new("usher.yaml"), text, defaults.as_ref(), &Known)
}

#[test]
fn references_are_expanded_in_any_string_whatever_their_value_means_in_yaml() {
    let text = "two:\n  database: x-${SECRET}\n  listen: ${LISTEN}\n  items: [{ token: \"${SECRET}\" }]\n";
    let sample = read(text, None).unwrap();
    assert_eq!(sample.two.database, "x-hunter2: # \"x\"");
    assert_eq!(sample.two.listen, Some("127.0.0.1:80".parse().unwrap()));
    assert_eq!(sample.two.items[0]["token"], "hunter2: # \"x\"");
}

#[test]
fn an_unknown_setting_is_refused_with_line_and_column() {
    for defaults in [None, Some(json!({"two": {"port": 1}}))] {
        let error = read("two:\n  database: d\n  datebase: x\n", defaults).unwrap_err().to_string();
        assert!(error.starts_with("usher.yaml:3:3: "), "{error}");
        assert!(error.contains("datebase") && error.contains("expected"), "{error}");
        assert!(!error.contains(" at line "), "said once: {error}");
    }
    let error = read("two: { database: d }\nthree: {}\n", None).unwrap_err().to_string();
    assert!(error.starts_with("usher.yaml:2:1: ") && error.contains("three"), "{error}");
}

#[test]
fn what_is_missing_in_the_environment_is_named_with_its_line() {
    let error = read("two:\n  database: ${NOPE}\n", None).unwrap_err().to_string();
    assert!(error.starts_with("usher.yaml:2:") && error.contains("`NOPE` is not set"), "{error}");
}

#[test]
fn no_value_is_ever_part_of_an_error() {
    for text in [
        "two:\n  database: d\n  listen: ${SECRET}\n",
        "two:\n  database: d\n  items: ${SECRET}\n",
        "two:\n  database: ${SECRET}\n  nope: 1\n",
        "two: ${SECRET}\n",
    ] {
        let error = read(text, None).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn defaults_fill_what_is_left_out_and_nothing_else() {
    let defaults =
        json!({"one": {"database": "o"}, "two": {"database": "t", "port": 5, "items": [{"a": "b"}]}});
    let sample = read("two:\n  port: 6\n", Some(defaults.clone())).unwrap();
    assert_eq!(sample.one.unwrap().database, "o");
    assert_eq!((sample.two.database.as_str(), sample.two.port), ("t", Some(6)));
    assert_eq!(sample.two.items.len(), 1);
    let sample = read("# nothing\n\n", Some(defaults.clone())).unwrap();
    assert_eq!(sample.two.port, Some(5));
    let sample = read("two:\n  items: []\n  database: mine\n", Some(defaults)).unwrap();
    assert_eq!((sample.two.database.as_str(), sample.two.items.len()), ("mine", 0));
}

#[test]
fn a_setting_of_the_wrong_type_is_told_with_its_line() {
    let error = read("two:\n  database: d\n  port: many\n", None).unwrap_err().to_string();
    assert!(error.starts_with("usher.yaml:3:9: "), "{error}");
}

#[test]
fn the_example_configuration_is_one() {
    struct Anything;
    impl VariableSource for Anything {
        fn variable(&self, name: &str) -> Option<String> {
            let hash = crate::token::hash_of("x");
            Some(if name.ends_with("_HASH") { hash } else { "http://x.example".into() })
        }
    }
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/usher.example.yaml"));
    let text = std::fs::read_to_string(path).unwrap();
    let config: UsherConfig = parse_config(path, &text, None, &Anything).unwrap();
    assert!(config.gateway.is_some() && config.mapper.is_some() && config.writer.is_some());
    assert!(config.nats.require_sync_always);
}

#[test]
fn a_file_for_up_alone_passes_the_check_and_a_wrong_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("usher.yaml");
    std::fs::write(&file, "console:\n  listen: 127.0.0.1:0\n").unwrap();
    assert!(check_config(&file).unwrap().to_string().contains("is fine for `usher up`"));
    std::fs::write(&file, "telemetry:\n  log_format: text\n").unwrap();
    assert!(check_config(&file).unwrap().to_string().contains("is fine (policies checked: 0)"));
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policies");
    std::fs::write(&file, format!("mapper:\n  database: x\n  policies: {policies}\n")).unwrap();
    assert!(check_config(&file).unwrap().to_string().contains("(policies checked: 8)"));
    std::fs::write(folder.path().join("bad.yaml"), "target: [").unwrap();
    std::fs::write(&file, format!("mapper:\n  database: x\n  policies: {}\n", folder.path().display()))
        .unwrap();
    assert!(check_config(&file).is_err());
    std::fs::write(&file, "consol: {}\n").unwrap();
    assert!(check_config(&file).unwrap_err().to_string().contains(":1:1: "));
}

/// Checks a file with these sections.
fn checked(sections: serde_json::Value) -> Result<CheckedConfig, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("usher.yaml");
    // JSON is valid YAML.
    std::fs::write(&file, sections.to_string()).unwrap();
    check_config(&file).map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

#[test]
fn what_a_service_could_not_start_with_does_not_pass_the_check() {
    let webhook = |adapter: serde_json::Value| {
        json!({"gateway": {"webhooks": [{"name": "own", "adapter": adapter,
                                         "verifier": {"scheme": "bearer", "secrets": ["a-long-token"]}}]}})
    };
    let types = json!({"*": "worker.changed"});
    let fine = json!({"kind": "json", "key": "/id", "type": "/what", "types": types});
    assert!(checked(webhook(fine.clone())).is_ok());
    let mut unread = fine.clone();
    unread["employment"] = json!({"ends": "/last_day"});
    let error = checked(webhook(unread)).unwrap_err();
    assert!(
        error.contains("webhook own") && error.contains("`employment`") && error.contains("`fetch`"),
        "{error}"
    );
    let mut wrong = fine;
    wrong["attributes"] = json!({"department": "ToLow([team])"});
    let error = checked(webhook(wrong)).unwrap_err();
    assert!(error.contains("webhook own") && error.contains("ToLow"), "{error}");
    let hash = crate::token::hash_of("x");
    let feed = json!({"name": "people", "mode": "full", "token": hash, "mapping": {"key": "id", "active": "CBool("}});
    assert!(checked(json!({"gateway": {"feeds": [feed]}})).unwrap_err().contains("mapping.active"));
    let feed = json!({"name": "people", "mode": "full", "token": hash, "mapping": {"key": "id"}});
    let poll = json!({"name": "people", "url": "https://hr.example/people?from={since}", "key": "/id",
                      "attributes": {"department": "[team]"}});
    let error = checked(json!({"gateway": {"feeds": [feed], "polls": [poll]}})).unwrap_err();
    let both = "gateway.feeds[0] and gateway.polls[0] are both called people";
    assert!(error.contains(both), "{error}");
    let tls = json!({"cert": "/nowhere/tls.crt", "key": "/nowhere/tls.key"});
    assert!(checked(json!({"gateway": {"tls": tls}})).unwrap_err().contains("/nowhere/tls.key"));
    let target = json!({"name": "app", "base_url": "https://app.example/scim", "token": "t"});
    let writer = |lease: u64| json!({"writer": {"database": "sqlite::memory:", "targets": [target], "lease_seconds": lease}});
    assert!(checked(writer(45)).is_ok());
    let error = checked(writer(1)).unwrap_err();
    assert!(error.contains("lease_seconds") && error.contains("at least 2"), "{error}");
    let with = |field: &str, value: serde_json::Value| {
        let mut target = target.clone();
        target[field] = value;
        checked(json!({"writer": {"database": "sqlite::memory:", "targets": [target]}}))
    };
    assert!(with("never", json!({"userNames": ["admin@*"], "groups": ["Tenant Admins"]})).is_ok());
    let error = with("never", json!({"administrators": true})).unwrap_err();
    assert!(error.contains("never.administrators") && error.contains("administrators: ["), "{error}");
    let error = with("never", json!({"ids": [""]})).unwrap_err();
    assert!(error.contains("never.ids has an empty entry"), "{error}");
    let error = with("adoption", json!({"users": "always"})).unwrap_err();
    assert!(error.contains("`confirm`"), "{error}");
}

#[test]
fn what_works_and_is_dangerous_is_warned_of() {
    let warned = |sections: serde_json::Value, words: &str| {
        let checked = checked(sections).unwrap();
        let found = checked.warnings().iter().filter(|warning| warning.contains(words)).count();
        assert_eq!(found, 1, "{words}: {checked}");
    };
    let open = "0.0.0.0:8080";
    warned(json!({"nats": {}}), "require_sync_always");
    warned(json!({"nats": {"ack_wait_seconds": 5}}), "ack_wait_seconds");
    warned(json!({"nats": {"url": "nats://a,nats://b"}}), "cluster");
    warned(json!({"gateway": {"listen": open}}), "HTTP is plain");
    warned(json!({"gateway": {"trusted_proxies": ["0.0.0.0/0"]}}), "trusted_proxies");
    warned(json!({"gateway": {"event_bytes_max": 5_000_000}}), "max_payload");
    let none = json!({"name": "own", "verifier": {"scheme": "none"},
                      "adapter": {"kind": "json", "key": "/id", "type": "/what", "types": {"*": "worker.changed"}}});
    warned(json!({"gateway": {"webhooks": [none]}}), "from every caller");
    warned(json!({"console": {"database": "sqlite::memory:"}}), "operators");
    let folder = tempfile::tempdir().unwrap();
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policies/zscaler.yaml");
    std::fs::copy(policy, folder.path().join("zscaler.yaml")).unwrap();
    let target = json!({"name": "other", "base_url": "https://app.example/scim", "token": "t"});
    let both = json!({"mapper": {"database": "sqlite::memory:", "policies": folder.path()},
                      "writer": {"database": "sqlite::memory:", "targets": [target]}});
    warned(both.clone(), "the target other has no policy");
    warned(both, "the policy for zscaler has no target");
    let target = json!({"name": "app", "base_url": "https://app.example/scim", "token": "t",
                        "adoption": {"users": {"by": ["userName"]}, "groups": "confirm"}});
    warned(
        json!({"writer": {"database": "sqlite::memory:", "targets": [target]}}),
        "links what is there already by userName alone",
    );
}

#[test]
fn every_danger_of_a_configuration_is_named() {
    let warned = |sections: serde_json::Value, words: &str| {
        let checked = checked(sections).unwrap();
        let found = checked.warnings().iter().filter(|warning| warning.contains(words)).count();
        assert_eq!(found, 1, "{words}: {checked}");
    };
    let hash = crate::token::hash_of;
    let target = |base_url: &str, token: &str| json!({"writer": {"database": "sqlite::memory:", "targets": [{"name": "app", "base_url": base_url, "token": token}]}});
    let operators =
        |list: serde_json::Value| json!({"console": {"database": "sqlite::memory:", "operators": list}});
    warned(target("http://app.example/scim", "t"), "the target app is plain HTTP");
    warned(target("https://app.example/scim", "sandbox-token"), "is that of the demo");
    warned(json!({"nats": {"url": "tls://a, nats://10.0.0.1:4222"}}), "nats.url is plain NATS");
    warned(json!({"nats": {"token": "dev-nats-token"}}), "nats.token is a published default");
    warned(json!({"nats": {"token": "short"}}), "nats.token is shorter");
    warned(
        json!({"mapper": {"database": "postgres://u:0123456789abcdef@db/m?sslmode=disable"}}),
        "sslmode=disable",
    );
    warned(json!({"mapper": {"database": "postgres://u:0123456789abcdef@db/m"}}), "sslmode=prefer");
    warned(
        json!({"mapper": {"database": "postgres://postgres:0123456789abcdef@127.0.0.1/m"}}),
        "the superuser",
    );
    let one =
        |name: &str| json!({"database": format!("postgres://{name}:0123456789abcdef@127.0.0.1/{name}")});
    warned(json!({"mapper": one("m"), "console": one("c")}), "have one password");
    let two =
        json!([{"name": "alice", "token": hash("x")}, {"name": "bob", "tokens": [{"token": hash("x")}]}]);
    warned(operators(two), "the operator alice and the operator bob have one token");
    warned(
        operators(json!([{"name": "alice", "token": hash("dev-operator-token")}])),
        "of the operator alice is a published",
    );
    let open = json!({"listen": "0.0.0.0:8081", "database": "sqlite::memory:"});
    warned(json!({"console": open}), "console speaks plain HTTP");
    warned(json!({"telemetry": {"admin_listen": "0.0.0.0:9090"}}), "admin_listen");
    let hook = json!({"name": "pager", "url": "http://pager.example", "token": "t"});
    warned(
        json!({"console": {"database": "sqlite::memory:", "notify": [hook]}}),
        "the hook pager is plain HTTP",
    );
    let short = json!({"name": "own", "verifier": {"scheme": "bearer", "secrets": ["1"]},
                       "adapter": {"kind": "json", "key": "/id", "type": "/what", "types": {"*": "worker.changed"}}});
    warned(json!({"gateway": {"webhooks": [short]}}), "fewer than 16 characters");
}

#[test]
fn the_compose_file_has_no_default_secret() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docker-compose.yml");
    let text = std::fs::read_to_string(file).unwrap();
    let references: Vec<&str> = text.split("${").skip(1).collect();
    assert!(references.len() > 10, "{}", references.len());
    for reference in references {
        let name: String = reference.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let rest = &reference[name.len()..];
        let is_secret = ["TOKEN", "PASSWORD", "HASH"].iter().any(|part| name.contains(part));
        // Required, or nothing, or a fallback that is a reference itself.
        let is_safe = rest.starts_with(":?") || rest.starts_with(":-}") || rest == ":-";
        assert!(!is_secret || is_safe, "{name}{rest}");
    }
}

#[test]
fn what_is_safe_is_not_warned_of() {
    let fine = json!({
        "nats": {"url": "tls://nats.example:4222", "token": "0123456789abcdef0123456789abcdef", "monitor_url": "http://127.0.0.1:8222",
                 "require_sync_always": true},
        "mapper": {"database": "postgres://m:0123456789abcdef@db/m?sslmode=verify-full",
                   "senders": {"contractors": {"people": "introduced"}}},
        "writer": {"database": "postgres://w:fedcba9876543210@db/w?sslmode=verify-full",
                   "targets": [{"name": "app", "base_url": "https://app.example/scim", "token": "t"}]},
        "console": {"database": "sqlite::memory:", "operators": [{"name": "alice", "token": crate::token::hash_of("x")}]},
    });
    let checked = checked(fine).unwrap();
    assert!(checked.warnings().is_empty(), "{checked}");
}

#[test]
fn an_operator_without_a_token_is_refused() {
    let error =
        checked(json!({"console": {"database": "sqlite::memory:", "operators": [{"name": "alice"}]}}));
    assert!(error.unwrap_err().contains("the operator alice has no token"));
}

#[test]
fn the_example_policy_is_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policies/zscaler.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let policy = policy::Policy::parse(&text, "zscaler.yaml").unwrap();
    assert_eq!(policy.target(), "zscaler");
}
