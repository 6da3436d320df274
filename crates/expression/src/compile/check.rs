//! Checks calls, and builds the error messages for them.

use crate::error::{CompileError, SourceSpan};
use crate::function::{self, ArgumentKind, Function, FunctionParameter, FunctionSignature};
use crate::library::dates;
use crate::program::{NodeKind, ProgramNode};
use crate::value::ExpressionType;

/// The intervals of `DateAdd` and `DateDiff`.
const INTERVALS: [&str; 10] = ["yyyy", "q", "m", "y", "d", "w", "ww", "h", "n", "s"];

/// Returns the signature of a function, or an error with the nearest known name.
pub(super) fn find_signature(
    name: &str,
    span: SourceSpan,
) -> Result<&'static FunctionSignature, CompileError> {
    function::find_function(name).ok_or_else(|| {
        let error = CompileError::new(span, format!("unknown function `{name}`"));
        match function::nearest_name(name) {
            Some(near) if near.eq_ignore_ascii_case(name) => {
                error.hint(format!("upper and lower case matter: write `{near}`"))
            }
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        }
    })
}

/// Returns an error such as "`Switch` needs a default and pairs, got 5 arguments".
pub(super) fn argument_count_error(
    signature: &FunctionSignature,
    got: usize,
    span: SourceSpan,
) -> CompileError {
    let arguments = match got {
        0 => "none".to_owned(),
        1 => "1 argument".to_owned(),
        more => format!("{more} arguments"),
    };
    let message = format!("`{}` needs {}, got {arguments}", signature.name, signature.needs);
    CompileError::new(span, message).hint(format!("write `{}`", signature.usage()))
}

/// Returns the error for a required argument that is empty.
pub(super) fn parameter_hole(
    signature: &FunctionSignature,
    parameter: &FunctionParameter,
    span: SourceSpan,
) -> CompileError {
    let message = format!("`{}` needs {}: `{}` is empty", signature.name, signature.needs, parameter.name);
    CompileError::new(span, message).hint("an empty text is written `\"\"`")
}

/// Returns the error for a comparison where no condition is expected.
pub(super) fn misplaced_condition(span: SourceSpan) -> CompileError {
    CompileError::new(span, "a comparison can only stand where a condition is expected")
        .hint("use it in `IIF`, `CBool` or `Not`")
}

/// Returns the error for a bare word that is neither a keyword nor a member of an enumeration.
pub(super) fn unknown_word(word: &str, span: SourceSpan) -> CompileError {
    let error = CompileError::new(span, format!("unknown word `{word}`"));
    if let Some(near) = function::find_function(word) {
        return error.hint(format!("`{0}` is a function: write `{0}(...)`", near.name));
    }
    let keywords = ["IgnoreAttributeFlow", "IgnoreObjectFlow"];
    match keywords.iter().find(|keyword| keyword.eq_ignore_ascii_case(word)) {
        Some(keyword) => error.hint(format!("upper and lower case matter: write `{keyword}`")),
        None => error.hint(format!("write `\"{word}\"` for the text, `[{word}]` for the attribute")),
    }
}

/// Compiles a bare word where a member of an enumeration is expected.
pub(super) fn keyword_value(
    signature: &FunctionSignature,
    word: &str,
    words: &[&str],
    span: SourceSpan,
) -> Result<ProgramNode, CompileError> {
    if words.contains(&word) {
        return Ok(ProgramNode { span, kind: NodeKind::Text(word.to_owned()), result: ExpressionType::Text });
    }
    Err(not_among(signature, word, words, span))
}

fn not_among(signature: &FunctionSignature, word: &str, words: &[&str], span: SourceSpan) -> CompileError {
    let error = CompileError::new(span, format!("`{}` does not know `{word}`", signature.name));
    match words.iter().find(|known| known.eq_ignore_ascii_case(word)) {
        Some(known) => error.hint(format!("upper and lower case matter: write `{known}`")),
        None => error.hint(format!("it knows {}", words.join(", "))),
    }
}

/// Checks that an argument can have the type that the parameter requires.
pub(super) fn check_argument(
    signature: &FunctionSignature,
    parameter: &FunctionParameter,
    node: &ProgramNode,
) -> Result<(), CompileError> {
    match parameter.kind {
        ArgumentKind::Any | ArgumentKind::Texts | ArgumentKind::Condition => Ok(()),
        ArgumentKind::Text if node.result == ExpressionType::List => {
            Err(list_for_one(&format!("`{}`", signature.name), node))
        }
        ArgumentKind::Text => Ok(()),
        ArgumentKind::Integer => check_integer(signature, parameter, node),
        ArgumentKind::Date => check_date(signature, parameter, node),
        ArgumentKind::Interval => match node.constant() {
            Some(text) if !INTERVALS.contains(&text) => {
                Err(not_among(signature, text, &INTERVALS, node.span))
            }
            _ => text_only(signature, parameter, node),
        },
        ArgumentKind::Word(words) => match (node.constant(), &node.kind) {
            (Some(text), _) if !words.contains(&text) => Err(not_among(signature, text, words, node.span)),
            (_, NodeKind::Integer(number)) if !words.contains(&number.to_string().as_str()) => {
                Err(not_among(signature, &number.to_string(), words, node.span))
            }
            _ => Ok(()),
        },
    }
}

