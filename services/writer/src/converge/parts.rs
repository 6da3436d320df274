//! Splits a change that was refused as a whole into its attributes: the accepted ones are sent, and the refused ones are
//! told apart. Whether an account is on or off goes first and alone.

use lifecycle::{AccountState, AttemptClass, AttributeMap};
use scim::diff;
use serde_json::Value;

use super::taken;
use super::update::change_operation;
use super::update::{ResourceChange, UpdateEffect, see_done, write_change};
use super::{ConvergeMove, WantedState, settled_outcome};
use crate::converge::outcome::{ConvergeOutcome, ConvergeProgress};
use crate::delivery::call::{CallStop, FailedCall, TargetCall};
use crate::delivery::trouble::ConvergeTrouble;
use crate::rows::access::AccessChange;
use crate::rows::claims::TakenValue;
use crate::rows::settled::SettledOutcome;

const ACTIVE: &str = "active";
/// The attributes that servers keep unique, in addition to those in the profile.
const UNIQUE: [&str; 3] = ["username", "emails", "externalid"];

/// The part of a change that is about one attribute.
#[derive(Debug, Clone)]
pub(super) struct ChangePart {
    /// The path of the attribute.
    pub(super) path: String,
    pub(super) set: AttributeMap,
    pub(super) clear: Vec<String>,
}

/// Returns whether the answer refuses the values that were sent, so that the target may accept a smaller change.
pub(super) fn is_refusal(failed: &FailedCall) -> bool {
    match failed.class() {
        AttemptClass::AlreadyExists => true,
        AttemptClass::Permanent => matches!(failed.failure.status, Some(400 | 409 | 413 | 422)),
        _ => false,
    }
}

/// Returns the differing attributes as parts: `active` first.
fn parts_of(call: &TargetCall, wanted: &WantedState, progress: &ConvergeProgress) -> Vec<ChangePart> {
    let (set, clear) = wanted.to_write();
    let mut parts: Vec<ChangePart> = Vec::new();
    let mut part_of = |path: &String| -> usize {
        let base = base_attribute(path);
        parts.iter().position(|part| part.path == base).unwrap_or_else(|| {
            parts.push(ChangePart { path: base.to_owned(), set: AttributeMap::new(), clear: Vec::new() });
            parts.len() - 1
        })
    };
    let (mut sets, mut clears) = (Vec::new(), Vec::new());
    for (path, value) in set.iter() {
        sets.push((part_of(path), path, value));
    }
    for path in clear {
        clears.push((part_of(path), path));
    }
    for (at, path, value) in sets {
        parts[at].set.insert(path.clone(), value.clone());
    }
    for (at, path) in clears {
        parts[at].clear.push(path.clone());
    }
    let profile = call.target.client.profile();
    let differs = |part: &ChangePart| {
        !diff::patch_operations(profile, wanted.kind, &progress.applied, &part.set, &part.clear).is_empty()
    };
    parts.retain(differs);
    parts.sort_by_key(|part| part.path != ACTIVE);
    parts
}

/// Returns the attribute of a path, without the filter or sub-attribute that selects an element or a part of it.
fn base_attribute(path: &str) -> &str {
    let head = path.find('[').map_or(path, |at| &path[..at]);
    let name = head.rfind(':').map_or(0, |at| at + 1);
    head[name..].find('.').map_or(head, |dot| &head[..name + dot])
}

