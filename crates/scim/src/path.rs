//! SCIM attribute paths: `userName`, `name.givenName`, `emails[type eq "work"].value`,
//! `urn:...:User:department`.

use scim_v2::filter::{
    AttrExp, AttrPath, CompValue, CompareOp, Operands, PatchPath, PatchValuePath, ValFilter,
};

use crate::ScimKind;

/// The URN of the extension with `department`, `manager` and similar attributes.
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The error for a text that is not a writable attribute path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not an attribute path that can be written: {why}")]
pub struct PathError {
    /// The rejected text.
    pub path: String,
    /// The reason why it is not valid.
    pub why: String,
}

/// Checks that `path` can be used as a key of attributes.
///
/// # Errors
/// Fails if the path does not follow the grammar of RFC 7644 section
/// 3.5.2, or selects elements by operators other than `eq` and `and`.
pub fn check_path(path: &str) -> Result<(), PathError> {
    AttributePath::parse(path).map(|_| ())
}

/// A value that selects an element of a multi-valued attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ValueSelector {
    Text(String),
    Flag(bool),
}

/// A parsed attribute path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AttributePath {
    /// The extension schema; `None` for the core schema.
    pub uri: Option<String>,
    pub name: String,
    /// The sub-attributes that select the element; empty if the path does not select an element.
    pub element: Vec<(String, ValueSelector)>,
    pub sub: Option<String>,
}

impl AttributePath {
    /// Parses a path of RFC 7644 section 3.5.2. Elements can only be selected by `eq` and `and`.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let refuse = |why: String| PathError { path: text.to_owned(), why };
        match text.parse::<PatchPath>().map_err(|e| refuse(e.to_string()))? {
            PatchPath::Attr(attr) => Ok(Self::from_attr(attr, Vec::new())),
            PatchPath::Value(value) => {
                let mut element = Vec::new();
                collect_filters(&value.filter, &mut element).map_err(|why| refuse(why.to_owned()))?;
                let mut path = Self::from_attr(value.attr, element);
                path.sub = value.sub_attr;
                Ok(path)
            }
        }
    }

    /// Parses like [`Self::parse`], but treats a text that is not a path as the
    /// name of a top-level attribute, so that the target can report the error.
    pub(crate) fn parse_or_literal(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self {
            uri: None,
            name: text.to_owned(),
            element: Vec::new(),
            sub: None,
        })
    }

    fn from_attr(attr: AttrPath, element: Vec<(String, ValueSelector)>) -> Self {
        let core = |uri: &String| {
            [ScimKind::User, ScimKind::Group].iter().any(|k| uri.eq_ignore_ascii_case(k.schema()))
        };
        Self { uri: attr.uri.filter(|uri| !core(uri)), name: attr.name, element, sub: attr.sub_attr }
    }

    /// Returns `true` if the value is the id of another resource, which is sent as `{"value": id}`.
    pub(crate) fn is_reference(&self) -> bool {
        self.name.eq_ignore_ascii_case("manager")
            && self.sub.is_none()
            && self.element.is_empty()
            && self.uri.as_deref().is_some_and(|uri| uri.eq_ignore_ascii_case(ENTERPRISE))
    }

    /// Returns `true` if the element is the one that applications use as *the* email address.
    pub(crate) fn is_primary_email(&self) -> bool {
        self.name.eq_ignore_ascii_case("emails")
            && matches!(self.element.as_slice(), [(name, ValueSelector::Text(value))]
                if name.eq_ignore_ascii_case("type") && value.eq_ignore_ascii_case("work"))
    }

    /// Returns the attribute without element and sub-attribute.
    pub(crate) fn base(&self) -> Self {
        Self { uri: self.uri.clone(), name: self.name.clone(), element: Vec::new(), sub: None }
    }

    /// Returns the element without sub-attribute.
    pub(crate) fn selector(&self) -> Self {
        Self { sub: None, ..self.clone() }
    }

    /// Returns the path in the form of scim_v2, for use in filters.
    pub(crate) fn attr(&self) -> AttrPath {
        AttrPath { uri: self.uri.clone(), name: self.name.clone(), sub_attr: self.sub.clone() }
    }

    /// Returns the conditions on the element, with `more` after them; `None` if there are no conditions.
    pub(crate) fn conditions(&self, more: Option<AttrExp>) -> Option<ValFilter> {
        let own = self.element.iter().map(|(name, value)| {
            let value = match value {
                ValueSelector::Text(text) => CompValue::Str(text.clone()),
                ValueSelector::Flag(true) => CompValue::True,
                ValueSelector::Flag(false) => CompValue::False,
            };
            AttrExp::Comparison(AttrPath::with_name(name), CompareOp::Eq, value)
        });
        let mut all: Vec<ValFilter> = own.chain(more).map(ValFilter::Attr).collect();
        match all.len() {
            0 | 1 => all.pop(),
            _ => Operands::new(all).ok().map(ValFilter::And),
        }
    }
}

