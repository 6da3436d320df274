//! Bodies that are JSON and do not have the expected shape: the place and the expectation, without the value.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::{FieldErrors, JsonPointer, Problem};

/// Converts JSON to the type of a request.
///
/// # Errors
/// Returns 422 with the place that does not fit.
pub(crate) fn convert_body<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (field, detail) = explain_misfit(&error.inner().to_string());
        let mut pointer = pointer_to(error.path());
        if let Some(field) = field {
            pointer = pointer.key(&field);
        }
        let mut errors = FieldErrors::default();
        errors.add(pointer, detail);
        Problem::invalid("the body does not fit", errors)
    })
}

fn pointer_to(path: &Path) -> JsonPointer {
    let mut pointer = JsonPointer::root();
    for segment in path {
        pointer = match segment {
            Segment::Seq { index } => pointer.index(*index),
            Segment::Map { key } => pointer.key(key),
            Segment::Enum { variant } => pointer.key(variant),
            Segment::Unknown => return pointer,
        };
    }
    pointer
}

/// Returns the name of the field that is missing, if one is, and the expectation. The deserializer's own text may quote
/// the value.
fn explain_misfit(text: &str) -> (Option<String>, String) {
    if let Some(field) = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return (Some(field.to_owned()), "is required".to_owned());
    }
    // The expectation comes last: a value that contains the same words stands before it.
    let expected = text.rsplit_once(", expected ").map(|(_, expected)| plain_expectation(expected));
    let detail = match expected {
        Some(known) if text.starts_with("unknown field ") => {
            format!("is not a known field; expected {known}")
        }
        Some(known) if text.starts_with("unknown variant ") => format!("must be {known}"),
        Some(expected) if text.starts_with("invalid ") => format!("must be {expected}"),
        _ if text.starts_with("unknown field ") => {
            "is not a known field; there are no fields here".to_owned()
        }
        _ if text.starts_with("duplicate field ") => "is given twice".to_owned(),
        _ => "does not have the expected form".to_owned(),
    };
    (None, detail)
}

/// Returns the expectation in the words of JSON.
fn plain_expectation(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list",
        "a map" => "an object",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct OuterBody {
        #[serde(default)]
        #[expect(dead_code, reason = "only its shape is used")]
        list: Vec<InnerBody>,
        #[expect(dead_code, reason = "only its shape is used")]
        why_so: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct InnerBody {
        #[expect(dead_code, reason = "only its shape is used")]
        number: u8,
        #[serde(default)]
        #[expect(dead_code, reason = "only its shape is used")]
        color: Option<BodyColor>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum BodyColor {
        Red,
        Blue,
    }

    const WHOLE: &str = "must be a whole number that is not negative";

    #[test]
    fn what_does_not_fit_has_its_pointer_and_no_value() {
        for (body, pointer, detail) in [
            (
                json!({"whySo": "", "a/b~": "secret"}),
                "/a~1b~0",
                "is not a known field; expected `list` or `whySo`",
            ),
            (
                json!({"whySo": "", "list": [{"number": 1}, {"number": 1, "x": "secret"}]}),
                "/list/1/x",
                "is not a known field; expected `number` or `color`",
            ),
            (json!({"list": []}), "/whySo", "is required"),
            (json!({"whySo": "", "list": [{}]}), "/list/0/number", "is required"),
            (json!({"whySo": {"a": "secret"}}), "/whySo", "must be a string"),
            (json!({"whySo": "", "list": [{"number": "secret, expected secret"}]}), "/list/0/number", WHOLE),
            (json!({"whySo": "", "list": [{"number": 300}]}), "/list/0/number", WHOLE),
            (
                json!({"whySo": "", "list": [{"number": 3, "color": "secret"}]}),
                "/list/0/color",
                "must be `red` or `blue`",
            ),
            (json!({"whySo": "", "list": "secret"}), "/list", "must be a list"),
            (json!("secret"), "", "must be an object"),
        ] {
            let problem = convert_body::<OuterBody>(body.clone()).unwrap_err();
            let error = &problem.errors()[0];
            assert_eq!((error.pointer.as_str(), error.detail.as_str()), (pointer, detail), "{body}");
            assert!(!problem.to_string().contains("secret"), "{problem}");
        }
    }
}