/// Writes some parts in one request, and records the effect. Returns an outcome if the target did not carry it out.
pub(super) async fn write_parts(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    id: &str,
    parts: &[&ChangePart],
) -> Result<Option<ConvergeOutcome>, CallStop> {
    let set: AttributeMap = parts.iter().flat_map(|part| part.set.clone()).collect();
    let clear: Vec<String> = parts.iter().flat_map(|part| part.clear.clone()).collect();
    let ops =
        diff::patch_operations(call.target.client.profile(), wanted.kind, &progress.applied, &set, &clear);
    let switches_off = set.get(ACTIVE) == Some(&Value::Bool(false));
    let operation = change_operation(switches_off);
    let answer_counts = !progress.answer_disproved;
    let change = ResourceChange {
        kind: wanted.kind,
        id,
        operation,
        ops: &ops,
        set: &set,
        clear: &clear,
        answer_counts,
    };
    let shown = write_change(call, &change).await?;
    progress.in_doubt = true; // until the effect is seen
    match see_done(call, &change, shown).await? {
        UpdateEffect::Yes(evidence) => progress.off = progress.off.or(evidence),
        UpdateEffect::No(undone) => return Ok(Some(*undone)),
    }
    progress.in_doubt = false;
    call.target.gone.was_there();
    if switches_off && progress.applied.get(ACTIVE) != Some(&Value::Bool(false)) {
        progress.changed = Some(AccessChange::Disable);
    } else if set.get(ACTIVE) == Some(&Value::Bool(true)) && wanted.gives_access_back(&progress.applied) {
        progress.changed = Some(AccessChange::Enable);
    }
    progress.applied.extend(set);
    progress.applied.extend(clear.into_iter().map(|path| (path, Value::Null)));
    Ok(None)
}

/// Parts with at least one that the target refuses. `failed` is the answer to all of them together, once they were sent.
struct SuspectParts {
    parts: Vec<ChangePart>,
    failed: Option<FailedCall>,
}

impl SuspectParts {
    /// Splits the parts in two so that the most likely refused ones are isolated soon. Neither half is known to be
    /// refused by itself.
    fn split(mut self, failed: &FailedCall) -> (Self, Self) {
        let is_first_active = self.parts.first().is_some_and(|part| part.path == ACTIVE);
        let mut half = self.parts.len() / 2;
        if is_first_active {
            half = 1;
        } else if taken::is_said_by(failed) {
            self.parts.sort_by_key(is_unique);
            let others = self.parts.iter().filter(|part| !is_unique(part)).count();
            if (1..self.parts.len()).contains(&others) {
                half = others;
            }
        }
        let rest = self.parts.split_off(half);
        (Self { parts: self.parts, failed: None }, Self { parts: rest, failed: None })
    }
}

fn is_unique(part: &ChangePart) -> bool {
    UNIQUE.iter().any(|name| part.path.eq_ignore_ascii_case(name))
}

/// Writes the parts that the target accepts, after the whole change was refused.
pub(super) async fn one_by_one(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    id: &str,
    refused: FailedCall,
    how: SettledOutcome,
) -> Result<ConvergeMove, CallStop> {
    let parts = parts_of(call, wanted, progress);
    let is_one = parts.len() == 1;
    let mut waits: Option<(TakenValue, ConvergeTrouble)> = None;
    let mut dead: Vec<(String, FailedCall)> = Vec::new();
    let mut suspects = vec![SuspectParts { parts, failed: Some(refused) }];
    while let Some(mut some) = suspects.pop() {
        let failed = match some.failed.take() {
            Some(failed) => failed,
            None => {
                let together: Vec<&ChangePart> = some.parts.iter().collect();
                match write_parts(call, wanted, progress, id, &together).await {
                    Ok(None) => continue,
                    Ok(Some(undone)) => return Ok(ConvergeMove::End(undone)),
                    Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
                        return Ok(ConvergeMove::RecoverGone);
                    }
                    Err(CallStop::Failed(failed)) if is_refusal(&failed) => *failed,
                    Err(stop) => return Err(stop),
                }
            }
        };
        if let [part] = some.parts.as_slice() {
            match value_holder(call, wanted, id, part, &failed).await? {
                Some(taken) => waits = Some((taken, failed.trouble)),
                None => dead.push((part.path.clone(), failed)),
            }
            continue;
        }
        // The reason is a value that another of our resources has: the rest goes out without it.
        let mut held = None;
        if taken::is_said_by(&failed) {
            for at in (0..some.parts.len()).filter(|at| is_unique(&some.parts[*at])) {
                if let Some(taken) = taken::held_by_ours(call, wanted.kind, &some.parts[at].set).await? {
                    held = Some((at, taken));
                    break;
                }
            }
        }
        if let Some((at, taken)) = held {
            some.parts.remove(at);
            waits = Some((taken, failed.trouble));
            suspects.push(some);
            continue;
        }
        let (first, rest) = some.split(&failed);
        suspects.extend([rest, first]);
    }
    Ok(ConvergeMove::End(judge_parts(wanted, waits, dead, how, is_one)))
}

