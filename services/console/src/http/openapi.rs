//! The OpenAPI document, generated from the routes.

use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Usher operator API",
        description = "Timelines of people, dead letters and replays, held changes, policies and plans, and \
                       provisioning on demand. Errors are RFC 9457 problem documents with a stable `code` and the \
                       request's id: `mapper_not_running` and `writer_not_running` if the required service is \
                       down, `refused` if it refuses the request."
    ),
    modifiers(&OperatorToken),
    security(("operator" = []))
)]
struct ApiDocument;

struct OperatorToken;

impl Modify for OperatorToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("operator", SecurityScheme::Http(bearer));
    }
}

/// Returns the document without paths, to which the router adds those of its routes.
pub(super) fn empty_document() -> utoipa::openapi::OpenApi {
    ApiDocument::openapi()
}

/// Returns the document as it is served: links of the code's documentation are shown as plain names.
pub(super) fn finish_document(document: utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    unlink_descriptions(&mut document);
    document
}

/// Replaces links like [`Name`] in descriptions, which mean nothing outside of the code, by the name.
fn unlink_descriptions(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" => {
                        *text = text.replace("[`", "`").replace("`]", "`");
                    }
                    other => unlink_descriptions(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unlink_descriptions),
        _ => {}
    }
}
