//! Runs scim2-tester, an independent compliance checker of SCIM servers, against the live service.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::provider::Provider;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn has_python() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("python3").is_file())
}

fn text(output: &std::process::Output) -> String {
    let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", part(&output.stdout), part(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_checker_finds_nothing_wrong() {
    if !has_python() {
        eprintln!("no python3 on this machine: nothing was tested");
        return;
    }
    let fetched = Command::new(root().join("tools/fetch-interop")).arg("scim2-tester").output().unwrap();
    assert!(fetched.status.success(), "{}", text(&fetched));
    let provider = Provider::start().await;
    let url = format!("{}/scim/v2/entra", provider.world.url);
    let checker = root().join("crates/harness/interop/scim2-tester/check.py");
    let python = root().join(".tools/venv-scim2-tester/bin/python");
    let mut command = Command::new(python);
    command.arg(checker).arg(url).env("SCIM_TOKEN", "entra-token").env("PYTHONDONTWRITEBYTECODE", "1");
    let checked = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(checked.status.success(), "{}", text(&checked));
    println!("{}", text(&checked));
}
