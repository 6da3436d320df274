//! Membership operations. Members are a set of ids, so these never copy or compare a list of elements.

use scim_v2::filter::{AttrExp, CompValue, CompareOp, ValFilter};
use serde_json::Value;

use super::{MemberChange, Verb};
use crate::answer::Refusal;
use crate::attributes::Target;
use crate::rules::member_ids;

pub(super) fn change(verb: Verb, target: &Target, value: Option<&Value>) -> Result<MemberChange, Refusal> {
    if target.sub.is_some() {
        return Err(Refusal::invalid_path("a member cannot be changed in part"));
    }
    if let Some(filter) = &target.filter {
        if verb != Verb::Remove {
            return Err(Refusal::invalid_path("members are added and replaced without a filter"));
        }
        let mut ids = Vec::new();
        collect(filter, &mut ids)?;
        return Ok(MemberChange::Remove(ids));
    }
    match (verb, value.filter(|value| !value.is_null())) {
        (Verb::Add, Some(value)) => Ok(MemberChange::Add(member_ids(value)?)),
        (Verb::Add, None) => Err(Refusal::invalid_value("add needs members")),
        (Verb::Replace, Some(value)) => Ok(MemberChange::Replace(member_ids(value)?)),
        // Not in the RFC, but what Microsoft Entra ID sends and most servers take.
        (Verb::Remove, Some(value)) => Ok(MemberChange::Remove(member_ids(value)?)),
        (Verb::Replace | Verb::Remove, None) => Ok(MemberChange::Replace(Vec::new())),
    }
}

/// Ids of `value eq "x"`, or several of them joined by `or`.
fn collect(filter: &ValFilter, ids: &mut Vec<String>) -> Result<(), Refusal> {
    match filter {
        ValFilter::Attr(AttrExp::Comparison(path, CompareOp::Eq, CompValue::Str(id)))
            if path.sub_attr.is_none() && path.name.eq_ignore_ascii_case("value") =>
        {
            ids.push(id.clone());
            Ok(())
        }
        ValFilter::Or(any) => any.iter().try_for_each(|one| collect(one, ids)),
        _ => Err(Refusal::invalid_filter("members are picked by value eq only")),
    }
}
