//! Attribute paths: `userName`, `name.givenName`, `emails[type eq "work"].value`, `urn:...:User:department`.

use std::fmt;

use crate::filter::{ScimFilter, parse_within};
use crate::names::{last_part, split_path, take_name};
use crate::schema::{self, SchemaAttribute};
use crate::{ResourceTree, ResourceType, ScimServiceError, get_value};

/// A parsed path.
#[derive(Debug, Clone, PartialEq)]
pub struct ScimAttributePath {
    /// The URN of the extension; `None` for the core schema.
    pub(crate) extension: Option<String>,
    /// The attribute; `None` for an extension as a whole.
    pub(crate) name: Option<String>,
    /// The filter that selects elements of a list.
    pub(crate) filter: Option<ScimFilter>,
    /// The sub-attribute.
    pub(crate) part: Option<String>,
}

impl ScimAttributePath {
    /// Parses a path of a resource of `kind`.
    ///
    /// # Errors
    /// Fails if it is not a path.
    pub fn parse(kind: ResourceType, text: &str) -> Result<Self, ScimServiceError> {
        let (extension, rest) = split_path(kind, text)?;
        let whole = |extension| Self { extension, name: None, filter: None, part: None };
        let Some(rest) = rest else { return Ok(whole(extension)) };
        let (name, rest) = take_name(rest)?;
        let (filter, rest) = match rest.strip_prefix('[') {
            Some(inside) => {
                let (filter, rest) = parse_within(kind, inside)?;
                (Some(filter), rest)
            }
            None => (None, rest),
        };
        let part = last_part(rest)?;
        Ok(Self { extension, name: Some(name.to_owned()), filter, part })
    }

    /// Returns the definition of the attribute, if it is known.
    pub(crate) fn attribute(&self, kind: ResourceType) -> Option<&'static SchemaAttribute> {
        schema::find_attribute(kind, self.extension.as_deref(), self.name.as_deref()?)
    }

    /// Returns `true` if the element of the list fulfils the filter of the path, or if the path has none.
    pub(crate) fn selects(&self, element: &serde_json::Value) -> bool {
        let list = || ResourceType::ALL.into_iter().find_map(|kind| self.attribute(kind));
        self.filter.as_ref().is_none_or(|filter| filter.matches_element(list(), element))
    }

    /// Returns the values at the path in a resource.
    pub fn values<'a>(&self, tree: &'a ResourceTree) -> Vec<&'a serde_json::Value> {
        let Some(name) = &self.name else { return Vec::new() };
        let container = match &self.extension {
            None => Some(tree),
            Some(urn) => get_value(tree, urn).and_then(serde_json::Value::as_object),
        };
        let elements =
            crate::tree::value_elements(container.and_then(|container| get_value(container, name)));
        let chosen = elements.iter().filter(|element| self.selects(element));
        let part = |element: &'a serde_json::Value| match (&self.part, element) {
            (Some(part), serde_json::Value::Object(fields)) => get_value(fields, part),
            (Some(part), plain) => part.eq_ignore_ascii_case("value").then_some(plain),
            (None, serde_json::Value::Object(fields)) => get_value(fields, "value").or(Some(element)),
            (None, plain) => Some(plain),
        };
        chosen.filter_map(part).filter(|value| !value.is_null()).collect()
    }

    /// Returns `true` if the path names this attribute of the core schema.
    pub(crate) fn is_core(&self, name: &str) -> bool {
        self.extension.is_none() && self.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    /// Returns the path as errors show it: names only, because a filter contains values.
    pub(crate) fn shown(&self) -> String {
        let name = self.name.as_deref().or(self.extension.as_deref()).unwrap_or_default();
        match &self.part {
            Some(part) => format!("{name}.{part}"),
            None => name.to_owned(),
        }
    }
}

impl fmt::Display for ScimAttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.extension, &self.name) {
            (Some(urn), Some(name)) => write!(f, "{urn}:{name}")?,
            (Some(name), None) | (None, Some(name)) => f.write_str(name)?,
            (None, None) => {}
        }
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        self.part.as_ref().map_or(Ok(()), |part| write!(f, ".{part}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::PATH_BYTES_MAX;

    fn parse(text: &str) -> ScimAttributePath {
        ScimAttributePath::parse(ResourceType::User, text).unwrap()
    }

    #[test]
    fn a_path_is_read_with_and_without_its_schema() {
        assert_eq!(parse("urn:ietf:params:scim:schemas:core:2.0:User:userName"), parse("userName"));
        let department = parse("URN:ietf:params:scim:schemas:extension:enterprise:2.0:user:department");
        assert_eq!(department.extension.as_deref(), Some(crate::ENTERPRISE_USER));
        assert_eq!(department.name.as_deref(), Some("department"));
        let whole = parse(crate::ENTERPRISE_USER);
        assert_eq!((whole.name, whole.extension.as_deref()), (None, Some(crate::ENTERPRISE_USER)));
        let custom = parse("urn:ietf:params:scim:schemas:extension:Custom:2.0:User:badge.number");
        assert_eq!(
            custom.extension.as_deref(),
            Some("urn:ietf:params:scim:schemas:extension:Custom:2.0:User")
        );
        assert_eq!((custom.name.as_deref(), custom.part.as_deref()), (Some("badge"), Some("number")));
        assert_eq!(parse("urn:x:y:1.0").name, None, "a schema as a whole");
    }

    #[test]
    fn elements_and_parts_are_told_apart() {
        let path = parse("emails[type eq \"work\"].value");
        assert_eq!((path.name.as_deref(), path.part.as_deref()), (Some("emails"), Some("value")));
        assert_eq!(path.to_string(), "emails[type eq \"work\"].value");
        assert_eq!(parse("members.$ref").part.as_deref(), Some("$ref"));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for wrong in
            ["", " ", "a.b.c", "emails[", "emails[type eq]", "emails]", "a b", "1a", ".a", "a.", "a[]"]
        {
            let error = ScimAttributePath::parse(ResourceType::User, wrong).unwrap_err();
            assert_eq!(error.status, 400, "{wrong}");
        }
        assert!(ScimAttributePath::parse(ResourceType::User, &"a".repeat(PATH_BYTES_MAX + 1)).is_err());
    }
}
