//! The uses of top-level modules by each other, and the cycles among them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::code::product_code;

/// The places at which one top-level module uses another.
type ModuleUses = BTreeMap<(String, String), Vec<String>>;

/// Returns a description of each cycle among the top-level modules of a crate. `sources` are the files below `folder`.
pub(crate) fn module_cycles(folder: &Path, sources: &[(PathBuf, String)]) -> Vec<String> {
    let for_tests: BTreeSet<PathBuf> =
        sources.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    let product = sources.iter().filter(|(path, _)| !for_tests.contains(&path.with_extension("")));
    let files: Vec<SourceFile> = product.filter_map(|(path, text)| read_file(folder, path, text)).collect();
    let modules: BTreeSet<String> = files.iter().filter_map(|file| file.module.clone()).collect();
    let exports = root_exports(&files, &modules);
    let mut uses = ModuleUses::new();
    for file in &files {
        let Some(module) = &file.module else { continue };
        for (at, name) in names_at_root(&file.code, file.depth) {
            let used = if modules.contains(&name) { Some(&name) } else { exports.get(&name) };
            if let Some(used) = used.filter(|used| *used != module) {
                let line = file.code[..at].matches('\n').count() + 1;
                let place = format!("{}:{line}", file.path);
                uses.entry((module.clone(), used.clone())).or_default().push(place);
            }
        }
    }
    let components = strongly_connected(&modules, &uses);
    components.iter().map(|component| describe_cycle(component, &uses)).collect()
}

/// One file without comments, texts and tests.
struct SourceFile {
    path: String,
    /// The top-level module to which it belongs; `None` for the root of a crate.
    module: Option<String>,
    /// The number of `super` from its module to the root.
    depth: usize,
    code: String,
}

/// Returns the paths, without `.rs`, of the modules that a file declares for tests only.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let is_root = path.file_stem().is_some_and(|stem| stem == "lib" || stem == "main");
    let folder = if is_root { path.parent().map(Path::to_owned) } else { Some(path.with_extension("")) };
    let behind = text.split("#[cfg(test)]").skip(1);
    let names = behind.filter_map(|rest| rest.trim_start().strip_prefix("mod ")?.split_once(';'));
    names.filter_map(|(name, _)| Some(folder.as_ref()?.join(name))).collect()
}

/// Returns the file, unless it contains only tests.
fn read_file(folder: &Path, path: &Path, text: &str) -> Option<SourceFile> {
    let inner = path.strip_prefix(folder).ok()?;
    let parts: Vec<&str> = inner.iter().filter_map(|part| part.to_str()).collect();
    let names: Vec<&str> = parts.iter().map(|part| part.trim_end_matches(".rs")).collect();
    if names.iter().any(|name| *name == "tests" || name.ends_with("_tests") || name.ends_with("_test")) {
        return None;
    }
    let is_root = matches!(names[0], "lib" | "main" | "bin");
    Some(SourceFile {
        path: inner.display().to_string(),
        module: (!is_root).then(|| names[0].to_owned()),
        depth: names.len(),
        code: product_code(text),
    })
}

/// Returns the names that the root of the crate takes from its modules, each with its module: `crate::Name` uses the
/// module as much as `crate::module::Name` does.
fn root_exports(files: &[SourceFile], modules: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for file in files.iter().filter(|file| file.path == "lib.rs") {
        for statement in file.code.split(';') {
            let Some(at) = statement.rfind("use ") else { continue };
            let tree = statement[at + 4..].trim().trim_start_matches("crate::").trim_start_matches("self::");
            let Some((module, names)) = tree.split_once("::") else { continue };
            if modules.contains(module) {
                let names = names.split(|c: char| !is_identifier(c)).filter(|name| !name.is_empty());
                exports.extend(names.map(|name| (name.to_owned(), module.to_owned())));
            }
        }
    }
    exports
}

