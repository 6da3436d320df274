//! Filters for lookups. They are built as a tree, so that no value can break out of its quotes.

use scim_v2::filter::{AttrExp, AttrPath, CompareOp, Filter, ValuePath};

use crate::path::{AttributePath, PathError};

/// Returns the filter `path eq "value"`.
pub(crate) fn equals_filter(path: &str, value: &str) -> Result<Filter, PathError> {
    let path = AttributePath::parse(path)?;
    let compare = |attr: AttrPath| AttrExp::Comparison(attr, CompareOp::Eq, value.into());
    if path.element.is_empty() {
        return Ok(Filter::Attr(compare(path.attr())));
    }
    // The grammar has no sub-attribute after the bracket of a filter,
    // so the result is `emails[type eq "work" and value eq "x"]`.
    let sub = AttrPath::with_name(path.sub.as_deref().unwrap_or("value"));
    let filter = path.conditions(Some(compare(sub))).expect("there is at least the comparison");
    Ok(Filter::ValuePath(ValuePath { attr: path.base().attr(), filter: Box::new(filter) }))
}

/// Returns a filter for any of `terms`; `None` if there are no terms.
pub(crate) fn any_of(terms: &[(&str, &str)]) -> Result<Option<Filter>, PathError> {
    let filters: Vec<Filter> =
        terms.iter().map(|(path, value)| equals_filter(path, value)).collect::<Result<_, _>>()?;
    Ok(Filter::any(filters))
}

/// Returns a filter for the group `id`, if the account `member` is in it. `attribute` is the attribute of its members.
pub(crate) fn with_member(id: &str, attribute: &str, member: &str) -> Result<String, PathError> {
    Ok(format!("{} and {}", equals_filter("id", id)?, equals_filter(attribute, member)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(
            equals_filter("userName", r#"O"Br\ien"#).unwrap().to_string(),
            r#"userName eq "O\"Br\\ien""#
        );
    }

    #[test]
    fn an_element_is_compared_inside_its_brackets() {
        let filter = equals_filter(r#"emails[type eq "work"].value"#, "a@b").unwrap();
        assert_eq!(filter.to_string(), r#"emails[type eq "work" and value eq "a@b"]"#);
    }

    #[test]
    fn several_terms_are_joined_by_or() {
        let filter = any_of(&[("externalId", "1"), ("userName", "a")]).unwrap().unwrap();
        assert_eq!(filter.to_string(), r#"externalId eq "1" or userName eq "a""#);
        assert!(any_of(&[]).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn any_value_is_read_back_by_the_parser_as_it_was_given(value in ".*") {
            let filter = equals_filter("userName", &value).unwrap();
            prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
        }
    }
}
