//! Builds Graph's tree of an expression, in addition to its text.

use crate::graph::{GraphMappingSource, GraphParameter};
use crate::import::graph_keys;

/// Returns the tree of `text`, which must be an expression in its normal form. Graph's pages do
/// not describe some parts of the tree (conditions, keywords). Such a part has its text only.
pub(super) fn source_tree(text: &str) -> GraphMappingSource {
    let text = text.trim();
    if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        if !name.contains(['[', ']']) {
            return named_source(text, name, "Attribute", Vec::new());
        }
    } else if let Some(quoted) = one_text(text) {
        return named_source(text, &quoted, "Constant", Vec::new());
    } else if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        return constant_source(text);
    } else if let Some((name, arguments)) = parse_call(text) {
        // FormatDateTime(source, inputFormat, outputFormat) omits the position of the styles.
        let is_short = name == "FormatDateTime" && arguments.len() == 3;
        let place = |at: usize| if is_short && at > 0 { at + 1 } else { at };
        let parameters = arguments.iter().enumerate().filter(|(_, argument)| !argument.is_empty());
        let parameters = parameters.map(|(at, argument)| GraphParameter {
            key: parameter_key(name, place(at)),
            value: source_tree(argument),
        });
        return named_source(text, name, "Function", parameters.collect());
    }
    named_source(text, text, "Function", Vec::new())
}

/// Returns the source of a constant.
pub(super) fn constant_source(text: &str) -> GraphMappingSource {
    let expression = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    named_source(&expression, text, "Constant", Vec::new())
}

fn named_source(
    expression: &str,
    name: &str,
    kind: &str,
    parameters: Vec<GraphParameter>,
) -> GraphMappingSource {
    GraphMappingSource {
        expression: Some(expression.to_owned()),
        name: Some(name.to_owned()),
        kind: Some(kind.to_owned()),
        parameters,
    }
}

fn parameter_key(function: &str, at: usize) -> String {
    let known = graph_keys(function).unwrap_or(&["source"]);
    match known.get(at) {
        Some(key) => (*key).to_owned(),
        None if function == "Switch" => "switchValue".to_owned(),
        None if function == "Join" => "source".to_owned(),
        None => format!("parameter{}", at + 1),
    }
}

fn one_text(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut characters = inner.chars();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(out),
            '\\' => out.push(characters.next()?),
            c => out.push(c),
        }
    }
}

/// Returns the name and the arguments of a call that makes up the whole of `text`.
fn parse_call(text: &str) -> Option<(&str, Vec<&str>)> {
    let (name, rest) = text.split_once('(')?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let rest = rest.strip_suffix(')')?;
    let mut arguments = Vec::new();
    let (mut depth, mut quoted, mut escaped, mut from) = (0_usize, false, false, 0);
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                arguments.push(rest[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    arguments.push(rest[from..].trim());
    let is_empty = arguments.len() == 1 && arguments[0].is_empty();
    (depth == 0 && !quoted).then(|| (name, if is_empty { Vec::new() } else { arguments }))
}
