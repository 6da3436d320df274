//! Membership operations. Members are a set of ids, so these operations never copy or compare a list of elements.

use scim_v2::filter::{AttrExp, CompValue, CompareOp, ValFilter};
use serde_json::Value;

use super::{SandboxMemberChange, SandboxPatchVerb};
use crate::answer::SandboxRefusal;
use crate::attributes::PatchTarget;
use crate::rules::member_ids;

/// Converts an operation on `members` to a membership change.
pub(super) fn member_change(
    verb: SandboxPatchVerb,
    target: &PatchTarget,
    value: Option<&Value>,
) -> Result<SandboxMemberChange, SandboxRefusal> {
    if target.sub.is_some() {
        return Err(SandboxRefusal::invalid_path("a member cannot be changed in part"));
    }
    if let Some(filter) = &target.filter {
        if verb != SandboxPatchVerb::Remove {
            return Err(SandboxRefusal::invalid_path("members are added and replaced without a filter"));
        }
        let mut ids = Vec::new();
        collect_ids(filter, &mut ids)?;
        return Ok(SandboxMemberChange::Remove(ids));
    }
    match (verb, value.filter(|value| !value.is_null())) {
        (SandboxPatchVerb::Add, Some(value)) => Ok(SandboxMemberChange::Add(member_ids(value)?)),
        (SandboxPatchVerb::Add, None) => Err(SandboxRefusal::invalid_value("add needs members")),
        (SandboxPatchVerb::Replace, Some(value)) => Ok(SandboxMemberChange::Replace(member_ids(value)?)),
        // This is not in the RFC, but Microsoft Entra ID sends it and most servers accept it.
        (SandboxPatchVerb::Remove, Some(value)) => Ok(SandboxMemberChange::Remove(member_ids(value)?)),
        (SandboxPatchVerb::Replace | SandboxPatchVerb::Remove, None) => {
            Ok(SandboxMemberChange::Replace(Vec::new()))
        }
    }
}

/// Collects the ids of `value eq "x"`, or of several such comparisons joined by `or`.
fn collect_ids(filter: &ValFilter, ids: &mut Vec<String>) -> Result<(), SandboxRefusal> {
    match filter {
        ValFilter::Attr(AttrExp::Comparison(path, CompareOp::Eq, CompValue::Str(id)))
            if path.sub_attr.is_none() && path.name.eq_ignore_ascii_case("value") =>
        {
            ids.push(id.clone());
            Ok(())
        }
        ValFilter::Or(any) => any.iter().try_for_each(|one| collect_ids(one, ids)),
        _ => Err(SandboxRefusal::invalid_filter("members are picked by value eq only")),
    }
}
