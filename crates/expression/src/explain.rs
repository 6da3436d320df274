//! Explanations of values: the tree of sub-results.

use crate::error::SourceSpan;
use crate::function::Function;
use crate::outcome::{EvaluationResult, EvaluationStop};
use crate::program::{FunctionCall, NodeKind, ProgramNode};
use crate::value::{MappingEffect, Value};
use serde::Serialize;
use serde_json::Value as Json;

/// The placeholder for a value that must not be shown.
pub(crate) const REDACTED: &str = "[Redact]";
/// The placeholder for values after [`MAX_SHOWN_BYTES`] are used up.
const TOO_LONG: &str = "[too long to show]";
/// The maximum total size of the values in one explanation, in bytes. Each part shows its value, and values can be long.
const MAX_SHOWN_BYTES: usize = 4 << 20;

/// One part of an expression with its result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The part as written.
    pub text: String,
    /// The position of the part.
    pub span: SourceSpan,
    /// The value, as [`crate::MappingEffect::to_json`] prints it; absent if the part failed. `[Redact]`
    /// if it depends on a redacted value; `[too long to show]` after some megabytes of other values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// The reason why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The parts that were evaluated, in order of evaluation. A branch that was not taken is not among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Explanation>,
}

/// Collects sub-results during an evaluation.
pub(crate) struct EvaluationTrace<'a> {
    text: &'a str,
    /// The parts under evaluation, outermost first. Below them is one frame that collects the whole.
    frames: Vec<TraceFrame>,
    shown_bytes: usize,
}

/// The recorded parts of one part that is under evaluation.
#[derive(Default)]
struct TraceFrame {
    parts: Vec<Explanation>,
    redacted: bool,
}

impl<'a> EvaluationTrace<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, frames: vec![TraceFrame::default()], shown_bytes: 0 }
    }

    /// Starts the record of a part.
    pub(crate) fn enter(&mut self) {
        self.frames.push(TraceFrame::default());
    }

    /// Ends the record of a part with its outcome. A redacted value hides all parts that contain it.
    pub(crate) fn leave(&mut self, node: &ProgramNode, outcome: &EvaluationResult<Value<'_>>) {
        let Some(mut frame) = self.frames.pop() else { return };
        if matches!(&node.kind, NodeKind::Call(FunctionCall { function: Function::Redact, .. })) {
            frame.redacted = true;
            frame.parts.clear();
        }
        let (value, error) = match outcome {
            Ok(value) => (Some(self.show(value)), None),
            Err(EvaluationStop::IgnoreAttribute) => (Some(MappingEffect::IgnoreAttribute.to_json()), None),
            Err(EvaluationStop::IgnoreObject) => (Some(MappingEffect::IgnoreObject.to_json()), None),
            Err(EvaluationStop::Escrow) => (Some(MappingEffect::Escrow.to_json()), None),
            Err(EvaluationStop::Error(error)) => (None, Some(error.message.clone())),
        };
        let hide = |shown: Json| if frame.redacted { Json::from(REDACTED) } else { shown };
        let explanation = Explanation {
            text: self.text.get(node.span.start..node.span.end).unwrap_or_default().to_owned(),
            span: node.span,
            value: value.map(hide),
            error: error.map(|error| if frame.redacted { REDACTED.to_owned() } else { error }),
            parts: frame.parts,
        };
        if let Some(parent) = self.frames.last_mut() {
            parent.redacted |= frame.redacted;
            parent.parts.push(explanation);
        }
    }

    fn show(&mut self, value: &Value<'_>) -> Json {
        let shown = self.shown_bytes.saturating_add(value_bytes(value));
        if shown > MAX_SHOWN_BYTES {
            return Json::from(TOO_LONG);
        }
        self.shown_bytes = shown;
        value.to_json()
    }

    /// Returns the explanation of the outermost part.
    pub(crate) fn finish(mut self) -> Explanation {
        let whole = self.frames.pop().and_then(|mut frame| frame.parts.pop());
        whole.unwrap_or_else(|| Explanation {
            text: self.text.to_owned(),
            span: SourceSpan::new(0, self.text.len()),
            value: None,
            error: None,
            parts: Vec::new(),
        })
    }
}

fn value_bytes(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::List(values) => values.iter().map(value_bytes).sum(),
        Value::Null | Value::Integer(_) | Value::Boolean(_) | Value::Date(_) => size_of::<Value<'_>>(),
    }
}