/// Returns the first names of all paths that begin at the root of the crate, with their places. `depth` times `super`
/// is the root.
fn names_at_root(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in ["crate::".to_owned(), "super::".repeat(depth)] {
        for (at, _) in code.match_indices(&root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| is_identifier(c) || c == ':') {
                continue;
            }
            found.extend(first_names(&code[at + root.len()..]).into_iter().map(|name| (at, name)));
        }
    }
    found
}

/// Returns the first name of a path, or the first names of all paths in a group in braces.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| text.trim_start().chars().take_while(|c| is_identifier(*c)).collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let (mut depth, mut start, mut names) = (0_usize, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            '}' => {
                names.push(name(&group[start..at]));
                break;
            }
            _ => {}
        }
    }
    names
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the sets of more than one module in which each module reaches each other one.
fn strongly_connected(modules: &BTreeSet<String>, uses: &ModuleUses) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        modules.iter().map(|module| (module, reachable_from(module, uses))).collect();
    let mut components: Vec<BTreeSet<String>> = Vec::new();
    for module in modules {
        let both_ways = reached[module].iter().filter(|other| reached[*other].contains(module));
        let component: BTreeSet<String> = both_ways.map(|other| (*other).clone()).collect();
        if component.len() > 1 && !components.contains(&component) {
            components.push(component);
        }
    }
    components
}

/// Returns all modules that a module uses, directly or through others.
fn reachable_from<'a>(module: &'a String, uses: &'a ModuleUses) -> BTreeSet<&'a String> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![module]);
    while let Some(next) = open.pop() {
        for (_, used) in uses.keys().filter(|(from, _)| from == next) {
            if reached.insert(used) {
                open.push(used);
            }
        }
    }
    reached
}

/// Lists the uses that make a cycle.
fn describe_cycle(component: &BTreeSet<String>, uses: &ModuleUses) -> String {
    let inside = uses.iter().filter(|((from, to), _)| component.contains(from) && component.contains(to));
    let lines = inside.map(|((from, to), places)| format!("  {from} -> {to}: {}", places.join(", ")));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_cycle_is_found_through_every_kind_of_path() {
    let root = ("lib.rs", "mod a;\nmod b;\nmod c;\npub use b::Thing;\n");
    let cycles = |a: &str, b: &str, c: &str| {
        let files = [root, ("a.rs", a), ("b/inner.rs", b), ("c.rs", c)];
        let files = files.map(|(path, text)| (PathBuf::from(path), text.to_owned()));
        module_cycles(Path::new(""), &files)
    };
    let describe = |places: [&str; 2]| vec![format!("  a -> b: {}\n  b -> a: {}", places[0], places[1])];
    let both = describe(["a.rs:1", "b/inner.rs:1"]);
    for a in ["use crate::b::Thing;", "use crate::{Thing, c};", "use super::b;", "fn f(_: crate::Thing) {}"] {
        for b in ["use crate::a::X;", "use super::super::a;", "use crate::{c::{D, E}, a};"] {
            assert_eq!(cycles(a, b, ""), both, "{a} {b}");
        }
    }
    for b in [
        "use super::a;",
        "// use crate::a::X;",
        "const T: &str = \"crate::a\";",
        "#[cfg(test)]\nmod tests { use crate::a::X; }",
    ] {
        assert_eq!(cycles("use crate::b::Thing;", b, ""), Vec::<String>::new(), "{b}");
    }
    let declared = |a: &str| {
        let files = [("a.rs", a), ("a/checked.rs", "use crate::b;"), ("b.rs", "use crate::a;")];
        let files = files.map(|(path, text)| (PathBuf::from(path), text.to_owned()));
        module_cycles(Path::new(""), &files)
    };
    assert_eq!(declared("mod checked;").len(), 1);
    assert_eq!(declared("#[cfg(test)]\nmod checked;").len(), 0, "a module for tests only");
    let three = cycles("use crate::b;", "use crate::c;", "use crate::a;");
    assert_eq!(three, ["  a -> b: a.rs:1\n  b -> c: b/inner.rs:1\n  c -> a: c.rs:1"]);
}
