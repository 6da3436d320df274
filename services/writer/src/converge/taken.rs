//! Values that only one resource of a target can have, such as login names, while another resource of ours has them.
//!
//! A resource that waits for such a value is woken when the holder gives it up (`results::names`). If several wait for
//! each other's value, one of them takes a temporary value first.

use lifecycle::{AttributeMap, ResourceKind};
use scim::ScimKind;

use super::parts::{self, ChangePart};
use super::{ConvergeMove, WantedState, locate};
use crate::converge::outcome::{ConvergeOutcome, ConvergeProgress};
use crate::delivery::call::{CallStop, FailedCall, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::rows::claims::{self, StepAside, TakenValue, ValueClaim};

/// Returns whether the target refused a value because another resource has it.
pub(super) fn is_said_by(failed: &FailedCall) -> bool {
    failed.class() == lifecycle::AttemptClass::AlreadyExists
        || failed.failure.scim_type.as_deref() == Some("uniqueness")
}

/// Returns the first of the values that another resource of ours has, as far as we know.
pub(super) async fn held_by_ours(
    call: &TargetCall,
    kind: ScimKind,
    attributes: &AttributeMap,
) -> Result<Option<TakenValue>, CallStop> {
    for claim in claims::claims_of(resource_kind(kind), attributes) {
        let found = call.holder_of(&claim).await?;
        if let Some(holder) = found {
            return Ok(Some(TakenValue::by(claim, holder)));
        }
    }
    Ok(None)
}

/// Returns the holder of the refused value: from our own rows, or from the target if it can be searched.
pub(super) async fn find_holder(
    call: &mut TargetCall,
    wanted: &WantedState,
    own_id: &str,
    part: &ChangePart,
) -> Result<Option<TakenValue>, CallStop> {
    if let Some(taken) = held_by_ours(call, wanted.kind, &part.set).await? {
        return Ok(Some(taken));
    }
    for (path, value) in &part.set {
        let Some(value) = value.as_str().filter(|value| !value.is_empty()) else { continue };
        if !call.target.client.profile().can_filter(wanted.kind, path) {
            continue;
        }
        let found = locate::find_by_value(call, wanted.kind, path, value).await?;
        let Some(other) = found.into_iter().find(|found| found.id != own_id) else { continue };
        if let Some(holder) = call.linked_to_another(&other.id).await? {
            return Ok(Some(TakenValue::by(ValueClaim::new(path, value), holder)));
        }
    }
    Ok(None)
}

/// Gives up the value that others wait for in a circle, and keeps waiting for its own.
pub(super) async fn step_aside(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    id: &str,
    taken: &TakenValue,
) -> Result<ConvergeMove, CallStop> {
    let StepAside::Due(path) = &taken.aside else { return Ok(ConvergeMove::End(ConvergeOutcome::Deferred)) };
    let current = progress.applied.get(path).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let set: AttributeMap = [(path.clone(), temporary_value(&current, &call.about.subject).into())].into();
    let part = ChangePart { path: path.clone(), set, clear: Vec::new() };
    let error = match parts::write_parts(call, wanted, progress, id, &[&part]).await {
        Ok(None) => format!("it has a temporary {path} until {} gives up {}", taken.holder, taken.claim.path),
        Ok(Some(undone)) => return Ok(ConvergeMove::End(undone)),
        Err(CallStop::Failed(failed)) if parts::is_refusal(&failed) => format!(
            "the target refuses a temporary {path} ({}): change one of those names at the target by hand",
            failed.trouble.error
        ),
        Err(stop) => return Err(stop),
    };
    let trouble = call.trouble(ScimOperation::Update, lifecycle::AttemptClass::AlreadyExists, error);
    Ok(ConvergeMove::End(ConvergeOutcome::Waiting {
        taken: TakenValue { aside: StepAside::Done, ..taken.clone() },
        trouble,
    }))
}

/// Returns a value of the same form that no account has: with the same domain, if it has one.
fn temporary_value(current: &str, subject: &str) -> String {
    let tag = &ValueClaim::new(subject, current).key()[..12];
    match current.rsplit_once('@') {
        Some((_, domain)) => format!("usher-{tag}@{domain}"),
        None => format!("usher-{tag}"),
    }
}

pub(super) fn resource_kind(kind: ScimKind) -> ResourceKind {
    match kind {
        ScimKind::User => ResourceKind::User,
        ScimKind::Group => ResourceKind::Group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_key_of_one_length_whatever_its_case_and_length() {
        let key = |path: &str, value: &str| ValueClaim::new(path, value).key();
        assert_eq!(key("userName", "A@example.com"), key("username", "a@EXAMPLE.com "));
        assert_ne!(key("userName", "a"), key("nickName", "a"));
        assert_eq!(key("userName", &"x".repeat(5_000)).len(), 32);
    }

    #[test]
    fn a_temporary_name_keeps_the_domain_and_tells_two_people_apart() {
        assert!(temporary_value("ann@example.com", "E-1").ends_with("@example.com"));
        assert!(!temporary_value("ann", "E-1").contains('@'));
        assert_ne!(temporary_value("ann", "E-1"), temporary_value("ann", "E-2"));
    }
}
