//! The mapping expressions of Microsoft Entra: `Join(" ", [givenName], [surname])`.
//!
//! [`Expression::compile`] reads the text, checks names, counts and types, and prepares constants and regular
//! expressions. [`Expression::evaluate`] then computes a value from the attributes of one person. It is total:
//! any text compiles or gives a [`CompileError`], any source evaluates or gives an [`EvalError`].
//!
//! What it never does: I/O, reading a clock, drawing random numbers of its own (both come in with the
//! [`EvaluationEnvironment`]), panicking, or taking more than linear time for a regular expression.
//!
//! To add a function: 1. add a variant and its signature in `function.rs` and `function/table.rs`; 2. give it a
//! meaning in `evaluate/call.rs`, with the work itself in `library/`; 3. add vectors to `tests/vectors/` and a row
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

/// Longest expression, in characters (the limit of Entra's attribute mappings).
pub const MAX_EXPRESSION_CHARS: usize = 10_000;
/// Deepest nesting of calls.
pub const MAX_DEPTH: usize = 64;
/// Longest text that a function may produce, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// Most values that a list may hold.
pub const MAX_LIST_VALUES: usize = 10_000;
