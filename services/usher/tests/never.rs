//! Checks that docs/never.md and docs/security.md name existing tests: a fault or promise without a test is none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Minimum number of rows; fewer mean that the page was not parsed correctly.
const ROWS_MIN: usize = 50;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns the rows of all tables: the fault, and the cell next to it.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let is_row =
        |line: &&str| line.starts_with('|') && !line.starts_with("|---") && *line != "| fault | test |";
    let rows = page.lines().filter(is_row).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 2, "{line}");
        (cells[0], cells[1])
    });
    rows.collect()
}

/// Returns the `package::name` pairs of a cell that contains nothing else.
fn tests_of(cell: &str) -> Vec<(&str, &str)> {
    cell.split(',').map(|part| named(part).unwrap_or_else(|| panic!("no `package::test`: {part}"))).collect()
}

fn named(part: &str) -> Option<(&str, &str)> {
    part.trim().strip_prefix('`')?.strip_suffix('`')?.split_once("::")
}

/// Reads all Rust files below `folder`.
fn sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn source_of(package: &str) -> String {
    let mut text = String::new();
    for parent in ["crates", "services"] {
        for part in ["src", "tests"] {
            sources(&root().join(parent).join(package).join(part), &mut text);
        }
    }
    text
}

/// Returns the tables of a page whose header is `| promise | test |`.
fn promises(page: &str) -> String {
    let tables = page.split("| promise | test |\n").skip(1);
    let rows = tables.flat_map(|rest| rest.lines().take_while(|line| line.starts_with('|')));
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_fault_has_a_test_that_exists() {
    let page = std::fs::read_to_string(root().join("docs/never.md")).unwrap();
    let rows = rows(&page);
    assert!(rows.len() >= ROWS_MIN, "{} rows", rows.len());
    check_tests(rows);
}

#[test]
fn each_promise_has_a_test_that_exists() {
    let page = promises(&std::fs::read_to_string(root().join("docs/security.md")).unwrap());
    let rows = rows(&page);
    assert!(rows.len() >= 10, "{} rows", rows.len());
    check_tests(rows);
}

fn check_tests(rows: Vec<(&str, &str)>) {
    let mut known: BTreeMap<&str, String> = BTreeMap::new();
    let mut missing = Vec::new();
    for (fault, cell) in rows {
        assert!(!fault.is_empty() && !cell.is_empty(), "a fault without a test: {fault:?}");
        for (package, name) in tests_of(cell) {
            let source = known.entry(package).or_insert_with(|| source_of(package));
            if !source.contains(&format!("fn {name}(")) {
                missing.push(format!("{fault}: {package}::{name}"));
            }
        }
    }
    assert!(missing.is_empty(), "these tests are not there:\n{}", missing.join("\n"));
}
