//! SIGHUP: operators and sources are admitted and revoked while `usher up` runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::world::{UsherProcess, level_reached, wait_for_level};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use usher::token::hash_of;

const SOON: Duration = Duration::from_secs(60);

struct Running {
    usher: UsherProcess,
    file: PathBuf,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

fn write_config(file: &Path, operators: &Value, source_token: &str) {
    let config = json!({
        "gateway": {"listen": "127.0.0.1:0", "sources": [{"name": "hr", "token": hash_of(source_token)}]},
        "console": {"listen": "127.0.0.1:0", "operators": operators},
        "telemetry": {"admin_listen": "127.0.0.1:0"},
    });
    std::fs::write(file, config.to_string()).unwrap();
}

impl Running {
    async fn start(operators: Value, source_token: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("usher.yaml");
        write_config(&file, &operators, source_token);
        let binary = Path::new(env!("CARGO_BIN_EXE_usher"));
        let usher = UsherProcess::start(binary, &folder.path().join("data"), Some(&file)).await.unwrap();
        Self { usher, file, http: harness::http_client(), _folder: folder }
    }

    fn hang_up(&self) {
        kill(Pid::from_raw(i32::try_from(self.usher.pid().unwrap()).unwrap()), Signal::SIGHUP).unwrap();
    }

    async fn operator(&self, token: &str) -> u16 {
        let url = format!("{}/v1/status", self.usher.addresses().console());
        self.http.get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
    }

    /// Sends a body that is not JSON: 400 for an admitted source.
    async fn source(&self, token: &str) -> u16 {
        let url = format!("{}/v1/events", self.usher.addresses().gateway());
        let request =
            self.http.post(url).bearer_auth(token).header("content-type", "application/cloudevents+json");
        request.body("no JSON").send().await.unwrap().status().as_u16()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.usher.log()).unwrap()
    }
}

#[tokio::test]
async fn a_hangup_admits_and_revokes_without_a_restart_and_keeps_what_it_has_if_the_file_is_broken() {
    let before = json!([{"name": "alice", "token": hash_of("a1")}, {"name": "bob", "token": hash_of("b1")}]);
    let running = Running::start(before, "s1").await;
    assert_eq!((running.operator("a1").await, running.operator("b1").await), (200, 200));
    assert_eq!(running.source("s1").await, 400);

    let rotating = json!([{"name": "alice", "token": hash_of("a1"), "tokens": [{"token": hash_of("a2")}]}]);
    write_config(&running.file, &rotating, "s2");
    running.hang_up();
    wait_for_level("the new token is admitted", SOON, async || {
        level_reached(running.operator("a2").await == 200, "not yet")
    })
    .await
    .unwrap();
    assert_eq!((running.operator("a1").await, running.operator("b1").await), (200, 401));
    assert_eq!((running.source("s1").await, running.source("s2").await), (401, 400));
    assert!(running.log().contains("operator bob was removed"), "{}", running.log());

    std::fs::write(&running.file, "console: [").unwrap();
    running.hang_up();
    wait_for_level("the log says that the file is broken", SOON, async || {
        level_reached(running.log().contains("the credentials stay as they are"), "not yet")
    })
    .await
    .unwrap();
    assert_eq!((running.operator("a2").await, running.source("s2").await), (200, 400));
}
