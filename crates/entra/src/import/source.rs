//! Converts the source of a mapping to text of the expression language.

use crate::graph::{GraphMappingSource, GraphParameter};

/// The maximum depth of a tree; Entra's own editor nests far less.
const DEPTH_MAX: usize = 64;
/// The maximum number of parameters that a key can count.
const PARAMETERS_MAX: usize = 64;

/// The source of an imported mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ImportedSource {
    /// The value of one attribute.
    Attribute(String),
    /// A constant.
    Constant(String),
    /// An expression.
    Expression(String),
}

/// Reads `source`; `None` if it is empty. The text in `expression`
/// takes precedence; the tree is only read if there is no text.
pub(super) fn read_source(source: &GraphMappingSource) -> Option<ImportedSource> {
    let text = match source.expression.as_deref().map(str::trim) {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => from_tree(source, 0)?,
    };
    if let Some(name) = single_attribute(&text) {
        return Some(ImportedSource::Attribute(name.to_owned()));
    }
    match single_constant(&text) {
        Some(constant) => Some(ImportedSource::Constant(constant)),
        None => Some(ImportedSource::Expression(text)),
    }
}

fn single_attribute(text: &str) -> Option<&str> {
    let name = text.strip_prefix('[')?.strip_suffix(']')?;
    (!name.is_empty() && !name.contains(['[', ']'])).then_some(name)
}

/// Returns the value of an expression that is a single text constant.
fn single_constant(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::new();
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => return None, // two strings, not one
            '\\' => match characters.next()? {
                escaped @ ('"' | '\\') => out.push(escaped),
                other => out.extend(['\\', other]),
            },
            c => out.push(c),
        }
    }
    Some(out)
}

/// Writes a tree as an expression; `None` if a part is missing.
fn from_tree(source: &GraphMappingSource, depth: usize) -> Option<String> {
    if depth > DEPTH_MAX {
        return None;
    }
    if let (true, Some(text)) = (depth > 0, source.expression.as_deref()) {
        return Some(text.to_owned());
    }
    let name = source.name.as_deref()?;
    match source.kind.as_deref() {
        Some("Attribute") | None => Some(format!("[{name}]")),
        Some("Constant") => Some(format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))),
        Some("Function") => write_call(name, &source.parameters, depth),
        Some(_) => None,
    }
}

/// Writes a call. A tree omits skipped optional arguments and has
/// the others in any order; their keys determine the positions.
fn write_call(name: &str, parameters: &[GraphParameter], depth: usize) -> Option<String> {
    let mut places: Vec<Option<String>> = Vec::new();
    let mut others = Vec::new();
    for parameter in parameters {
        let text = from_tree(&parameter.value, depth + 1)?;
        match parameter_position(name, &parameter.key) {
            Some(at) if places.get(at).is_none_or(Option::is_none) => {
                places.resize(places.len().max(at + 1), None);
                places[at] = Some(text);
            }
            _ => others.push(text),
        }
    }
    // Repeated parameters follow the fixed ones, even if one of the fixed ones is omitted.
    let mut at = if places.is_empty() || !repeats_parameters(name) {
        0
    } else {
        graph_keys(name).map_or(0, <[_]>::len)
    };
    for text in others {
        while places.get(at).is_some_and(Option::is_some) {
            at += 1;
        }
        places.resize(places.len().max(at + 1), None);
        places[at] = Some(text);
    }
    let places: Vec<String> = places.into_iter().map(Option::unwrap_or_default).collect();
    Some(format!("{name}({})", places.join(", ")))
}

/// Returns the position of the parameter `key` of the function. `parameter3`, which [`crate::export`] writes, is the third.
fn parameter_position(function: &str, key: &str) -> Option<usize> {
    let is_key = |name: &str| name.eq_ignore_ascii_case(key);
    if let Some(number) = key.strip_prefix("parameter").and_then(|number| number.parse::<usize>().ok()) {
        return number.checked_sub(1).filter(|at| *at < PARAMETERS_MAX);
    }
    match graph_keys(function) {
        Some(keys) => keys.iter().position(|name| is_key(name)),
        None => parameter_names(function).iter().position(|name| is_key(name)),
    }
}

