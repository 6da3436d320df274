//! Access rules: the caller's address and client certificate.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use edge::TokenHash;
use reqwest::{Certificate, Client, Identity};
use serde_json::{Value, json};

use crate::world::{Answer, STRUCTURED, World, event};

const PATIENCE: Duration = Duration::from_secs(30);

fn source(name: &str, more: Value) -> Value {
    let token = TokenHash::of(&format!("{name}-token")).to_string();
    let mut source = json!({"name": name, "token": token, "ce_source": ["*"]});
    for (key, value) in more.as_object().unwrap() {
        source[key] = value.clone();
    }
    source
}

async fn send(http: &Client, url: &str, token: &str, forwarded: &str) -> reqwest::Result<Answer> {
    let mut request =
        http.post(format!("{url}/v1/events")).bearer_auth(token).header("content-type", STRUCTURED);
    if !forwarded.is_empty() {
        request = request.header("x-forwarded-for", forwarded);
    }
    let request = request.body(event("1").to_string());
    Ok(Answer::read(request.send().await?).await)
}

#[tokio::test]
async fn a_source_is_let_in_from_its_own_network_only_and_a_thief_of_its_token_learns_nothing() {
    let near = json!({"access": {"from": ["127.0.0.0/8", "::1"]}});
    let far = json!({"access": {"from": ["203.0.113.0/24", "2001:db8::/32"]}});
    let world =
        World::start(json!({"sources": [source("near", near.clone()), source("far", far.clone())]})).await;
    assert_eq!(send(&world.http, &world.url, "near-token", "").await.unwrap().status, 202);
    let unknown = send(&world.http, &world.url, "stolen", "").await.unwrap();
    // A caller's own claim about its address has no effect.
    for forwarded in ["", "203.0.113.5"] {
        let refused = send(&world.http, &world.url, "far-token", forwarded).await.unwrap();
        assert_eq!((refused.status, &refused.body["detail"]), (401, &unknown.body["detail"]));
    }
    let behind =
        json!({"trusted_proxies": ["127.0.0.1"], "sources": [source("near", near), source("far", far)]});
    let world = World::start(behind).await;
    for (forwarded, status) in [
        ("203.0.113.5", 202),
        ("2001:db8::5", 202),
        ("198.51.100.1, 203.0.113.5", 202),
        ("203.0.113.5, 198.51.100.1", 401),
        ("198.51.100.1", 401),
        ("", 401),
        ("203.0.113.5, unknown", 401),
    ] {
        assert_eq!(
            send(&world.http, &world.url, "far-token", forwarded).await.unwrap().status,
            status,
            "{forwarded}"
        );
    }
}

