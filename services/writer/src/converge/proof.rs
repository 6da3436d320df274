//! Decides whether a target can be believed when it does not show an account.
//!
//! With a credential of another tenant, a wrong base path or a restore, a target answers 404 to every id and finds nothing. That proves
//! nothing. An account counts as gone only if another account or group that is known to be there was visible since the search began, and
//! the account is still missing after that. If no other resource was visible, one is read.

use lifecycle::ResourceKind;
use scim::ScimKind;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;
use telemetry::chain;

use crate::delivery::call::{CallStop, OwnedTarget, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::delivery::sight::UNPROVEN_MAX;
use crate::rows::orphan;
use crate::rows::words::RowStatus;
use crate::rows::{ResourceKey, resource};
use lifecycle::AttemptClass;

/// The number of resources that are read before an absence counts as unproven.
const WITNESSES_MAX: u64 = 3;

/// The strength of the evidence when the target does not show a resource.
#[derive(Debug)]
pub(crate) enum AbsenceProof {
    /// Another resource was visible.
    Proven,
    /// No other resource is known at the target.
    NothingToCompare,
    /// Other resources that should be there are not visible either. `pauses` is the reason to pause changes that give
    /// access, if there is one.
    Unproven { why: String, pauses: Option<String> },
}

/// Checks whether the target shows another resource that is known to be there.
///
/// # Errors
/// If the target or the database cannot be asked now.
pub(super) async fn prove_absence(call: &mut TargetCall) -> Result<AbsenceProof, CallStop> {
    if let Some(why) = call.target.address.doubt() {
        return Ok(AbsenceProof::Unproven { why, pauses: None });
    }
    let key = (call.about.kind, call.about.subject.clone());
    if call.target.sight.saw_another(&key, call.began) {
        return Ok(AbsenceProof::Proven);
    }
    if !call.target.sight.is_blind() {
        let witnesses = known_witnesses(call, &key).await?;
        if witnesses.is_empty() {
            return Ok(AbsenceProof::NothingToCompare);
        }
        for (kind, subject, id) in witnesses {
            let scim_kind = if kind == ResourceKind::Group { ScimKind::Group } else { ScimKind::User };
            match call.send(ScimOperation::Read, async |client| client.get(scim_kind, &id).await).await {
                Ok(_) => {
                    call.saw(format!("{} {subject}, which is known to be there", kind.as_str()));
                    call.target.sight.saw((kind, subject));
                    return Ok(AbsenceProof::Proven);
                }
                Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
                    call.saw(format!("nothing: {} {subject} should be there", kind.as_str()));
                }
                Err(stop) => return Err(stop),
            }
        }
        call.target.sight.went_blind();
    }
    let why = "the target does not show it, and does not show others that should be there either: the credential may be \
               that of another tenant, or the target is being restored"
        .to_owned();
    let pauses =
        call.target.sight.could_not_prove(&key).then(|| {
            format!("{UNPROVEN_MAX} accounts in a row are not there, and cannot be proven gone: {why}")
        });
    Ok(AbsenceProof::Unproven { why, pauses })
}

/// Returns whether no other resource is known that could show that the target can be believed.
///
/// # Errors
/// If the database cannot be asked now.
pub(super) async fn has_no_witness(call: &TargetCall) -> Result<bool, CallStop> {
    let key = (call.about.kind, call.about.subject.clone());
    if call.target.sight.saw_another(&key, call.began) {
        return Ok(false);
    }
    known_witnesses(call, &key).await.map(|witnesses| witnesses.is_empty())
}

async fn known_witnesses(
    call: &TargetCall,
    key: &ResourceKey,
) -> Result<Vec<(ResourceKind, String, String)>, CallStop> {
    find_witnesses(&call.target, key).await.map_err(|error| {
        tracing::warn!(target_name = %call.target.name, error = chain(&error), "could not find out what should be there");
        CallStop::Deferred
    })
}

/// Returns linked resources other than this one that should be there.
async fn find_witnesses(
    target: &OwnedTarget,
    key: &ResourceKey,
) -> Result<Vec<(ResourceKind, String, String)>, StoreError> {
    let hides_disabled = target.client.profile().hides_disabled;
    let rows = resource::Entity::find()
        .filter(resource::Column::Target.eq(&target.name))
        .filter(resource::Column::RemoteId.is_not_null())
        .filter(resource::Column::Status.eq(RowStatus::InSync))
        .filter(resource::Column::Subject.ne(&key.1))
        .filter(resource::Column::Subject.not_like(format!("{}%", orphan::PREFIX)))
        .order_by_desc(resource::Column::AppliedRevision)
        .limit(WITNESSES_MAX * 10)
        .all(target.store.reader())
        .await
        .map_err(StoreError::statement("find what should be there"))?;
    let is_shown =
        |row: &resource::Model| !(hides_disabled && row.applied().get("active") == Some(&false.into()));
    let shown = rows.into_iter().filter(is_shown);
    let known = shown.filter_map(|row| Some((row.kind(), row.subject.clone(), row.remote_id?)));
    Ok(known.take(usize::try_from(WITNESSES_MAX).unwrap_or(1)).collect())
}
