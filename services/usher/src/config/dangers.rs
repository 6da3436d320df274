//! Settings that are valid and unsafe: plain connections, weak, shared or published secrets, and files that others can read.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use edge::TokenHash;
use reqwest::Url;

use super::UsherConfig;
use crate::private_file::check_private;

/// The minimum length of a secret that a person or program chose: 128 bits in hexadecimal digits need 32, in base64 22.
const SECRET_CHARS_MIN: usize = 16;
/// The secrets that the compose file of earlier versions had as defaults, and those of its demo.
const PUBLISHED_SECRETS: [&str; 11] = [
    "dev-nats-token",
    "dev-nats-gateway",
    "dev-nats-mapper",
    "dev-nats-writer",
    "dev-nats-console",
    "dev-nats-streams",
    "dev-nats-admin",
    "dev-db-password",
    "dev-source-token",
    "dev-operator-token",
    "sandbox-token",
];

/// Returns a warning for each unsafe setting. `is_for_up` is true for a file of `usher up`, which brings its own broker.
pub(super) fn find_dangers(config: &UsherConfig, is_for_up: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if !is_for_up {
        check_broker(config, &mut warnings);
    }
    check_listeners(config, &mut warnings);
    check_targets(config, &mut warnings);
    check_databases(config, &mut warnings);
    check_hashes(config, &mut warnings);
    check_files(config, &mut warnings);
    warnings
}

fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns whether a URL leaves the machine without encryption.
fn is_exposed(url: &Url, plain: &str) -> bool {
    url.scheme() == plain && !url.host_str().is_some_and(is_local)
}

fn check_secret(name: &str, secret: &str, warnings: &mut Vec<String>) {
    if PUBLISHED_SECRETS.contains(&secret) {
        warnings.push(format!("{name} is a published default: anybody knows it; `usher token` makes one"));
    } else if secret.chars().count() < SECRET_CHARS_MIN {
        warnings.push(format!("{name} is shorter than {SECRET_CHARS_MIN} characters, and can be guessed"));
    }
}

fn check_broker(config: &UsherConfig, warnings: &mut Vec<String>) {
    let urls = config.nats.url.split(',').filter_map(|url| url.trim().parse::<Url>().ok());
    if urls.into_iter().any(|url| is_exposed(&url, "nats")) {
        warnings.push(
            "nats.url is plain NATS to another machine: personal data and the token can be read in transit; use tls://".to_owned(),
        );
    }
    if let Some(token) = &config.nats.token {
        check_secret("nats.token", token, warnings);
    }
    if let Some(password) = &config.nats.password {
        check_secret("nats.password", password, warnings);
    }
}

fn check_listeners(config: &UsherConfig, warnings: &mut Vec<String>) {
    if let Some(console) = config
        .console
        .as_ref()
        .filter(|console| !console.listen.ip().is_loopback() && console.trusted_proxies.is_empty())
    {
        warnings.push(format!(
            "console.listen is {} and the console speaks plain HTTP: tokens of operators can be read in transit; listen on \
             127.0.0.1 behind a proxy that speaks TLS, or name that proxy in console.trusted_proxies",
            console.listen
        ));
    }
    if let Some(admin) = config.telemetry.admin_listen.filter(|admin| !admin.ip().is_loopback()) {
        warnings.push(format!(
            "telemetry.admin_listen is {admin}: everybody who reaches it reads the metrics; restrict it to the network of the \
             monitoring"
        ));
    }
}

fn check_targets(config: &UsherConfig, warnings: &mut Vec<String>) {
    for target in config.writer.iter().flat_map(|writer| &writer.targets) {
        if target.base_url.parse().is_ok_and(|url| is_exposed(&url, "http")) {
            warnings.push(format!(
                "the target {} is plain HTTP: its credential, which can disable every account, can be read in transit",
                target.name
            ));
        }
        if target.token.as_deref().is_some_and(|token| PUBLISHED_SECRETS.contains(&token)) {
            warnings.push(format!("the token of the target {} is that of the demo", target.name));
        }
    }
    for hook in config.console.iter().flat_map(|console| &console.notify) {
        if hook.token.is_some() && hook.url.parse().is_ok_and(|url| is_exposed(&url, "http")) {
            warnings.push(format!("the hook {} is plain HTTP: its token can be read in transit", hook.name));
        }
    }
}

