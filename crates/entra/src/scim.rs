//! Attribute names of the target.

/// The role of a target attribute in Usher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetAttributeRole {
    /// The status of the account. Usher decides it itself.
    Active,
    /// The members of a group. Usher manages them itself.
    Members,
    /// A read-only attribute, which clients do not set.
    ReadOnly,
    /// A reference to another account.
    Manager,
    /// An ordinary value.
    Plain,
}

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:";

/// Returns the role of `path`.
pub(crate) fn attribute_role(path: &str) -> TargetAttributeRole {
    let name = path.strip_prefix(ENTERPRISE).unwrap_or(path).to_ascii_lowercase();
    match name.as_str() {
        "active" | "isactive" => TargetAttributeRole::Active,
        "members" => TargetAttributeRole::Members,
        "id" | "schemas" | "meta" | "groups" => TargetAttributeRole::ReadOnly,
        "manager" | "manager.value" => TargetAttributeRole::Manager,
        _ => TargetAttributeRole::Plain,
    }
}

/// Normalises the case of a path. SCIM's own names are compared without
/// regard to case (RFC 7643 section 2.1); exports have a few in capitals.
pub(crate) fn target_path(path: &str) -> String {
    for exact in ["userName", "displayName", "externalId", "nickName", "title"] {
        if path.eq_ignore_ascii_case(exact) {
            return exact.to_owned();
        }
    }
    let Some((element, sub)) = path.rsplit_once("].") else { return path.to_owned() };
    let mut characters = sub.chars();
    let sub: String =
        characters.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(characters).collect();
    format!("{element}].{sub}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_in_the_names_of_sub_attributes_are_put_right() {
        assert_eq!(target_path(r#"emails[type eq "other"].Value"#), r#"emails[type eq "other"].value"#);
        assert_eq!(target_path("UserName"), "userName");
        assert_eq!(target_path("Alias"), "Alias");
    }
}
