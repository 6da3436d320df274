//! The checks of calls, and what their errors say.

use crate::error::{CompileError, Span};
use crate::function::{self, Function, Kind, Parameter, Signature};
use crate::library::dates;
use crate::program::{Node, NodeKind};
use crate::value::Type;

/// The intervals of `DateAdd` and `DateDiff`.
const INTERVALS: [&str; 10] = ["yyyy", "q", "m", "y", "d", "w", "ww", "h", "n", "s"];

pub(super) fn signature(name: &str, span: Span) -> Result<&'static Signature, CompileError> {
    function::named(name).ok_or_else(|| {
        let error = CompileError::new(span, format!("unknown function `{name}`"));
        match function::nearest(name) {
            Some(near) if near.eq_ignore_ascii_case(name) => {
                error.hint(format!("upper and lower case matter: write `{near}`"))
            }
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        }
    })
}

/// "`Switch` needs a default and pairs, got 5 arguments".
pub(super) fn count(signature: &Signature, got: usize, span: Span) -> CompileError {
    let arguments = match got {
        0 => "none".to_owned(),
        1 => "1 argument".to_owned(),
        more => format!("{more} arguments"),
    };
    let message = format!("`{}` needs {}, got {arguments}", signature.name, signature.needs);
    CompileError::new(span, message).hint(format!("write `{}`", signature.usage()))
}

pub(super) fn hole(signature: &Signature, parameter: &Parameter, span: Span) -> CompileError {
    let message = format!("`{}` needs {}: `{}` is empty", signature.name, signature.needs, parameter.name);
    CompileError::new(span, message).hint("an empty text is written `\"\"`")
}

pub(super) fn misplaced_condition(span: Span) -> CompileError {
    CompileError::new(span, "a comparison can only stand where a condition is expected")
        .hint("use it in `IIF`, `CBool` or `Not`")
}

pub(super) fn unknown_word(word: &str, span: Span) -> CompileError {
    let error = CompileError::new(span, format!("unknown word `{word}`"));
    if let Some(near) = function::named(word) {
        return error.hint(format!("`{0}` is a function: write `{0}(...)`", near.name));
    }
    let keywords = ["IgnoreAttributeFlow", "IgnoreObjectFlow"];
    match keywords.iter().find(|keyword| keyword.eq_ignore_ascii_case(word)) {
        Some(keyword) => error.hint(format!("upper and lower case matter: write `{keyword}`")),
        None => error.hint(format!("write `\"{word}\"` for the text, `[{word}]` for the attribute")),
    }
}

/// A bare word where an enumeration's member is expected.
pub(super) fn word(
    signature: &Signature,
    word: &str,
    words: &[&str],
    span: Span,
) -> Result<Node, CompileError> {
    if words.contains(&word) {
        return Ok(Node { span, kind: NodeKind::Text(word.to_owned()), result: Type::Text });
    }
    Err(not_among(signature, word, words, span))
}

fn not_among(signature: &Signature, word: &str, words: &[&str], span: Span) -> CompileError {
    let error = CompileError::new(span, format!("`{}` does not know `{word}`", signature.name));
    match words.iter().find(|known| known.eq_ignore_ascii_case(word)) {
        Some(known) => error.hint(format!("upper and lower case matter: write `{known}`")),
        None => error.hint(format!("it knows {}", words.join(", "))),
    }
}

/// Whether an argument can be what the parameter needs.
pub(super) fn argument(
    signature: &Signature,
    parameter: &Parameter,
    node: &Node,
) -> Result<(), CompileError> {
    match parameter.kind {
        Kind::Any | Kind::Texts | Kind::Condition => Ok(()),
        Kind::Text if node.result == Type::List => Err(list_for_one(&format!("`{}`", signature.name), node)),
        Kind::Text => Ok(()),
        Kind::Integer => integer(signature, parameter, node),
        Kind::Date => date(signature, parameter, node),
        Kind::Interval => match node.constant() {
            Some(text) if !INTERVALS.contains(&text) => {
                Err(not_among(signature, text, &INTERVALS, node.span))
            }
            _ => text_only(signature, parameter, node),
        },
        Kind::Word(words) => match (node.constant(), &node.kind) {
            (Some(text), _) if !words.contains(&text) => Err(not_among(signature, text, words, node.span)),
            (_, NodeKind::Integer(number)) if !words.contains(&number.to_string().as_str()) => {
                Err(not_among(signature, &number.to_string(), words, node.span))
            }
            _ => Ok(()),
        },
    }
}