/// Returns the database URL of each service.
fn databases(config: &UsherConfig) -> Vec<(&'static str, Url)> {
    let gateway = config.gateway.as_ref().and_then(|section| section.database.as_deref());
    let sections = [
        ("gateway", gateway),
        ("mapper", config.mapper.as_ref().map(|section| section.database.as_str())),
        ("writer", config.writer.as_ref().map(|section| section.database.as_str())),
        ("console", config.console.as_ref().map(|section| section.database.as_str())),
    ];
    let urls = sections.into_iter().filter_map(|(service, url)| Some((service, url?.parse::<Url>().ok()?)));
    urls.filter(|(_, url)| url.scheme().starts_with("postgres")).collect()
}

fn check_databases(config: &UsherConfig, warnings: &mut Vec<String>) {
    let databases = databases(config);
    let mut passwords: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (service, url) in &databases {
        let mode = url.query_pairs().find(|(name, _)| name == "sslmode").map(|(_, mode)| mode.into_owned());
        let mode = mode.as_deref().unwrap_or("prefer");
        if !url.host_str().is_some_and(is_local) && matches!(mode, "disable" | "allow" | "prefer") {
            warnings.push(format!(
                "{service}.database may be used without encryption (sslmode={mode}): write sslmode=verify-full, or require"
            ));
        }
        if url.username() == "postgres" {
            warnings.push(format!(
                "{service}.database is used as the superuser postgres: give the service a role of its own"
            ));
        }
        if let Some(password) = url.password() {
            check_secret(&format!("the password in {service}.database"), password, warnings);
            passwords.entry(password).or_default().push(service);
        }
    }
    for services in passwords.values().filter(|services| services.len() > 1) {
        warnings.push(format!(
            "the databases of {} have one password: who has one has all; give each role its own",
            services.join(", ")
        ));
    }
}

/// Returns the token hashes with the names of their holders.
fn token_holders(config: &UsherConfig) -> Vec<(TokenHash, String)> {
    let mut holders = Vec::new();
    if let Some(gateway) = &config.gateway {
        holders.extend(gateway.sources.iter().map(|one| (one.token, format!("the source {}", one.name))));
        holders.extend(
            gateway.scim.iter().map(|one| (one.token, format!("the identity provider {}", one.name))),
        );
    }
    for operator in config.console.iter().flat_map(|console| &console.operators) {
        let name = format!("the operator {}", operator.name);
        holders.extend(operator.all_tokens().map(|(token, _)| (token, name.clone())));
    }
    holders
}

fn check_hashes(config: &UsherConfig, warnings: &mut Vec<String>) {
    let mut holders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (token, holder) in token_holders(config) {
        if PUBLISHED_SECRETS.iter().any(|secret| TokenHash::of(secret) == token) {
            warnings.push(format!(
                "the token of {holder} is a published default: anybody knows it; `usher token` makes one"
            ));
        }
        holders.entry(token.to_string()).or_default().push(holder);
    }
    for shared in holders.values().filter(|holders| holders.len() > 1) {
        warnings
            .push(format!("{} have one token: it does not show which of them acted", shared.join(" and ")));
    }
}

fn check_files(config: &UsherConfig, warnings: &mut Vec<String>) {
    let key = config.gateway.as_ref().and_then(|gateway| gateway.tls.as_ref()).map(|tls| tls.key.as_path());
    let files: [(&str, Option<&Path>); 3] = [
        ("gateway.tls.key", key),
        ("nats.credentials_file", config.nats.credentials_file.as_deref()),
        ("nats.nkey_file", config.nats.nkey_file.as_deref()),
    ];
    for (name, path) in files {
        if let Some(Err(error)) = path.map(check_private) {
            warnings.push(format!("{name}: {error:#}"));
        }
    }
}
