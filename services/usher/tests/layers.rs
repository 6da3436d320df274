//! The layering rules (ARCHITECTURE.md, "Dependency rules"), checked against the manifests and the sources.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "layers/code.rs"]
mod code;
#[path = "layers/cycles.rs"]
mod cycles;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

struct Package {
    folder: PathBuf,
    service: bool,
    /// Dependencies without dev-dependencies.
    dependencies: BTreeSet<String>,
    lints_from_workspace: bool,
}

fn packages() -> BTreeMap<String, Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(package: &Value) -> (String, Package) {
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
    let folder = manifest.parent().unwrap().to_owned();
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    let text = std::fs::read_to_string(&manifest).unwrap();
    let package_value = Package {
        service: folder.parent().unwrap().ends_with("services"),
        dependencies: dependencies
            .filter(|d| d["kind"].is_null())
            .map(|d| d["name"].as_str().unwrap().to_owned())
            .collect(),
        lints_from_workspace: text.contains("[lints]\nworkspace = true"),
        folder,
    };
    (package["name"].as_str().unwrap().to_owned(), package_value)
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            out.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    out
}

#[test]
fn a_service_never_depends_on_another_and_only_usher_composes_them() {
    let packages = packages();
    let services: BTreeSet<&String> =
        packages.iter().filter(|(_, p)| p.service).map(|(name, _)| name).collect();
    assert_eq!(services.len(), 5, "{services:?}");
    for (name, package) in &packages {
        let known: Vec<&String> = package.dependencies.iter().filter(|d| services.contains(d)).collect();
        assert!(name == "usher" || known.is_empty(), "{name} depends on {known:?}");
    }
}

#[test]
fn crates_never_depend_on_services() {
    let packages = packages();
    for (name, package) in packages.iter().filter(|(_, p)| !p.service) {
        for dependency in &package.dependencies {
            assert!(!packages.get(dependency).is_some_and(|p| p.service), "{name} depends on {dependency}");
        }
    }
}

#[test]
fn what_decides_does_no_io() {
    let packages = packages();
    let banned = ["tokio", "reqwest", "axum", "async-nats", "sea-orm", "store", "bus", "rand", "telemetry"];
    for name in [
        "policy",
        "lifecycle",
        "expression",
        "entra",
        "feeds",
        "readings",
        "sources",
        "verify",
        "scim-service",
    ] {
        let found: Vec<&str> =
            banned.into_iter().filter(|d| packages[name].dependencies.contains(*d)).collect();
        assert!(found.is_empty(), "{name} depends on {found:?}");
        for (path, text) in sources(&packages[name].folder.join("src")) {
            for io in ["std::fs", "std::net", "now_utc()", "SystemTime", "Instant::now"] {
                assert!(!text.contains(io), "{} uses {io}", path.display());
            }
        }
    }
}

#[test]
fn only_the_console_describes_the_language_of_the_domain_as_openapi() {
    for (name, package) in packages() {
        let manifest = std::fs::read_to_string(package.folder.join("Cargo.toml")).unwrap();
        let turns_on =
            manifest.lines().any(|line| line.starts_with("lifecycle") && line.contains("\"openapi\""));
        assert_eq!(turns_on, name == "console", "{name}");
    }
}

#[test]
fn only_their_crates_know_jetstream_the_targets_and_the_backoff_crate() {
    let packages = packages();
    let owners: [(&str, &[&str]); 4] = [
        ("async-nats", &["bus"]),
        ("backoff", &["retry"]),
        ("sqlx", &["store"]),
        ("reqwest", &["outbound", "scim", "console", "usher", "harness"]),
    ];
    for (dependency, owners) in owners {
        for (name, package) in &packages {
            let knows = package.dependencies.contains(dependency);
            assert!(!knows || owners.contains(&name.as_str()), "{name} depends on {dependency}");
        }
    }
    for (name, package) in packages.iter().filter(|(name, _)| *name != "bus") {
        for (path, text) in sources(&package.folder.join("src")) {
            for subject in [
                "\"usher.event",
                "\"usher.notice",
                "\"usher.command",
                "\"usher.journal",
                "\"usher.dead",
                "\"usher.control",
            ] {
                assert!(!text.contains(subject), "{name} knows a subject: {}", path.display());
            }
        }
    }
}

#[test]
fn only_the_crate_outbound_builds_http_clients() {
    for (name, package) in packages() {
        for (path, text) in sources(&package.folder.join("src")) {
            let file = path.file_name().is_some_and(|file| file == "tests.rs");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let builds = ["reqwest::Client::builder", "reqwest::Client::new", "ClientBuilder::new"];
            let found = builds.iter().find(|builder| !file && code.contains(**builder));
            let is_owner = name == "outbound" && path.ends_with("http_client.rs");
            assert!(is_owner || found.is_none(), "{} has {found:?}", path.display());
        }
    }
}

#[test]
fn nobody_reads_the_tables_of_another() {
    let packages = packages();
    let tables =
        ["inbox", "quarantine", "identities", "groups", "edges", "desired", "outbox", "targets", "resources"]
            .into_iter()
            .chain([
                "dead",
                "timeline",
                "people",
                "dead_letters",
                "migrations",
                "scim_resources",
                "scim_members",
                "fetches",
                "leases",
                "polls",
                "poll_rows",
            ]);
    let tables: Vec<&str> = tables.collect();
    let services = ["gateway", "mapper", "writer", "console"];
    for name in services {
        for (path, text) in sources(&packages[name].folder.join("src")) {
            for other in services.into_iter().filter(|other| *other != name) {
                for table in &tables {
                    let table = format!("\"{other}_{table}\"");
                    assert!(!text.contains(&table), "{} names {table}", path.display());
                }
            }
        }
    }
}

#[test]
fn the_core_knows_no_target_by_name() {
    let packages = packages();
    for name in ["lifecycle", "policy", "scim", "bus", "store", "mapper", "writer", "gateway", "console"] {
        for (path, text) in sources(&packages[name].folder.join("src")) {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let in_code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in in_code.filter(|line| !line.contains("include_str!")) {
                let names_it = line.to_ascii_lowercase().contains("zscaler");
                let is_test = path.components().any(|c| c.as_os_str().to_string_lossy().contains("test"));
                assert!(!names_it || is_test, "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    for (name, package) in packages() {
        assert!(package.lints_from_workspace, "{name}");
    }
}

#[test]
fn no_crate_has_a_cycle_among_its_top_level_modules() {
    for (name, package) in packages() {
        let folder = package.folder.join("src");
        let cycles = cycles::module_cycles(&folder, &sources(&folder));
        assert!(cycles.is_empty(), "move what is shared down, {name}:\n{}", cycles.join("\n"));
    }
}

/// Ways of logging an error that lose its causes, in text logs or in JSON logs.
const LOSSY_ERRORS: [&str; 5] =
    ["%error", "?error,", "?error)", "as &dyn Error", "as &dyn std::error::Error"];

#[test]
fn no_log_prints_an_error_without_its_causes() {
    let mut found = Vec::new();
    for (_, package) in packages() {
        for (path, text) in sources(&package.folder.join("src")) {
            let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
            for (number, line) in code {
                if LOSSY_ERRORS.iter().any(|lossy| line.contains(lossy)) {
                    found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "write `error = chain(&error)` (telemetry::chain):\n{}", found.join("\n"));
}
