//! A change that was refused as a whole, attribute by attribute: what the target takes goes out, and what it does not take is
//! told apart. Whether an account is on or off goes first and alone.

use lifecycle::{AccountState, AttemptClass, Attributes};
use scim::diff;
use serde_json::Value;

use super::taken::{self, Taken};
use super::update::{Change, Done, see_done, write as send};
use super::{Move, Wanted, settled};
use crate::call::{Call, Failed, Stop};
use crate::outcome::{Outcome, Progress, Trouble};
use crate::rows::access::AccessChange;

const ACTIVE: &str = "active";
/// What servers keep unique, beside what the profile says.
const UNIQUE: [&str; 3] = ["username", "emails", "externalid"];

/// The part of a change that is about one attribute.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The attribute.
    pub(super) path: String,
    pub(super) set: Attributes,
    pub(super) clear: Vec<String>,
}

/// Whether the answer speaks of what was sent, so that less of it may be taken.
pub(super) fn is_refusal(failed: &Failed) -> bool {
    match failed.class() {
        AttemptClass::AlreadyExists => true,
        AttemptClass::Permanent => matches!(failed.failure.status, Some(400 | 409 | 413 | 422)),
        _ => false,
    }
}

/// What differs, by attribute: `active` first.
fn parts_of(call: &Call, wanted: &Wanted, progress: &Progress) -> Vec<Part> {
    let (set, clear) = wanted.to_write();
    let mut parts: Vec<Part> = Vec::new();
    let mut part_of = |path: &String| -> usize {
        let base = base(path);
        parts.iter().position(|part| part.path == base).unwrap_or_else(|| {
            parts.push(Part { path: base.to_owned(), set: Attributes::new(), clear: Vec::new() });
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
    let differs =
        |part: &Part| !diff::ops(profile, wanted.kind, &progress.applied, &part.set, &part.clear).is_empty();
    parts.retain(differs);
    parts.sort_by_key(|part| part.path != ACTIVE);
    parts
}

/// The attribute of a path, without what selects an element or a part of it.
fn base(path: &str) -> &str {
    let head = path.find('[').map_or(path, |at| &path[..at]);
    let name = head.rfind(':').map_or(0, |at| at + 1);
    head[name..].find('.').map_or(head, |dot| &head[..name + dot])
}

/// Writes some parts in one request, and remembers what was done; says what it came to if the target did not do it.
pub(super) async fn write(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    id: &str,
    parts: &[&Part],
) -> Result<Option<Outcome>, Stop> {
    let set: Attributes = parts.iter().flat_map(|part| part.set.clone()).collect();
    let clear: Vec<String> = parts.iter().flat_map(|part| part.clear.clone()).collect();
    let ops = diff::ops(call.target.client.profile(), wanted.kind, &progress.applied, &set, &clear);
    let switches_off = set.get(ACTIVE) == Some(&Value::Bool(false));
    let operation = if switches_off { "disable" } else { "update" };
    let answer_counts = !progress.answer_disproved;
    let change =
        Change { kind: wanted.kind, id, operation, ops: &ops, set: &set, clear: &clear, answer_counts };
    let shown = send(call, &change).await?;
    progress.in_doubt = true; // until it is seen
    match see_done(call, &change, shown).await? {
        Done::Yes(evidence) => progress.off = progress.off.or(evidence),
        Done::No(undone) => return Ok(Some(*undone)),
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

/// Parts among which some are refused; `failed` is the answer to all of them together, once they were sent.
struct Suspects {
    parts: Vec<Part>,
    failed: Option<Failed>,
}

impl Suspects {
    /// In two, so that what is refused most often is told apart soon; none of it is known to be refused by itself.
    fn split(mut self, failed: &Failed) -> (Self, Self) {
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

fn is_unique(part: &Part) -> bool {
    UNIQUE.iter().any(|name| part.path.eq_ignore_ascii_case(name))
}

/// The whole change was refused: writes what the target takes of it.
pub(super) async fn one_by_one(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    id: &str,
    refused: Failed,
    how: &'static str,
) -> Result<Move, Stop> {
    let parts = parts_of(call, wanted, progress);
    let is_one = parts.len() == 1;
    let mut waits: Option<(Taken, Trouble)> = None;
    let mut dead: Vec<(String, Failed)> = Vec::new();
    let mut suspects = vec![Suspects { parts, failed: Some(refused) }];
    while let Some(mut some) = suspects.pop() {
        let failed = match some.failed.take() {
            Some(failed) => failed,
            None => {
                let together: Vec<&Part> = some.parts.iter().collect();
                match write(call, wanted, progress, id, &together).await {
                    Ok(None) => continue,
                    Ok(Some(undone)) => return Ok(Move::End(undone)),
                    Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
                        return Ok(Move::RecoverGone);
                    }
                    Err(Stop::Failed(failed)) if is_refusal(&failed) => *failed,
                    Err(stop) => return Err(stop),
                }
            }
        };
        if let [part] = some.parts.as_slice() {
            match holder(call, wanted, id, part, &failed).await? {
                Some(taken) => waits = Some((taken, failed.trouble)),
                None => dead.push((part.path.clone(), failed)),
            }
            continue;
        }
        // A value that another of ours has is why: the rest goes out without asking for it once more.
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
    Ok(Move::End(judge(wanted, waits, dead, how, is_one)))
}

/// Who of ours has the value that was refused.
async fn holder(
    call: &mut Call,
    wanted: &Wanted,
    id: &str,
    part: &Part,
    failed: &Failed,
) -> Result<Option<Taken>, Stop> {
    if !taken::is_said_by(failed) {
        return Ok(None);
    }
    taken::find_holder(call, wanted, id, part).await
}

/// What is left undone, and why.
fn judge(
    wanted: &Wanted,
    waits: Option<(Taken, Trouble)>,
    dead: Vec<(String, Failed)>,
    how: &'static str,
    is_one: bool,
) -> Outcome {
    let also: Vec<String> =
        dead.iter().map(|(path, failed)| format!("{path}: {}", failed.trouble.error)).collect();
    if let Some((taken, trouble)) = waits {
        let error =
            std::iter::once(trouble.error.clone()).chain(also).collect::<Vec<_>>().join("; also refused: ");
        return Outcome::Waiting { taken, trouble: Trouble { error, ..trouble } };
    }
    let may_be_taken_later = dead.iter().all(|(_, failed)| failed.class() == AttemptClass::AlreadyExists);
    let Some((path, failed)) = dead.into_iter().next() else { return settled(how, wanted) };
    let mut trouble = failed.trouble;
    trouble.error = match also.len() {
        1 => format!("{path}: {}", trouble.error),
        _ => also.join("; "),
    };
    if !is_one {
        trouble.error.push_str("; everything else was done");
    }
    if may_be_taken_later { Outcome::Retry(trouble) } else { Outcome::Dead(trouble) }
}

/// The target refused the whole change for a reason that is not about values: whether the account is on or off goes out by
/// itself all the same, and the rest is told of.
pub(super) async fn active_alone(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    id: &str,
    refused: Failed,
) -> Result<Move, Stop> {
    let parts = parts_of(call, wanted, progress);
    let Some(active) = parts.first().filter(|part| part.path == ACTIVE && parts.len() > 1) else {
        return Err(Stop::Failed(Box::new(refused)));
    };
    match write(call, wanted, progress, id, &[active]).await {
        Ok(None) => {}
        Ok(Some(undone)) => return Ok(Move::End(undone)),
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            return Ok(Move::RecoverGone);
        }
        Err(stop) => return Err(stop),
    }
    let state = if wanted.state == AccountState::Active { "enabled" } else { "disabled" };
    let Failed { failure, mut trouble } = refused;
    trouble.error = format!("the account is {state}, but its other changes were refused: {}", trouble.error);
    Ok(Move::End(match failure.class {
        AttemptClass::Permanent => Outcome::Dead(trouble),
        _ => Outcome::Retry(trouble),
    }))
}

#[cfg(test)]
mod tests {
    use super::base;

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
            assert_eq!(base(path), attribute);
        }
    }
}
