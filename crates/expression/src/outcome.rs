//! The outcome of evaluating a part of a program.

use crate::error::{EvalError, SourceSpan};

/// The reason why there is no value.
#[derive(Debug)]
pub(crate) enum EvaluationStop {
    IgnoreAttribute,
    IgnoreObject,
    Escrow,
    Error(EvalError),
}

/// The result of evaluating a part.
pub(crate) type EvaluationResult<T> = Result<T, EvaluationStop>;

/// Returns an error at a span.
pub(crate) fn fail_at<T>(span: SourceSpan, message: impl Into<String>) -> EvaluationResult<T> {
    Err(EvaluationStop::Error(EvalError::new(span, message)))
}
