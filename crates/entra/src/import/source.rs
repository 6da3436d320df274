//! Where a value comes from, as text of the expression language.

use crate::graph::{Parameter, Source};

/// Deepest tree that is read; Entra's own editor nests far less.
const DEPTH_MAX: usize = 64;

/// What a mapping's source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// The value of one attribute.
    Attribute(String),
    /// Always this.
    Constant(String),
    /// An expression.
    Expression(String),
}

/// Reads `source`; `None` when it says nothing. `expression` counts; the tree only where there is no text.
pub(super) fn of(source: &Source) -> Option<From> {
    let text = match source.expression.as_deref().map(str::trim) {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => from_tree(source, 0)?,
    };
    if let Some(name) = single_attribute(&text) {
        return Some(From::Attribute(name.to_owned()));
    }
    match single_constant(&text) {
        Some(constant) => Some(From::Constant(constant)),
        None => Some(From::Expression(text)),
    }
}

fn single_attribute(text: &str) -> Option<&str> {
    let name = text.strip_prefix('[')?.strip_suffix(']')?;
    (!name.is_empty() && !name.contains(['[', ']'])).then_some(name)
}

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

fn from_tree(source: &Source, depth: usize) -> Option<String> {
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
        Some("Function") => call(name, &source.parameters, depth),
        Some(_) => None,
    }
}

/// Skipped optional arguments are not in a tree; the keys tell where the others stand.
fn call(name: &str, parameters: &[Parameter], depth: usize) -> Option<String> {
    let mut arguments: Vec<String> = Vec::new();
    for (at, parameter) in parameters.iter().enumerate() {
        let at = position(name, &parameter.key).unwrap_or(at).max(arguments.len());
        arguments.resize(at, String::new());
        arguments.push(from_tree(&parameter.value, depth + 1)?);
    }
    Some(format!("{name}({})", arguments.join(", ")))
}

/// Where the parameter `key` of the function stands, for those with holes.
pub(crate) fn position(function: &str, key: &str) -> Option<usize> {
    keys(function)?.iter().position(|name| name.eq_ignore_ascii_case(key))
}

/// Names that Graph gives to the parameters of a function, in order.
pub(crate) fn keys(function: &str) -> Option<&'static [&'static str]> {
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
        "FormatDateTime" => &["source", "inputFormat", "outputFormat"],
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

    fn source(value: serde_json::Value) -> Option<From> {
        of(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn the_text_counts_and_the_tree_only_where_there_is_none() {
        assert_eq!(
            source(json!({ "expression": "[mail]", "name": "other", "type": "Attribute" })),
            Some(From::Attribute("mail".to_owned()))
        );
        assert_eq!(
            source(json!({ "name": "officeCode", "type": "Attribute" })),
            Some(From::Attribute("officeCode".to_owned()))
        );
        assert_eq!(
            source(json!({ "expression": r#""a \"b\" \\d""#, "type": "Constant" })),
            Some(From::Constant(r#"a "b" \d"#.to_owned()))
        );
        let tree = json!({ "name": "Replace", "type": "Function", "parameters": [
            { "key": "source", "value": { "name": "preferredLanguage", "type": "Attribute" } },
            { "key": "Find", "value": { "name": "-", "type": "Constant" } },
            { "key": "Replacement", "value": { "name": "_", "type": "Constant" } }] });
        assert_eq!(
            source(tree),
            Some(From::Expression(r#"Replace([preferredLanguage], "-", , , "_")"#.to_owned()))
        );
        assert_eq!(source(json!({})), None);
    }
}
