//! Checks the pages: each link leads to a file and a heading that exist, and ARCHITECTURE.md names only types, functions and
//! modules that exist.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns all files below `folder` with this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}

/// Returns the pages of the repository with their text outside of code blocks.
fn pages() -> BTreeMap<PathBuf, String> {
    let mut paths = files(&root().join("docs"), "md");
    for name in ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        paths.push(root().join(name));
    }
    paths.into_iter().map(|path| (path.clone(), prose(&std::fs::read_to_string(path).unwrap()))).collect()
}

/// Returns the text without code blocks.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// Returns the anchors of a page: its headings as GitHub spells them, and explicit ids.
fn anchors(prose: &str) -> BTreeSet<String> {
    let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    });
    let ids = prose.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next());
    headings.chain(ids.map(str::to_owned)).collect()
}

/// Returns the addresses of links within the repository.
fn links(prose: &str) -> Vec<&str> {
    let addresses = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next());
    addresses.filter(|address| !address.contains("://")).collect()
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading_that_exist() {
    let pages = pages();
    assert!(pages.len() > 20, "{} pages", pages.len());
    let mut broken = Vec::new();
    for (page, text) in &pages {
        for link in links(text) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let to = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let Ok(to) = to.canonicalize() else {
                broken.push(format!("{}: {link}: no such file", page.display()));
                continue;
            };
            let has_anchor = pages.get(&to).is_none_or(|text| anchors(text).contains(anchor));
            if !anchor.is_empty() && !has_anchor {
                broken.push(format!("{}: {link}: no such heading", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Returns the names of the modules and items that the sources of a package define.
fn defined_names(package: &Path) -> BTreeSet<String> {
    let mut defined = BTreeSet::new();
    for path in files(&package.join("src"), "rs") {
        defined.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        let text = std::fs::read_to_string(path).unwrap();
        let words: Vec<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        for pair in words.windows(2) {
            if matches!(pair[0], "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static") {
                defined.insert(pair[1].to_owned());
            }
        }
    }
    defined
}

/// Returns the texts in backticks that look like paths or types of Rust.
fn names(prose: &str) -> BTreeSet<&str> {
    let spans = prose.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_name = |text: &&str| {
        let is_path = text.contains("::");
        let is_type = text.starts_with(char::is_uppercase) && text.contains(char::is_lowercase);
        (is_path || is_type) && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
    };
    spans.filter(is_name).collect()
}

#[test]
fn architecture_names_only_what_exists() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for parent in ["crates", "services"] {
        for entry in std::fs::read_dir(root().join(parent)).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().replace('-', "_");
            packages.insert(name, defined_names(&entry.path()));
        }
    }
    let prose = prose(&text);
    let names = names(&prose);
    assert!(names.len() > 50, "{} names", names.len());
    let missing = names.into_iter().filter(|name| {
        let parts: Vec<&str> = name.split("::").collect();
        match packages.get(parts[0]) {
            Some(package) => !parts[1..].iter().all(|part| package.contains(*part)),
            None => !packages.values().any(|package| package.contains(parts[0])),
        }
    });
    let missing: Vec<&str> = missing.collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what does not exist: {}", missing.join(", "));
}
