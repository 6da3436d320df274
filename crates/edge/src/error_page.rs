//! The page of an error code: the address that the `type` of a problem refers to.

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::codes::CODES;
use crate::{PROBLEM_JSON, Problem};

/// Explains an error code
///
/// The `type` of a problem document is the address of this page.
#[utoipa::path(
    get,
    path = "/v1/errors/{code}",
    params(("code" = String, Path, description = "the `code` of a problem document")),
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "the HTTP status, the meaning and the remedy"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "no such code"),
    ),
    security(())
)]
pub async fn show_error_code(Path(code): Path<String>) -> Result<Response, Problem> {
    let known = CODES.iter().find(|(known, _, _)| *known == code);
    let (code, status, meaning) =
        known.ok_or_else(|| Problem::not_found("there is no such error code; docs/errors.md lists them"))?;
    let text = format!("{code} (HTTP status {status})\n\n{meaning}\n");
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_type_of_every_problem_is_the_address_of_a_page_that_explains_it() {
        for (code, status, meaning) in CODES {
            let status = axum::http::StatusCode::from_u16(*status).unwrap();
            let problem = Problem::new(status, code, "this time");
            let document: serde_json::Value = serde_json::from_slice(&problem.body()).unwrap();
            let address = document["type"].as_str().unwrap();
            assert_eq!(address, format!("/v1/errors/{code}"));
            let page = show_error_code(Path((*code).to_owned())).await.unwrap();
            let text = axum::body::to_bytes(page.into_body(), 10_000).await.unwrap();
            assert!(String::from_utf8_lossy(&text).contains(meaning), "{code}");
        }
        assert_eq!(show_error_code(Path("nonsense".to_owned())).await.unwrap_err().code(), "not_found");
    }
}
