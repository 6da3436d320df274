//! Query parameters.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use edge::Problem;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::problem::invalid_one;
use crate::read::{PAGE_MAX, PageCursor, PageRequest};

const PAGE_DEFAULT: u64 = 100;

/// Query parameters of type `T`. A parameter that does not fit is a problem.
pub(super) struct CheckedQuery<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for CheckedQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query.map(|query| Self(query.0)).map_err(|error| invalid_one("query", error.body_text()))
    }
}

/// Page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Maximum number of rows: 1 to 500, 100 by default.
    limit: Option<u64>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

impl PageQuery {
    pub(super) fn page(&self) -> Result<PageRequest, Problem> {
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(invalid_one("query:limit", format!("must be 1 to {PAGE_MAX}")));
        }
        let cursor = |text: &String| {
            let wrong = "must be the `next_cursor` of the page before";
            PageCursor::parse(text).ok_or_else(|| invalid_one("query:cursor", wrong))
        };
        Ok(PageRequest { limit, after: self.cursor.as_ref().map(cursor).transpose()? })
    }
}