/// Returns the language's own names of the parameters of a function without repeated parameters.
fn parameter_names(function: &str) -> Vec<String> {
    let usage = expression::list_functions().find(|(name, _)| *name == function).map(|(_, usage)| usage);
    let inner = usage.as_deref().and_then(|usage| usage.split_once('(')?.1.strip_suffix(')'));
    match inner {
        Some(inner) if !inner.contains("...") => inner.split(", ").map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn repeats_parameters(function: &str) -> bool {
    matches!(function, "Switch" | "Join")
}

/// Returns the names that Graph gives to the parameters of a function, in order.
pub(crate) fn graph_keys(function: &str) -> Option<&'static [&'static str]> {
    Some(match function {
        "Replace" => &[
            "source",
            "Find",
            "RegularExpression",
            "RegularExpressionGroupName",
            "Replacement",
            "ReplacementPropertyName",
            "Template",
        ],
        "FormatDateTime" => &["source", "dateTimeStyles", "inputFormat", "outputFormat"],
        "Mid" => &["source", "start", "length"],
        "Split" => &["source", "delimiter"],
        "Switch" => &["source", "defaultValue"],
        "Join" => &["separator"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source(value: serde_json::Value) -> Option<ImportedSource> {
        read_source(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn the_text_counts_and_the_tree_only_where_there_is_none() {
        assert_eq!(
            source(json!({ "expression": "[mail]", "name": "other", "type": "Attribute" })),
            Some(ImportedSource::Attribute("mail".to_owned()))
        );
        assert_eq!(
            source(json!({ "name": "officeCode", "type": "Attribute" })),
            Some(ImportedSource::Attribute("officeCode".to_owned()))
        );
        assert_eq!(
            source(json!({ "expression": r#""a \"b\" \\d""#, "type": "Constant" })),
            Some(ImportedSource::Constant(r#"a "b" \d"#.to_owned()))
        );
        let tree = json!({ "name": "Replace", "type": "Function", "parameters": [
            { "key": "source", "value": { "name": "preferredLanguage", "type": "Attribute" } },
            { "key": "Find", "value": { "name": "-", "type": "Constant" } },
            { "key": "Replacement", "value": { "name": "_", "type": "Constant" } }] });
        assert_eq!(
            source(tree),
            Some(ImportedSource::Expression(r#"Replace([preferredLanguage], "-", , , "_")"#.to_owned()))
        );
        assert_eq!(source(json!({})), None);
    }

    #[test]
    fn parameters_stand_where_their_keys_say() {
        let table = [
            ("Mid", &["length=8", "source=a", "start=1"][..], r#"Mid("a", "1", "8")"#),
            ("Mid", &["x=a", "y=1", "z=8"], r#"Mid("a", "1", "8")"#),
            (
                "FormatDateTime",
                &["outputFormat=o", "inputFormat=i", "source=d"],
                r#"FormatDateTime("d", , "i", "o")"#,
            ),
            ("Switch", &["source=a", "switchValue=1", "switchValue=x"], r#"Switch("a", , "1", "x")"#),
            (
                "Switch",
                &["switchValue=1", "switchValue=x", "defaultValue=n", "source=a"],
                r#"Switch("a", "n", "1", "x")"#,
            ),
            ("Join", &["source=a", "separator=-", "source=b"], r#"Join("-", "a", "b")"#),
            ("Word", &["delimiters=-", "number=2", "source=a"], r#"Word("a", "2", "-")"#),
            ("InStr", &["parameter3=2", "parameter1=a", "parameter2=b"], r#"InStr("a", "b", "2")"#),
            ("Mid", &["source=a", "source=1", "parameter99=8"], r#"Mid("a", "1", "8")"#),
        ];
        for (name, parameters, expected) in table {
            let parameter = |text: &&str| {
                let (key, value) = text.split_once('=').unwrap();
                json!({ "key": key, "value": { "name": value, "type": "Constant" } })
            };
            let parameters: Vec<_> = parameters.iter().map(parameter).collect();
            let tree = json!({ "name": name, "type": "Function", "parameters": parameters });
            assert_eq!(source(tree), Some(ImportedSource::Expression(expected.to_owned())), "{name}");
        }
    }
}
