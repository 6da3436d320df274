//! Runs docs/sources: the configurations and commands of each page are used here, and must be accepted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use edge::TokenHash;
use serde_json::{Value, json};

use crate::world::World;

/// The gateway's address in the pages.
const ADDRESS: &str = "http://127.0.0.1:8080";
/// The variables that the pages leave to the reader.
const VARIABLES: [(&str, &str); 12] = [
    ("HR_TOKEN", "hr-token"),
    ("ENTRA_TOKEN", "entra-token"),
    ("VENDOR_SECRET", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="),
    ("BAMBOOHR_KEY", "bamboohr-key"),
    ("HIBOB_SECRET", "hibob-secret"),
    ("PERSONIO_SECRET", "personio-secret"),
    ("GUSTO_VERIFICATION_TOKEN", "gusto-token"),
    ("RIPPLING_TOKEN", "rippling-token"),
    ("MERGE_KEY", "merge-key"),
    ("FINCH_SECRET", "c2VjcmV0LXNlY3JldC1zZWNyZXQ="),
    ("OKTA_HOOK_TOKEN", "okta-token"),
    ("OWN_TOKEN", "own-token"),
];
/// The pages whose endpoints answer with a status other than 202.
const SCIM: &str = "scim-inbound.md";
/// Sources that the gateway reads from have no endpoint.
const WITHOUT_A_DOOR: [&str; 2] = ["fetching.md", "polling.md"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sources")
}

fn variables() -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> =
        VARIABLES.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    all.insert("SIGNED_SECRET".to_owned(), "signed-secret".to_owned());
    for name in ["HR_TOKEN", "ENTRA_TOKEN"] {
        let hash = TokenHash::of(&all[name]).to_string();
        all.insert(format!("{name}_HASH"), hash);
    }
    all
}

/// Returns the code blocks of this language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    page.split(&begin).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// Merges all configurations of a page into one.
fn configuration(page: &str) -> Value {
    let mut all = json!({});
    for block in blocks(page, "yaml") {
        let mut text = block.to_owned();
        for (name, value) in variables() {
            text = text.replace(&format!("${{{name}}}"), &value);
        }
        let value: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for (name, setting) in value["gateway"].as_object().expect("a section `gateway`") {
            match (all.get_mut(name), setting) {
                (Some(Value::Array(before)), Value::Array(more)) => before.extend(more.iter().cloned()),
                _ => all[name] = setting.clone(),
            }
        }
    }
    all
}

/// Runs the script, and returns the statuses that curl received.
fn typed(script: &str, folder: &Path) -> Vec<u16> {
    // Runs the real curl, which also prints the status on stderr.
    let shim = "#!/bin/sh\nPATH=$REAL_PATH exec curl -w '%{stderr}<status %{http_code}>' \"$@\"\n";
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(bin.join("curl"), shim).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bin.join("curl"), executable).unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-euc", script])
        .current_dir(folder)
        .envs(variables())
        .env("REAL_PATH", &path)
        .env("PATH", format!("{}:{path}", bin.display()))
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{out}\n{err}");
    let statuses = err.split("<status ").skip(1).filter_map(|rest| rest.split('>').next()?.parse().ok());
    let statuses: Vec<u16> = statuses.collect();
    assert!(
        !statuses.is_empty() && statuses.iter().all(|status| (200..300).contains(status)),
        "{script}\n{out}\n{err}"
    );
    statuses
}

/// Returns whether this machine has the program.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_a_source_works_as_it_is_written() {
    if !has("curl") || !has("openssl") {
        eprintln!("no curl or no openssl on this machine: nothing was tested");
        return;
    }
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| !WITHOUT_A_DOOR.iter().any(|name| page.ends_with(name)));
    assert!(pages.len() >= 14, "{pages:?}");
    for path in pages {
        let page = std::fs::read_to_string(&path).unwrap();
        let place = tempfile::tempdir().unwrap();
        let mut config = configuration(&page);
        if config.get("database").is_some() {
            config["database"] =
                json!(format!("sqlite://{}?mode=rwc", place.path().join("gateway.db").display()));
        }
        let world = World::start(config).await;
        for script in blocks(&page, "sh") {
            let script = script.replace(ADDRESS, &world.url);
            assert!(script.contains(&world.url), "{}: {script}", path.display());
            let folder = place.path().to_owned();
            let statuses = tokio::task::spawn_blocking(move || typed(&script, &folder)).await.unwrap();
            let is_taken = statuses.contains(&202) || path.ends_with(SCIM);
            assert!(is_taken, "{}: {statuses:?}", path.display());
        }
        let _mapper = world.stored().await;
        let stored = world.bus.lag(bus::StreamName::Events, "mapper").await.unwrap();
        assert!(stored > 0, "{}: nothing came of it", path.display());
    }
}

#[test]
fn the_index_names_every_page() {
    let index = std::fs::read_to_string(folder().join("../sources.md")).unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(index.contains(&format!("(sources/{name})")), "docs/sources.md does not name {name}");
    }
}