/// Returns the resource of ours that has the refused value.
async fn value_holder(
    call: &mut TargetCall,
    wanted: &WantedState,
    id: &str,
    part: &ChangePart,
    failed: &FailedCall,
) -> Result<Option<TakenValue>, CallStop> {
    if !taken::is_said_by(failed) {
        return Ok(None);
    }
    taken::find_holder(call, wanted, id, part).await
}

/// Returns the outcome with the parts that were not written and the reasons.
fn judge_parts(
    wanted: &WantedState,
    waits: Option<(TakenValue, ConvergeTrouble)>,
    dead: Vec<(String, FailedCall)>,
    how: SettledOutcome,
    is_one: bool,
) -> ConvergeOutcome {
    let also: Vec<String> =
        dead.iter().map(|(path, failed)| format!("{path}: {}", failed.trouble.error)).collect();
    if let Some((taken, trouble)) = waits {
        let error =
            std::iter::once(trouble.error.clone()).chain(also).collect::<Vec<_>>().join("; also refused: ");
        return ConvergeOutcome::Waiting { taken, trouble: ConvergeTrouble { error, ..trouble } };
    }
    let may_be_taken_later = dead.iter().all(|(_, failed)| failed.class() == AttemptClass::AlreadyExists);
    let Some((path, failed)) = dead.into_iter().next() else { return settled_outcome(how, wanted) };
    let mut trouble = failed.trouble;
    trouble.error = match also.len() {
        1 => format!("{path}: {}", trouble.error),
        _ => also.join("; "),
    };
    if !is_one {
        trouble.error.push_str("; everything else was done");
    }
    if may_be_taken_later { ConvergeOutcome::Retry(trouble) } else { ConvergeOutcome::Dead(trouble) }
}

/// Sends whether the account is on or off by itself, after the target refused the whole change for a reason that is not
/// about values. Reports the rest as refused.
pub(super) async fn active_alone(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    id: &str,
    refused: FailedCall,
) -> Result<ConvergeMove, CallStop> {
    let parts = parts_of(call, wanted, progress);
    let Some(active) = parts.first().filter(|part| part.path == ACTIVE && parts.len() > 1) else {
        return Err(CallStop::Failed(Box::new(refused)));
    };
    match write_parts(call, wanted, progress, id, &[active]).await {
        Ok(None) => {}
        Ok(Some(undone)) => return Ok(ConvergeMove::End(undone)),
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            return Ok(ConvergeMove::RecoverGone);
        }
        Err(stop) => return Err(stop),
    }
    let state = if wanted.state == AccountState::Active { "enabled" } else { "disabled" };
    let FailedCall { failure, mut trouble } = refused;
    trouble.error = format!("the account is {state}, but its other changes were refused: {}", trouble.error);
    Ok(ConvergeMove::End(match failure.class {
        AttemptClass::Permanent => ConvergeOutcome::Dead(trouble),
        _ => ConvergeOutcome::Retry(trouble),
    }))
}

#[cfg(test)]
mod tests {
    use super::base_attribute;

    #[test]
    fn a_path_belongs_to_its_attribute() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (path, attribute) in [
            ("userName", "userName"),
            ("name.givenName", "name"),
            (r#"emails[type eq "work"].value"#, "emails"),
            (r#"x[type eq "a:b.c"].value"#, "x"),
            (&format!("{enterprise}:manager"), &format!("{enterprise}:manager")),
            (&format!("{enterprise}:manager.value"), &format!("{enterprise}:manager")),
        ] {
            assert_eq!(base_attribute(path), attribute);
        }
    }
}