#[tokio::test]
async fn webhooks_files_and_providers_are_bound_to_their_networks_too() {
    let far = json!({"from": ["203.0.113.0/24"]});
    let world = World::start(json!({
        "webhooks": [{ "name": "own", "verifier": { "scheme": "bearer", "secrets": ["own-token"] }, "access": far,
                       "adapter": { "kind": "json", "key": "/key", "type": "/what", "types": { "gone": "worker.left" } } }],
        "feeds": [{ "name": "people", "mode": "delta", "source": "limited", "mapping": { "key": "id" } }],
        "sources": [source("limited", json!({"access": far}))],
        "scim": [{ "name": "entra", "token": TokenHash::of("entra-token").to_string(), "access": far }],
        "database": crate::world::OWN_DATABASE,
    }))
    .await;
    for (path, token) in [
        ("/v1/webhooks/own", "own-token"),
        ("/v1/feeds/csv/people", "Bearer limited-token"),
        ("/v1/feeds/scim-bulk", "Bearer limited-token"),
        ("/scim/v2/entra/Users", "Bearer entra-token"),
    ] {
        let request =
            world.http.post(format!("{}{path}", world.url)).header("authorization", token).body("id\n1\n");
        assert_eq!(Answer::of(request).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_source_that_is_too_fast_holds_up_no_other() {
    let slow = json!({"events_per_second_max": 1});
    let world = World::start(json!({"sources": [source("a", slow.clone()), source("b", slow)]})).await;
    let people: Vec<Value> = (0..20).map(|n| event(&n.to_string())).collect();
    let batch = Value::Array(people).to_string();
    let post = |token: &str, media: &str, body: String| {
        let request = world.http.post(format!("{}/v1/events", world.url)).bearer_auth(token);
        request.header("content-type", media).body(body)
    };
    assert_eq!(Answer::of(post("a-token", crate::world::BATCH, batch)).await.status, 202);
    let refused = Answer::of(post("a-token", STRUCTURED, event("x").to_string())).await;
    assert_eq!((refused.status, refused.code()), (429, "too_fast"));
    assert_eq!(Answer::of(post("b-token", STRUCTURED, event("y").to_string())).await.status, 202);
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let output =
        Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl is there");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Creates a certificate authority, `NAME.crt` and `NAME.key`.
fn authority(folder: &Path, name: &str) {
    let (key, crt, subject) = (format!("{name}.key"), format!("{name}.crt"), format!("/CN={name}"));
    openssl(
        folder,
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-keyout",
            &key,
            "-out",
            &crt,
            "-subj",
            &subject,
            "-addext",
            "basicConstraints=critical,CA:TRUE",
        ],
    );
}

/// Creates a certificate of `authority` for these alternative names.
fn certificate(folder: &Path, authority: &str, name: &str, names: &str) {
    let (key, csr, crt, ext) =
        (format!("{name}.key"), format!("{name}.csr"), format!("{name}.crt"), format!("{name}.ext"));
    openssl(
        folder,
        &[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            &key,
            "-out",
            &csr,
            "-subj",
            "/CN=x",
        ],
    );
    let extensions = format!(
        "subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n"
    );
    std::fs::write(folder.join(&ext), extensions).unwrap();
    let (ca, ca_key) = (format!("{authority}.crt"), format!("{authority}.key"));
    openssl(
        folder,
        &[
            "x509",
            "-req",
            "-in",
            &csr,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-days",
            "2",
            "-out",
            &crt,
            "-extfile",
            &ext,
        ],
    );
}

/// Returns a client that trusts the authority `trusts` and presents the certificate `shows`.
fn client(folder: &Path, trusts: &str, shows: Option<&str>) -> Client {
    let read = |name: String| std::fs::read(folder.join(name)).unwrap();
    let mut client =
        Client::builder().tls_certs_only([Certificate::from_pem(&read(format!("{trusts}.crt"))).unwrap()]);
    if let Some(name) = shows {
        let both = [read(format!("{name}.crt")), read(format!("{name}.key"))].concat();
        client = client.identity(Identity::from_pem(&both).unwrap());
    }
    client.build().unwrap()
}

fn certificates() -> Option<tempfile::TempDir> {
    if !crate::pages::has("openssl") {
        eprintln!("no openssl on this machine: nothing was tested");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["ca", "other"] {
        authority(folder.path(), name);
    }
    certificate(folder.path(), "ca", "server", "IP:127.0.0.1");
    certificate(folder.path(), "ca", "hr", "DNS:hr.example.com");
    certificate(folder.path(), "ca", "ad", "DNS:ad.example.com");
    certificate(folder.path(), "other", "forged", "DNS:hr.example.com");
    Some(folder)
}

fn tls(folder: &Path, optional: bool) -> Value {
    let file = |name: &str| folder.join(name);
    json!({"cert": file("server.crt"), "key": file("server.key"), "client_ca": file("ca.crt"), "client_optional": optional})
}

#[tokio::test]
async fn a_source_is_let_in_with_its_own_certificate_only() {
    let Some(folder) = certificates() else { return };
    let folder = folder.path();
    let hash = Command::new("openssl")
        .args(["x509", "-in", "ad.crt", "-noout", "-fingerprint", "-sha256"])
        .current_dir(folder)
        .output()
        .unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    let hash = format!("sha256:{}", hash.trim().rsplit('=').next().unwrap());
    let world = World::start(json!({
        "tls": tls(folder, true),
        "sources": [
            source("hr", json!({"access": {"certificates": ["hr.example.com"]}})),
            source("ad", json!({"access": {"certificates": [hash]}})),
            source("open", json!({})),
        ],
    }))
    .await;
    let url = world.url.replace("http://", "https://");
    // A client that starts a handshake and does not continue must not block others.
    let _silent = tokio::net::TcpStream::connect(url.trim_start_matches("https://")).await.unwrap();
    for (shows, token, status) in [
        (None, "open-token", 202),
        (None, "hr-token", 401),
        (Some("hr"), "hr-token", 202),
        (Some("ad"), "hr-token", 401),
        (Some("ad"), "ad-token", 202),
        (Some("hr"), "ad-token", 401),
    ] {
        let answer = send(&client(folder, "ca", shows), &url, token, "").await.unwrap();
        assert_eq!(answer.status, status, "{shows:?} {token}");
    }
    assert!(send(&client(folder, "ca", Some("forged")), &url, "open-token", "").await.is_err());
    assert!(send(&client(folder, "other", None), &url, "open-token", "").await.is_err());
    assert!(send(&world.http, &world.url, "open-token", "").await.is_err(), "plain HTTP is not taken");
}

#[tokio::test]
async fn without_a_certificate_there_is_no_connection_where_everybody_needs_one() {
    let Some(folder) = certificates() else { return };
    let folder = folder.path();
    let world = World::start(json!({"tls": tls(folder, false)})).await;
    let url = world.url.replace("http://", "https://");
    assert!(send(&client(folder, "ca", None), &url, "hr-token", "").await.is_err());
    assert_eq!(send(&client(folder, "ca", Some("hr")), &url, "hr-token", "").await.unwrap().status, 202);
}

#[tokio::test]
async fn a_certificate_that_was_renewed_is_used_and_one_that_is_broken_is_not() {
    let Some(folder) = certificates() else { return };
    let folder = folder.path();
    let world = World::start(json!({"tls": tls(folder, true)})).await;
    let url = world.url.replace("http://", "https://");
    let works = async |trusts: &str| send(&client(folder, trusts, None), &url, "hr-token", "").await.is_ok();
    assert!(works("ca").await && !works("other").await);
    std::fs::write(folder.join("server.crt"), "half a certif").unwrap();
    certificate(folder, "other", "renewed", "IP:127.0.0.1");
    assert!(works("ca").await, "what was read before is used as long as the files do not fit together");
    std::fs::copy(folder.join("renewed.key"), folder.join("server.key")).unwrap();
    std::fs::copy(folder.join("renewed.crt"), folder.join("server.crt")).unwrap();
    let renewed = async {
        while !works("other").await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.expect("the new certificate is used");
    assert!(!works("ca").await);
}

#[tokio::test]
async fn files_that_cannot_be_used_and_names_that_are_none_stop_the_start() {
    let Some(folder) = certificates() else { return };
    let config = |value: Value| {
        serde_json::from_value::<gateway::GatewayConfig>(value).map_err(|error| error.to_string())
    };
    let wrong = config(json!({"sources": [source("a", json!({"access": {"from": ["hr.example.com"]}}))]}));
    assert!(wrong.unwrap_err().contains("is not a network"));
    let wrong = config(json!({"sources": [source("a", json!({"access": {"certificates": ["sha256:12"]}}))]}));
    assert!(wrong.unwrap_err().contains("64 hexadecimal digits"));
    let nats = bus::testing::TestServer::start();
    let bus = bus::Bus::connect(&nats.config(), "gateway").await.unwrap();
    let mut swapped = tls(folder.path(), false);
    swapped["cert"] = swapped["key"].clone();
    let unasked = source("a", json!({"access": {"certificates": ["hr.example.com"]}}));
    for (changes, words) in
        [(json!({"tls": swapped}), "a certificate"), (json!({"sources": [unasked]}), "client_ca")]
    {
        let built =
            gateway::build_gateway(config(changes).unwrap(), bus.clone(), telemetry::Readiness::default())
                .await;
        assert!(built.unwrap_err().to_string().contains(words), "{words}");
    }
}
