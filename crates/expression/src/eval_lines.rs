//! Evaluates JSON lines to JSON lines. Users and conformance checks try expressions with it.
//!
//! Input: `{"expression": "...", "source": {...}, "now": "RFC 3339", "existing": ["..."], "explain": true}`. Only `expression`
//! is required. Members that a file of test cases adds (`id`, `note`, `kind`, `expected`, `corrected`, ...) are ignored, so
//! that the file can be used unchanged.
//!
//! Output: `{"value": ...}` or `{"error": {"message": "...", "span": {"start", "end"} or null, "hint": "..."}}`. With `explain`,
//! either one also has an `explanation`: a tree of `text`, `value` (or `error`) and `parts`.

use crate::{EvaluationEnvironment, Expression, RandomSeed, SourceSpan};
use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The maximum length of an input line, in bytes.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// The result of `DefaultDomain()` if there is no target.
pub const EXAMPLE_DOMAIN: &str = "example.com";

/// Evaluates one line and returns one line without a line feed. `clock` is the result of `Now()` unless the line
/// has a `now`; `seed` determines random values. It never panics: every problem with the line becomes an `error`.
pub fn evaluate_line(input: &str, clock: OffsetDateTime, seed: RandomSeed) -> String {
    match EvalRequest::read(input, clock) {
        Ok(request) => request.answer(seed).to_string(),
        Err(message) => error_line(&message, None, None).to_string(),
    }
}

/// One parsed input line.
struct EvalRequest {
    expression: String,
    source: Map<String, Json>,
    now: OffsetDateTime,
    existing: Vec<String>,
    explain: bool,
}

/// Members that are for human readers only.
const PASSED_OVER: [&str; 11] = [
    "id",
    "note",
    "kind",
    "expected",
    "corrected",
    "expected_pattern",
    "patterns",
    "fn",
    "doc",
    "table",
    "log_value",
];

impl EvalRequest {
    /// Parses a line. The error is a message.
    fn read(input: &str, clock: OffsetDateTime) -> Result<Self, String> {
        if input.len() > MAX_LINE_BYTES {
            return Err(format!("a line has at most {MAX_LINE_BYTES} bytes"));
        }
        // A file may begin with a byte order mark.
        let input = input.strip_prefix('\u{feff}').unwrap_or(input);
        let json = serde_json::from_str(input).map_err(|error| {
            let message = error.to_string();
            let what = message.split(" at line ").next().unwrap_or(&message);
            format!("the line is not JSON: {what} at column {}", error.column())
        })?;
        let Json::Object(members) = json else { return Err("the line is not a JSON object".to_owned()) };
        let mut expression = None;
        let mut request = Self {
            expression: String::new(),
            source: Map::new(),
            now: clock,
            existing: Vec::new(),
            explain: false,
        };
        for (name, value) in members {
            match (name.as_str(), value) {
                ("expression", Json::String(text)) => expression = Some(text),
                ("expression", _) => return Err("`expression` is not a string".to_owned()),
                ("source", Json::Object(source)) => request.source = source,
                ("source", Json::Null) | ("now", Json::Null) | ("existing", Json::Null) => {}
                ("source", _) => return Err("`source` is not an object".to_owned()),
                ("now", value) => request.now = parse_moment(&value)?,
                ("existing", value) => request.existing = parse_texts(value)?,
                ("explain", Json::Bool(explain)) => request.explain = explain,
                ("explain", _) => return Err("`explain` is neither true nor false".to_owned()),
                (name, _) if PASSED_OVER.contains(&name) => {}
                _ => return Err(format!("unknown member `{name}`")),
            }
        }
        request.expression = expression.ok_or("`expression` is missing")?;
        Ok(request)
    }

    /// Compiles and evaluates the expression of the line.
    fn answer(&self, seed: RandomSeed) -> Json {
        let expression = match Expression::compile(&self.expression) {
            Ok(expression) => expression,
            Err(failed) => return error_line(&failed.message, Some(failed.span), failed.hint.as_deref()),
        };
        let is_taken = |value: &str| self.existing.iter().any(|taken| taken == value);
        let environment = EvaluationEnvironment {
            now: self.now,
            seed,
            is_taken: &is_taken,
            default_domain: Some(EXAMPLE_DOMAIN),
        };
        let mut answer = match expression.evaluate(&self.source, &environment) {
            Ok(flow) => json!({ "value": flow.to_json() }),
            Err(failed) => error_line(&failed.message, Some(failed.span), None),
        };
        if self.explain {
            answer["explanation"] = json!(expression.explain(&self.source, &environment));
        }
        answer
    }
}

fn parse_moment(value: &Json) -> Result<OffsetDateTime, String> {
    value
        .as_str()
        .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
        .ok_or_else(|| "`now` is not a moment as in RFC 3339".to_owned())
}

fn parse_texts(value: Json) -> Result<Vec<String>, String> {
    serde_json::from_value(value).map_err(|_| "`existing` is not an array of strings".to_owned())
}

fn error_line(message: &str, span: Option<SourceSpan>, hint: Option<&str>) -> Json {
    let mut error = json!({ "message": message, "span": span });
    if let (Some(hint), Some(members)) = (hint, error.as_object_mut()) {
        members.insert("hint".to_owned(), hint.into());
    }
    json!({ "error": error })
}
