//! The parameters of a list request, from a query string or a SearchRequest.

use serde_json::Value;

use crate::{AnswerProjection, ResourceType, ScimAttributePath, ScimFilter, ScimServiceError, get_value};

/// The number of resources on a page if the client does not specify it.
pub const PAGE_DEFAULT: usize = 100;
/// The maximum number of resources on a page.
pub const PAGE_MAX: usize = 1_000;

/// The parameters of a list request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListQuery {
    /// The filter on the resources.
    pub filter: Option<ScimFilter>,
    /// The index of the first resource on the page, from 1.
    pub start_index: usize,
    /// The maximum number of resources on the page.
    pub count: usize,
    /// The attribute to sort by.
    pub sort_by: Option<ScimAttributePath>,
    /// `true` for descending order.
    pub descending: bool,
    /// The attributes that are shown.
    pub projection: AnswerProjection,
}

impl ListQuery {
    /// Reads the parameters of a query string.
    ///
    /// # Errors
    /// Fails if a parameter is not valid. Unknown parameters, such as `aadOptscim062020`, are ignored.
    pub fn from_pairs<'a>(
        kind: ResourceType,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ScimServiceError> {
        let mut raw = RawQuery::default();
        for (name, value) in pairs {
            raw.set(name, value);
        }
        raw.read(kind)
    }

    /// Reads the body of `POST .search`.
    ///
    /// # Errors
    /// Fails if it is not a SearchRequest.
    pub fn from_search(kind: ResourceType, body: &Value) -> Result<Self, ScimServiceError> {
        let body =
            body.as_object().ok_or_else(|| ScimServiceError::invalid_syntax("the body must be an object"))?;
        let mut raw = RawQuery::default();
        for (name, value) in body {
            match value {
                Value::String(text) => raw.set(name, text),
                Value::Number(number) => raw.set(name, &number.to_string()),
                Value::Array(list) => {
                    let names: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                    raw.set(name, &names.join(","));
                }
                _ => {}
            }
        }
        if get_value(body, "filter").is_some_and(|filter| !filter.is_string() && !filter.is_null()) {
            return Err(ScimServiceError::invalid_filter("`filter` must be a text"));
        }
        raw.read(kind)
    }
}

/// The parameters as text, before they are parsed.
#[derive(Default)]
struct RawQuery {
    filter: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    attributes: Option<String>,
    excluded: Option<String>,
}

impl RawQuery {
    fn set(&mut self, name: &str, value: &str) {
        let field = match name.to_ascii_lowercase().as_str() {
            "filter" => &mut self.filter,
            "startindex" => &mut self.start_index,
            "count" => &mut self.count,
            "sortby" => &mut self.sort_by,
            "sortorder" => &mut self.sort_order,
            "attributes" => &mut self.attributes,
            "excludedattributes" => &mut self.excluded,
            _ => return,
        };
        *field = Some(value.to_owned()).filter(|value| !value.trim().is_empty());
    }

    /// Parses the parameters.
    fn read(self, kind: ResourceType) -> Result<ListQuery, ScimServiceError> {
        let filter = self.filter.as_deref().map(|filter| ScimFilter::parse(kind, filter)).transpose()?;
        let start_index = query_number("startIndex", self.start_index.as_deref())?.unwrap_or(1).max(1);
        let count = query_number("count", self.count.as_deref())?.unwrap_or(PAGE_DEFAULT as i64).max(0);
        let sort_by = self.sort_by.as_deref().map(|path| ScimAttributePath::parse(kind, path)).transpose()?;
        let order = self.sort_order.as_deref().unwrap_or("ascending");
        let descending = order.eq_ignore_ascii_case("descending");
        if !descending && !order.eq_ignore_ascii_case("ascending") {
            return Err(ScimServiceError::invalid_value("`sortOrder` must be ascending or descending"));
        }
        Ok(ListQuery {
            filter,
            start_index: usize::try_from(start_index).unwrap_or(usize::MAX),
            count: usize::try_from(count).unwrap_or(PAGE_MAX).min(PAGE_MAX),
            sort_by,
            descending,
            projection: AnswerProjection::parse(kind, self.attributes.as_deref(), self.excluded.as_deref())?,
        })
    }
}

fn query_number(name: &str, text: Option<&str>) -> Result<Option<i64>, ScimServiceError> {
    let wrong = |_| ScimServiceError::invalid_value(format!("`{name}` must be a whole number"));
    text.map(|text| text.trim().parse().map_err(wrong)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn query(pairs: &[(&str, &str)]) -> Result<ListQuery, ScimServiceError> {
        ListQuery::from_pairs(ResourceType::User, pairs.iter().copied())
    }

    #[test]
    fn pages_begin_at_one_and_are_bounded() {
        let page = |pairs: &[(&str, &str)]| {
            let query = query(pairs).unwrap();
            (query.start_index, query.count)
        };
        assert_eq!(page(&[]), (1, PAGE_DEFAULT));
        assert_eq!(page(&[("startIndex", "0"), ("count", "-1")]), (1, 0));
        assert_eq!(page(&[("STARTINDEX", "7"), ("count", "99999")]), (7, PAGE_MAX));
        assert_eq!(query(&[("count", "x")]).unwrap_err().scim_type, Some("invalidValue"));
        assert_eq!(page(&[("aadOptscim062020", "")]), (1, PAGE_DEFAULT));
    }

    #[test]
    fn a_search_says_the_same_as_a_query_string() {
        let body = json!({"filter": "userName eq \"a\"", "startIndex": 2, "count": 3, "attributes": ["userName", "id"],
            "sortBy": "name.familyName", "sortOrder": "descending"});
        let pairs = [
            ("filter", "userName eq \"a\""),
            ("startIndex", "2"),
            ("count", "3"),
            ("attributes", "userName,id"),
            ("sortBy", "name.familyName"),
            ("sortOrder", "Descending"),
        ];
        assert_eq!(ListQuery::from_search(ResourceType::User, &body).unwrap(), query(&pairs).unwrap());
        assert!(ListQuery::from_search(ResourceType::User, &json!([])).is_err());
        assert_eq!(
            ListQuery::from_search(ResourceType::User, &json!({"filter": 1})).unwrap_err().scim_type,
            Some("invalidFilter")
        );
    }
}
