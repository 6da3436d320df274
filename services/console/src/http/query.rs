//! Query parameters.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use edge::Problem;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::problem::invalid_one;
use crate::read::{PAGE_MAX, PageCursor, PageRequest};

/// Default number of rows per page.
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
    /// Maximum number of rows: 1 to 1,000, 100 by default. A page may have fewer although there are more.
    limit: Option<u64>,
    /// `nextCursor` of the previous page.
    cursor: Option<String>,
}

impl PageQuery {
    /// Returns the page of a list of the read model.
    pub(super) fn page(&self) -> Result<PageRequest, Problem> {
        Ok(PageRequest { limit: self.limit()?, after: self.after(PageCursor::parse)? })
    }

    /// Returns the maximum number of rows.
    pub(super) fn limit(&self) -> Result<u64, Problem> {
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(invalid_one("query:limit", format!("must be 1 to {PAGE_MAX}")));
        }
        Ok(limit)
    }

    /// Parses the cursor.
    pub(super) fn after<T>(&self, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let wrong = || invalid_one("query:cursor", "must be the `nextCursor` of the previous page");
        self.cursor.as_deref().map(|text| parse(text).ok_or_else(wrong)).transpose()
    }

    /// Returns the cursor as it is, for a service that parses it.
    pub(super) fn into_cursor(self) -> Option<String> {
        self.cursor
    }
}
