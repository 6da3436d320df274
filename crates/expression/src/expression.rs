//! The compiled expression, which is the main type of the crate.

use crate::compile::{CompiledProgram, compile_text};
use crate::evaluate::Evaluator;
use crate::explain::EvaluationTrace;
use crate::outcome::EvaluationStop;
use crate::{
    AttributeSource, CompileError, EvalError, EvaluationEnvironment, Explanation, ExpressionType,
    MappingEffect,
};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// A compiled expression. Clones share it. Two expressions are equal if their normal forms are equal.
#[derive(Clone)]
pub struct Expression(Arc<ExpressionInner>);

/// The data that clones of an expression share.
struct ExpressionInner {
    text: String,
    program: CompiledProgram,
}

impl Expression {
    /// Parses and checks an expression of at most [`crate::MAX_EXPRESSION_CHARS`] characters
    /// and [`crate::MAX_DEPTH`] nested calls. The limit applies to the text as written. The
    /// normal form can be longer, so store [`Expression::text`] rather than the printed form.
    pub fn compile(text: &str) -> Result<Expression, CompileError> {
        Ok(Self(Arc::new(ExpressionInner { text: text.to_owned(), program: compile_text(text)? })))
    }

    /// Returns the text as written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns the names of the source attributes that it uses, in order of first use, without duplicates.
    pub fn attributes(&self) -> &[String] {
        &self.0.program.attributes
    }

    /// Returns the type of the value, as far as it is known.
    pub fn result_type(&self) -> ExpressionType {
        self.0.program.root.result
    }

    /// Returns `true` if the value can change with time alone (`Now`).
    pub fn uses_now(&self) -> bool {
        self.0.program.uses_now
    }

    /// Returns `true` if the value depends on the seed (`Guid`, `RandomString`).
    pub fn uses_random(&self) -> bool {
        self.0.program.uses_random
    }

    /// Returns `true` if the value depends on the values of other accounts (`SelectUniqueValue`).
    pub fn needs_uniqueness(&self) -> bool {
        self.0.program.needs_uniqueness
    }

    /// Returns the total size of its regular expressions: about the number of states
    /// of their programs. A weight of a million takes a second and 20 MB to compile.
    pub fn pattern_weight(&self) -> u64 {
        self.0.program.pattern_weight
    }

    /// Computes the value for one source.
    pub fn evaluate<'a>(
        &'a self,
        source: &'a dyn AttributeSource,
        env: &EvaluationEnvironment<'_>,
    ) -> Result<MappingEffect<'a>, EvalError> {
        let evaluator = Evaluator { source, env, trace: None, for_message: Cell::default() };
        match evaluator.value(&self.0.program.root) {
            Ok(value) => Ok(MappingEffect::Value(value)),
            Err(EvaluationStop::IgnoreAttribute) => Ok(MappingEffect::IgnoreAttribute),
            Err(EvaluationStop::IgnoreObject) => Ok(MappingEffect::IgnoreObject),
            Err(EvaluationStop::Escrow) => Ok(MappingEffect::Escrow),
            Err(EvaluationStop::Error(error)) => Err(error),
        }
    }

    /// Computes the value and returns the result of each part.
    pub fn explain(&self, source: &dyn AttributeSource, env: &EvaluationEnvironment<'_>) -> Explanation {
        let trace = RefCell::new(EvaluationTrace::new(self.text()));
        let evaluator = Evaluator { source, env, trace: Some(trace), for_message: Cell::default() };
        // The trace contains the result.
        let _ = evaluator.value(&self.0.program.root);
        evaluator.trace.map_or_else(|| EvaluationTrace::new(self.text()), RefCell::into_inner).finish()
    }
}

/// Prints the normal form, in the notation of Entra: `Fn(a, b, , "x")`.
impl std::fmt::Display for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.program.canonical)
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expression({self})")
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.program.canonical == other.0.program.canonical
    }
}

impl Eq for Expression {}
