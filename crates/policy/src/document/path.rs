//! Attribute paths of targets (RFC 7644 section 3.5.2).

use crate::scope::distance;
use scim_v2::filter::{AttrExp, CompareOp, PatchPath, ValFilter};

/// Attributes of a user (RFC 7643 section 4.1).
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
/// Attributes of a group (RFC 7643 section 4.2).
pub(super) const GROUP: &[&str] = &["displayName", "externalId"];
/// Attributes of the enterprise extension (RFC 7643 section 4.3).
const ENTERPRISE: &[&str] =
    &["employeeNumber", "costCenter", "organization", "division", "department", "manager"];
const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// More letters than this are no slip.
const SLIPS_MAX: usize = 2;

/// Whether `path` names one attribute, or one part of a multi-valued one that is selected by `eq`.
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

/// The attribute whose name `path` nearly is, without being one of those that are `known`. Names are compared without
/// regard to case, as SCIM does.
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
    let slips = known.iter().map(|name| (distance(&said, &name.to_ascii_lowercase()), *name));
    slips.filter(|(slips, name)| *slips <= SLIPS_MAX.min(name.len() / 3)).min().map(|(_, name)| name)
}