fn integer(signature: &Signature, parameter: &Parameter, node: &Node) -> Result<(), CompileError> {
    match (node.result, node.constant()) {
        (Type::Integer | Type::Any, _) | (Type::Text, None) => Ok(()),
        (_, Some(text)) if text.trim().parse::<i64>().is_ok() => Ok(()),
        (Type::Text, Some(_)) => {
            Err(mismatch(signature, parameter, "an integer", "this text is not one", node))
        }
        (other, _) => Err(mismatch(signature, parameter, "an integer", &format!("this is {other}"), node)),
    }
}

fn date(signature: &Signature, parameter: &Parameter, node: &Node) -> Result<(), CompileError> {
    match (node.result, node.constant()) {
        (Type::Date | Type::Any, _) | (Type::Text, None) => Ok(()),
        (_, Some(text)) if text.is_empty() || dates::parse(text).is_some() => Ok(()),
        (Type::Text, Some(_)) => Err(mismatch(signature, parameter, "a date", "this text is not one", node)
            .hint("write dates as `\"2025-12-31\"` or `\"2025-12-31T23:59:59Z\"`")),
        (other, _) => Err(mismatch(signature, parameter, "a date", &format!("this is {other}"), node)),
    }
}

fn text_only(signature: &Signature, parameter: &Parameter, node: &Node) -> Result<(), CompileError> {
    match node.result {
        Type::Text | Type::Any => Ok(()),
        other => Err(mismatch(signature, parameter, "a text", &format!("this is {other}"), node)),
    }
}

fn mismatch(
    signature: &Signature,
    parameter: &Parameter,
    needed: &str,
    got: &str,
    node: &Node,
) -> CompileError {
    let message = format!("`{}` needs {needed} for `{}`, and {got}", signature.name, parameter.name);
    CompileError::new(node.span, message)
}

pub(super) fn list_for_one(who: &str, node: &Node) -> CompileError {
    CompileError::new(node.span, format!("{who} needs one value here, and this is a list"))
        .hint("choose one with `Item`, or put them together with `Join`")
}

/// The type of a call's result, as far as the arguments tell.
pub(super) fn result(signature: &Signature, arguments: &[Option<Node>]) -> Type {
    if signature.result != Type::Any {
        return signature.result;
    }
    match signature.function {
        Function::Iif => same(arguments.iter().skip(1)),
        Function::Coalesce | Function::IgnoreFlowIfNullOrEmpty | Function::Redact => same(arguments.iter()),
        Function::Switch => {
            let values = arguments.iter().skip(1).enumerate().filter(|(i, _)| i % 2 == 0);
            same(values.map(|(_, value)| value))
        }
        _ => {
            let mapped = signature.parameters.iter().position(|parameter| parameter.kind == Kind::Texts);
            match mapped.and_then(|position| arguments.get(position)?.as_ref()) {
                Some(Node { result: Type::List, .. }) => Type::List,
                Some(Node { result: Type::Any, .. }) | None => Type::Any,
                Some(_) => Type::Text,
            }
        }
    }
}

/// The type that all values share; holes and keywords give nothing and do not count.
fn same<'n>(nodes: impl Iterator<Item = &'n Option<Node>>) -> Type {
    let mut common = None;
    let flowing = nodes
        .flatten()
        .filter(|node| !matches!(node.kind, NodeKind::IgnoreAttribute | NodeKind::IgnoreObject));
    for node in flowing {
        match common {
            None => common = Some(node.result),
            Some(known) if known == node.result => {}
            Some(_) => return Type::Any,
        }
    }
    common.unwrap_or(Type::Any)
}
