//! Checks the live service against its OpenAPI document: schemathesis generates
//! valid and invalid requests from it, and every response must conform to it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use edge::TokenHash;
use serde_json::json;

use crate::world::World;

/// The maximum duration of the run, in seconds.
const SECONDS: &str = "20";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn has_python() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("python3").is_file())
}

fn text(output: &Output) -> String {
    let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", part(&output.stdout), part(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_one_that_the_openapi_document_knows() {
    if !has_python() {
        eprintln!("no python3 on this machine: nothing was tested");
        return;
    }
    let fetched = Command::new(root().join("tools/fetch-interop")).arg("schemathesis").output().unwrap();
    assert!(fetched.status.success(), "{}", text(&fetched));
    let nowhere = tempfile::tempdir().unwrap();
    let world = World::start(json!({
        "feeds": [{ "name": "people", "mode": "delta", "source": "hr", "mapping": { "key": "id" } }],
        "webhooks": [{ "name": "own", "verifier": { "scheme": "bearer", "secrets": ["Bearer hr-token"] },
                       "adapter": { "kind": "json", "key": "/key", "type": "/what", "types": { "*": "worker.changed" } } }],
        "scim": [{ "name": "entra", "token": TokenHash::of("entra-token").to_string() }],
        "database": format!("sqlite://{}?mode=rwc", nowhere.path().join("gateway.db").display()),
    }))
    .await;
    let home = root().join("crates/harness/interop/schemathesis");
    let mut command = Command::new(root().join(".tools/venv-schemathesis/bin/schemathesis"));
    command.arg("--no-color").arg("--config-file").arg(home.join("gateway.toml"));
    command.arg("run").arg(format!("{}/v1/openapi.json", world.url)).args(["--max-time", SECONDS]);
    command.envs([("TOKEN", "hr-token"), ("SCIM_TOKEN", "entra-token"), ("PYTHONDONTWRITEBYTECODE", "1")]);
    // State that it keeps between runs would change its requests.
    command.current_dir(nowhere.path());
    let run = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = text(&run);
    assert!(run.status.success(), "{said}");
    println!("{said}");
}
