//! The mapping expressions of Microsoft Entra: `Join(" ", [givenName], [surname])`.
//!
//! [`Expression::compile`] reads the text, checks names, counts and types, and prepares constants and regular
//! expressions. [`Expression::evaluate`] then computes a value from the attributes of one person. It is total:
//! any text compiles or results in a [`CompileError`], and any source evaluates or results in an [`EvalError`].
//!
//! The crate performs no I/O, reads no clock and draws no random numbers of its own (both come in with the
//! [`EvaluationEnvironment`]). It never panics, and no regular expression takes more than linear time.
//!
//! To add a function: 1. add a variant and its signature in `function.rs` and `function/table.rs`; 2. implement
//! it in `evaluate/call.rs`, with the work itself in `library/`; 3. add vectors to `tests/vectors/` and a row
//! to the language guide.

pub mod eval_lines;

mod compile;
mod environment;
mod error;
mod evaluate;
mod explain;
mod expression;
mod function;
mod library;
mod outcome;
mod pattern;
mod program;
mod syntax;
mod value;

pub use environment::{AttributeSource, EvaluationEnvironment, RandomSeed};
pub use error::{CompileError, EvalError, SourceSpan};
pub use explain::Explanation;
pub use expression::Expression;
pub use function::list_functions;
pub use library::dates::{ParsedDate, read_date};
pub use pattern::{PatternError, PatternMatcher};
pub use value::{ExpressionType, MappingEffect, Value};

/// The maximum length of an expression, in characters (the limit of Entra's attribute mappings).
pub const MAX_EXPRESSION_CHARS: usize = 10_000;
/// The maximum nesting depth of calls.
pub const MAX_DEPTH: usize = 64;
/// The maximum length of a text that a function may produce, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// The maximum number of values in a list.
pub const MAX_LIST_VALUES: usize = 10_000;
