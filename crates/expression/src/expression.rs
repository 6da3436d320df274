//! The compiled expression: the door of the crate.

use crate::compile::{CompiledProgram, compile_text};
use crate::evaluate::{EvaluationStop, Evaluator};
use crate::explain::EvaluationTrace;
use crate::{
    AttributeSource, CompileError, EvalError, EvaluationEnvironment, Explanation, ExpressionType,
    MappingEffect,
};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// A compiled expression; clones share it. Two expressions are equal if they print alike.
#[derive(Clone)]
pub struct Expression(Arc<ExpressionInner>);

struct ExpressionInner {
    text: String,
    program: CompiledProgram,
}

impl Expression {
    /// Reads and checks an expression of at most [`crate::MAX_EXPRESSION_CHARS`] characters and
    /// [`crate::MAX_DEPTH`] nested calls. The limit is about the text as written: the normal form can be longer, so keep
    /// [`Expression::text`] rather than what is printed.
    pub fn compile(text: &str) -> Result<Expression, CompileError> {
        Ok(Self(Arc::new(ExpressionInner { text: text.to_owned(), program: compile_text(text)? })))
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The source attributes it looks at, first use first, without duplicates.
    pub fn attributes(&self) -> &[String] {
        &self.0.program.attributes
    }

    /// The type of the value it gives, as far as it is known.
    pub fn result_type(&self) -> ExpressionType {
        self.0.program.root.result
    }

    /// Whether the time alone can change the value (`Now`).
    pub fn uses_now(&self) -> bool {
        self.0.program.uses_now
    }

    /// Whether the value depends on the seed (`Guid`, `RandomString`).
    pub fn uses_random(&self) -> bool {
        self.0.program.uses_random
    }

    /// Whether the value depends on what other accounts have (`SelectUniqueValue`).
    pub fn needs_uniqueness(&self) -> bool {
        self.0.program.needs_uniqueness
    }

    /// How large its regular expressions are together: about the number of states of their programs. A weight of a million
    /// takes a second and 20 MB to compile.
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

    /// Computes the value and says how every part of it came about.
    pub fn explain(&self, source: &dyn AttributeSource, env: &EvaluationEnvironment<'_>) -> Explanation {
        let trace = RefCell::new(EvaluationTrace::new(self.text()));
        let evaluator = Evaluator { source, env, trace: Some(trace), for_message: Cell::default() };
        // What came of it stands in the trace.
        let _ = evaluator.value(&self.0.program.root);
        evaluator.trace.map_or_else(|| EvaluationTrace::new(self.text()), RefCell::into_inner).finish()
    }
}

/// The normal form, as Entra prints it: `Fn(a, b, , "x")`.
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