/// Checks that a constant is an integer. Other values are checked at evaluation.
fn check_integer(
    signature: &FunctionSignature,
    parameter: &FunctionParameter,
    node: &ProgramNode,
) -> Result<(), CompileError> {
    match (node.result, node.constant()) {
        (ExpressionType::Integer | ExpressionType::Any, _) | (ExpressionType::Text, None) => Ok(()),
        (_, Some(text)) if text.trim().parse::<i64>().is_ok() => Ok(()),
        (ExpressionType::Text, Some(_)) => {
            Err(type_mismatch(signature, parameter, "an integer", "this text is not one", node))
        }
        (other, _) => {
            Err(type_mismatch(signature, parameter, "an integer", &format!("this is {other}"), node))
        }
    }
}

/// Checks that a constant is a date. Other values are checked at evaluation.
fn check_date(
    signature: &FunctionSignature,
    parameter: &FunctionParameter,
    node: &ProgramNode,
) -> Result<(), CompileError> {
    match (node.result, node.constant()) {
        (ExpressionType::Date | ExpressionType::Any, _) | (ExpressionType::Text, None) => Ok(()),
        (_, Some(text)) if text.is_empty() || dates::parse_date(text).is_some() => Ok(()),
        (ExpressionType::Text, Some(_)) => {
            Err(type_mismatch(signature, parameter, "a date", "this text is not one", node)
                .hint("write dates as `\"2025-12-31\"` or `\"2025-12-31T23:59:59Z\"`"))
        }
        (other, _) => Err(type_mismatch(signature, parameter, "a date", &format!("this is {other}"), node)),
    }
}

fn text_only(
    signature: &FunctionSignature,
    parameter: &FunctionParameter,
    node: &ProgramNode,
) -> Result<(), CompileError> {
    match node.result {
        ExpressionType::Text | ExpressionType::Any => Ok(()),
        other => Err(type_mismatch(signature, parameter, "a text", &format!("this is {other}"), node)),
    }
}

fn type_mismatch(
    signature: &FunctionSignature,
    parameter: &FunctionParameter,
    needed: &str,
    got: &str,
    node: &ProgramNode,
) -> CompileError {
    let message = format!("`{}` needs {needed} for `{}`, and {got}", signature.name, parameter.name);
    CompileError::new(node.span, message)
}

/// Returns the error for a list where one value is required.
pub(super) fn list_for_one(who: &str, node: &ProgramNode) -> CompileError {
    CompileError::new(node.span, format!("{who} needs one value here, and this is a list"))
        .hint("choose one with `Item`, or put them together with `Join`")
}

/// Returns the result type of a call, as far as the arguments determine it.
pub(super) fn result_type(
    signature: &FunctionSignature,
    arguments: &[Option<ProgramNode>],
) -> ExpressionType {
    if signature.result != ExpressionType::Any {
        return signature.result;
    }
    match signature.function {
        Function::Iif => common_type(arguments.iter().skip(1)),
        Function::Coalesce | Function::IgnoreFlowIfNullOrEmpty | Function::Redact => {
            common_type(arguments.iter())
        }
        Function::Switch => {
            let values = arguments.iter().skip(1).enumerate().filter(|(i, _)| i % 2 == 0);
            common_type(values.map(|(_, value)| value))
        }
        _ => {
            let mapped =
                signature.parameters.iter().position(|parameter| parameter.kind == ArgumentKind::Texts);
            match mapped.and_then(|position| arguments.get(position)?.as_ref()) {
                Some(ProgramNode { result: ExpressionType::List, .. }) => ExpressionType::List,
                Some(ProgramNode { result: ExpressionType::Any, .. }) | None => ExpressionType::Any,
                Some(_) => ExpressionType::Text,
            }
        }
    }
}

/// Returns the type that all values share. Holes and keywords have no value and do not count.
fn common_type<'n>(nodes: impl Iterator<Item = &'n Option<ProgramNode>>) -> ExpressionType {
    let mut common = None;
    let flowing = nodes
        .flatten()
        .filter(|node| !matches!(node.kind, NodeKind::IgnoreAttribute | NodeKind::IgnoreObject));
    for node in flowing {
        match common {
            None => common = Some(node.result),
            Some(known) if known == node.result => {}
            Some(_) => return ExpressionType::Any,
        }
    }
    common.unwrap_or(ExpressionType::Any)
}