impl std::fmt::Display for AttributePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.conditions(None) {
            None => write!(f, "{}", self.attr()),
            Some(filter) => {
                let attr = self.base().attr();
                write!(f, "{}", PatchValuePath { attr, filter, sub_attr: self.sub.clone() })
            }
        }
    }
}

/// Collects the conditions that select an element.
fn collect_filters(filter: &ValFilter, into: &mut Vec<(String, ValueSelector)>) -> Result<(), &'static str> {
    match filter {
        ValFilter::And(items) => items.as_slice().iter().try_for_each(|item| collect_filters(item, into)),
        ValFilter::Attr(AttrExp::Comparison(attr, CompareOp::Eq, value)) if attr.sub_attr.is_none() => {
            let flag = attr.name.eq_ignore_ascii_case("primary");
            let selector = match value {
                // Entra writes `primary eq "True"`, although the attribute is a boolean.
                CompValue::Str(text) if flag && text.eq_ignore_ascii_case("true") => {
                    ValueSelector::Flag(true)
                }
                CompValue::Str(text) if flag && text.eq_ignore_ascii_case("false") => {
                    ValueSelector::Flag(false)
                }
                CompValue::Str(text) => ValueSelector::Text(text.clone()),
                CompValue::True => ValueSelector::Flag(true),
                CompValue::False => ValueSelector::Flag(false),
                _ => return Err("an element is selected by a text or a boolean"),
            };
            into.push((attr.name.clone(), selector));
            Ok(())
        }
        _ => Err("an element is selected by `eq`, and several conditions by `and`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_of_every_form_print_as_they_were_read() {
        for text in [
            "userName",
            "name.givenName",
            r#"emails[type eq "work"].value"#,
            r#"addresses[type eq "work" and primary eq true].locality"#,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "urn:ietf:params:scim:schemas:extension:acme:2.0:User:badge.number",
        ] {
            assert_eq!(AttributePath::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_core_schema_prefix_is_dropped_and_primary_is_a_boolean() {
        let core = AttributePath::parse("urn:ietf:params:scim:schemas:core:2.0:User:userName").unwrap();
        assert_eq!(core.to_string(), "userName");
        let primary = AttributePath::parse(r#"roles[primary eq "True"].value"#).unwrap();
        assert_eq!(primary.to_string(), "roles[primary eq true].value");
    }

    #[test]
    fn what_cannot_be_written_is_refused_with_the_path_in_the_message() {
        for text in ["", "a b", r#"emails[type ne "work"].value"#, r#"emails[type eq "a" or type eq "b"]"#] {
            let error = check_path(text).unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_as_the_value_that_selects_an_element(value in ".*") {
            let path = AttributePath {
                uri: None,
                name: "members".into(),
                element: vec![("value".into(), ValueSelector::Text(value))],
                sub: None,
            };
            prop_assert_eq!(AttributePath::parse(&path.to_string()).unwrap(), path);
        }
    }
}
