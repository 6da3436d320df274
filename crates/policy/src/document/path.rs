//! Attribute paths of targets (RFC 7644 section 3.5.2).

use std::collections::BTreeSet;

use crate::scope::edit_distance;
use scim_v2::filter::{AttrExp, CompareOp, PatchPath, ValFilter};

/// The attributes of a user (RFC 7643 section 4.1).
pub(super) const USER: &[&str] = &[
    "userName",
    "name",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509Certificates",
    "externalId",
];
/// The attributes of a group (RFC 7643 section 4.2).
pub(super) const GROUP: &[&str] = &["displayName", "externalId"];
/// The attributes of the enterprise extension (RFC 7643 section 4.3).
const ENTERPRISE: &[&str] =
    &["employeeNumber", "costCenter", "organization", "division", "department", "manager"];
const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Schemas whose attributes are named without their URN.
const CORE_URNS: [&str; 2] =
    ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:core:2.0:Group"];
/// The maximum edit distance that counts as a misspelling.
const SLIPS_MAX: usize = 2;

/// Returns `true` if `path` names one attribute, or one part of a multi-valued attribute that is selected by `eq`.
pub(super) fn can_be_written(path: &str) -> bool {
    match path.parse::<PatchPath>() {
        Ok(PatchPath::Attr(_)) => path.trim() == path,
        Ok(PatchPath::Value(value)) => path.trim() == path && selects_by_equality(&value.filter),
        Err(_) => false,
    }
}

fn selects_by_equality(filter: &ValFilter) -> bool {
    match filter {
        ValFilter::And(all) => all.as_slice().iter().all(selects_by_equality),
        ValFilter::Attr(AttrExp::Comparison(attr, CompareOp::Eq, _)) => attr.sub_attr.is_none(),
        _ => false,
    }
}

/// The part of a resource that a target path covers. Two targets cannot both be mapped if one covers
/// a part of the other: `name` and `name.givenName`, or `emails` and `emails[type eq "work"].value`.
/// Names and the values of selectors are compared without regard to case, as in SCIM.
#[derive(Debug, PartialEq, Eq)]
pub struct PathReach {
    /// The schema and the name of the attribute.
    attribute: (String, String),
    /// The conditions that select a value; empty if the path covers every value of the attribute.
    selected_by: BTreeSet<String>,
    part: Option<String>,
}

impl PathReach {
    /// Returns the part that `path` covers, or `None` if it is not a valid path.
    pub fn of(path: &str) -> Option<Self> {
        let (attribute, filter, part) = match path.parse::<PatchPath>().ok()? {
            PatchPath::Attr(attribute) => (attribute.clone(), None, attribute.sub_attr),
            PatchPath::Value(value) => {
                let part = value.sub_attr.or_else(|| value.attr.sub_attr.clone());
                (value.attr, Some(value.filter), part)
            }
        };
        let mut selected_by = BTreeSet::new();
        filter.iter().for_each(|filter| collect_conjuncts(filter, &mut selected_by));
        let uri = attribute.uri.filter(|uri| !CORE_URNS.iter().any(|core| uri.eq_ignore_ascii_case(core)));
        Some(Self {
            attribute: (uri.unwrap_or_default().to_lowercase(), attribute.name.to_lowercase()),
            selected_by,
            part: part.map(|part| part.to_lowercase()),
        })
    }

    /// Returns the name, in lower case, of an attribute of the core schema.
    /// It is the same name where the path contains the URN of the schema.
    pub(super) fn core_name(&self) -> Option<&str> {
        self.attribute.0.is_empty().then_some(self.attribute.1.as_str())
    }

    /// Returns `true` if it covers the whole attribute.
    pub(super) fn is_whole(&self) -> bool {
        self.part.is_none() && self.selected_by.is_empty()
    }

    /// Returns `true` if a write to one of the two also changes the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    fn covers(&self, other: &Self) -> bool {
        self.attribute == other.attribute
            && self.selected_by.is_subset(&other.selected_by)
            && (self.part.is_none() || self.part == other.part)
    }
}

fn collect_conjuncts(filter: &ValFilter, into: &mut BTreeSet<String>) {
    match filter {
        ValFilter::And(all) => all.as_slice().iter().for_each(|each| collect_conjuncts(each, into)),
        single => drop(into.insert(single.to_string().to_lowercase())),
    }
}

/// Returns the attribute whose name `path` nearly matches, if `path` is not
/// itself one of `known`. Names are compared without regard to case, as in SCIM.
pub(super) fn probably_meant(path: &str, known: &[&'static str]) -> Option<&'static str> {
    let attribute = match path.parse::<PatchPath>().ok()? {
        PatchPath::Attr(attribute) => attribute,
        PatchPath::Value(value) => value.attr,
    };
    let known = match attribute.uri.as_deref() {
        None => known,
        Some(uri) if uri.eq_ignore_ascii_case(ENTERPRISE_URN) => ENTERPRISE,
        Some(_) => return None,
    };
    if known.iter().any(|name| name.eq_ignore_ascii_case(&attribute.name)) {
        return None;
    }
    let said = attribute.name.to_ascii_lowercase();
    let slips = known.iter().map(|name| (edit_distance(&said, &name.to_ascii_lowercase()), *name));
    slips.filter(|(slips, name)| *slips <= SLIPS_MAX.min(name.len() / 3)).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::PathReach;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    #[test]
    fn targets_overlap_where_writing_one_changes_the_other() {
        let of = |name: &str| format!("{ENTERPRISE}:{name}");
        let table = [
            ("emails".to_owned(), r#"emails[type eq "work"].value"#.to_owned(), true),
            ("emails.value".to_owned(), r#"Emails[type eq "work"].value"#.to_owned(), true),
            (r#"emails[type eq "work"]"#.to_owned(), r#"emails[TYPE eq "Work"].value"#.to_owned(), true),
            (
                r#"emails[type eq "work"].value"#.to_owned(),
                r#"emails[primary eq true and type eq "work"].value"#.to_owned(),
                true,
            ),
            (
                r#"emails[type eq "work"].value"#.to_owned(),
                r#"emails[type eq "home"].value"#.to_owned(),
                false,
            ),
            (
                r#"addresses[type eq "work"].country"#.to_owned(),
                r#"addresses[type eq "work"].locality"#.to_owned(),
                false,
            ),
            ("name".to_owned(), "name.givenName".to_owned(), true),
            ("name.familyName".to_owned(), "name.givenName".to_owned(), false),
            ("name".to_owned(), "nickName".to_owned(), false),
            (of("manager"), of("manager.value"), true),
            (of("manager"), "manager".to_owned(), false),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName".to_owned(), "userName".to_owned(), true),
            ("urn:acme:1.0:User:title".to_owned(), "title".to_owned(), false),
        ];
        for (one, other, expected) in table {
            let reach = |path: &str| PathReach::of(path).unwrap();
            assert_eq!(reach(&one).overlaps(&reach(&other)), expected, "{one} and {other}");
            assert_eq!(reach(&other).overlaps(&reach(&one)), expected, "{other} and {one}");
        }
    }
}
