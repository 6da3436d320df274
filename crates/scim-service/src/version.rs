//! Versions of resources as entity tags (RFC 7644, 3.14).

/// Returns the entity tag of a version. It is weak, because the same version may be shown with other attributes.
pub fn entity_tag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition(Vec<String>);

impl Precondition {
    /// Reads the value of the header.
    pub fn parse(header: &str) -> Self {
        Self(header.split(',').map(|tag| bare_tag(tag).to_owned()).filter(|tag| !tag.is_empty()).collect())
    }

    /// Returns `true` if `version` is among the named ones.
    pub fn names(&self, version: i64) -> bool {
        let version = version.to_string();
        self.0.iter().any(|tag| tag == "*" || *tag == version)
    }
}

fn bare_tag(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").or_else(|| tag.strip_prefix("w/")).unwrap_or(tag).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_its_version_however_it_is_written() {
        for header in ["W/\"3\"", "\"3\"", "3", "\"1\", W/\"3\"", "*"] {
            assert!(Precondition::parse(header).names(3), "{header}");
        }
        assert!(!Precondition::parse("W/\"4\"").names(3));
        assert!(!Precondition::parse("").names(3));
        assert!(Precondition::parse(&entity_tag(12)).names(12));
    }
}
