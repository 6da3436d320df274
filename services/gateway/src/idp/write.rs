//! Changes of resources. Each is one transaction together with its events, and is answered only when JetStream has the events.
//!
//! A client that received a 503, or whose connection broke, repeats its request. The first change may be committed, with its
//! events still in the outbox. So every request first delivers the remaining outbox batches of its resource, and then:
//! - PUT, PATCH: a change that is made already changes nothing, and succeeds. DELETE: 204 as long as its events were not delivered.
//! - POST: no client knows the id of a resource whose creation was never answered (`answer_due_at` has passed). Creating one
//!   with the same `externalId` and name again returns that resource with the content of the new request: 201, not a 409
//!   forever. While the first request is still being answered, the second one is a 409 like any other.

mod create;
mod delete;
mod update;

use std::time::Instant;

use lifecycle::{SourceProblemKind, TraceContext};
use relay::OutboxBatch;
use retry::RetryLog;
use scim_service::{PatchedResource, Precondition, ResourceTree, ResourceType, ScimServiceError};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;
use store::{ROWS_PER_STATEMENT_MAX, StoreError, outbox};

use super::answer::{ScimOutcome, ScimRefusal};
use super::events::ResourceEventDraft;
use super::rows::resource;
use super::state::{IdentityProvider, ScimState};
use crate::SERVICE;

/// The maximum number of attempts of a transaction that conflicts with another one.
const ATTEMPTS_MAX: usize = 8;
/// The maximum time until a creation is answered, with success or not, in
/// microseconds. Longer than the time for which the bus tries to publish.
const ANSWER_MICROS_MAX: i64 = 60_000_000;

/// The reason why a transaction is not committed.
#[derive(Debug)]
pub(super) enum WriteFailure {
    /// The request is invalid, or conflicts with the stored resources.
    Refused(ScimServiceError),
    /// The database failed, or another transaction was faster.
    Store(StoreError),
}

impl From<ScimServiceError> for WriteFailure {
    fn from(error: ScimServiceError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for WriteFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The requested change.
pub(super) enum WriteRequest<'a> {
    Create { kind: ResourceType, patched: PatchedResource },
    Update { kind: ResourceType, id: &'a str, only: Option<&'a Precondition>, edit: ResourceEdit<'a> },
    Delete { kind: ResourceType, id: &'a str, only: Option<&'a Precondition> },
}

/// The content of an update: a replacement or a patch.
#[derive(Clone, Copy)]
pub(super) enum ResourceEdit<'a> {
    /// The complete new resource.
    Replace(&'a Value),
    /// A SCIM patch request.
    Patch(&'a Value),
}

/// The result of a committed transaction.
struct WriteResult {
    ending: WriteEnding,
    /// The outbox batches to deliver, including remaining ones of earlier changes.
    parcels: Vec<OutboxBatch>,
    /// The number of events of this change.
    events: u64,
}

/// The effect of a committed transaction on the resource.
enum WriteEnding {
    /// The resource was created, or a repeated creation found it.
    Created(resource::Model),
    /// The resource has the requested content.
    Changed(resource::Model),
    /// The resource was deleted.
    Deleted,
    /// The resource does not exist.
    Missing,
}

/// A request of one provider.
pub(super) struct ProviderSession<'a> {
    pub(super) state: &'a ScimState,
    pub(super) provider: &'a IdentityProvider,
    /// The trace context of the request.
    pub(super) trace: TraceContext,
    /// Tells whether the id of a created resource is returned on its own, or with others at the end.
    pub(super) answers: AnswerTiming,
}

/// The time at which the provider receives the id of a created resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerTiming {
    /// With the response to the creation itself.
    Each,
    /// With the response to the whole bulk request.
    AtTheEnd,
}

impl ProviderSession<'_> {
    /// Records a problem when a provider removes `active`. It may mean that access ends, but the protocol does not say so.
    pub(super) fn note_active_taken_away(&self) {
        let (source, kind) = (self.provider.event_source(), SourceProblemKind::RefusedRequests);
        self.state.intake.problems.note(&source, kind, 1, "active was removed: access stays unchanged");
    }

    /// Records refusals for the status, because the provider's operators may never read the responses. A
    /// conflict, and a lookup of a resource that does not exist, are normal between a provider and Usher.
    pub(super) fn note_refusal(&self, method: &str, refusal: &ScimRefusal) {
        let (error, problems) = (refusal.error(), &self.state.intake.problems);
        let kind = match error.status {
            404 if matches!(method, "PUT" | "PATCH" | "DELETE") => SourceProblemKind::UnknownResources,
            400 | 403 | 413 | 415 | 422 => SourceProblemKind::RefusedRequests,
            _ => return,
        };
        let scim_type = error.scim_type.map(|scim_type| format!(" {scim_type}")).unwrap_or_default();
        problems.note(
            &self.provider.event_source(),
            kind,
            1,
            &format!("{method}: {}{scim_type}", error.status),
        );
    }

    /// Creates a resource.
    ///
    /// # Errors
    /// 409 if the resource exists; 503 if the change is not known to be stored.
    pub(super) async fn create(&self, kind: ResourceType, body: &Value) -> ScimOutcome<resource::Model> {
        let patched = scim_service::read_resource(kind, body)?;
        let done = self.commit(&WriteRequest::Create { kind, patched }).await?;
        let WriteEnding::Created(row) = done.ending else { unreachable!("a resource is created or refused") };
        let ids = std::slice::from_ref(&row.id);
        match (self.deliver(done.parcels, done.events).await, self.answers) {
            (Ok(()), AnswerTiming::Each) => self.note_answered(ids).await?,
            (Ok(()), AnswerTiming::AtTheEnd) => {}
            (Err(refusal), _) => {
                self.note_unanswered(ids).await?;
                return Err(refusal);
            }
        }
        Ok(row)
    }

    /// Records that the provider is about to receive these ids.
    pub(super) async fn note_answered(&self, ids: &[String]) -> ScimOutcome<()> {
        self.note_answer(ids, None).await
    }

    /// Records that the provider does not receive these ids: from now on the same request returns this resource, and not a conflict.
    pub(super) async fn note_unanswered(&self, ids: &[String]) -> ScimOutcome<()> {
        let now = self.state.clock.next(0);
        self.note_answer(ids, Some(now)).await
    }

    /// Replaces or patches a resource.
    ///
    /// # Errors
    /// 404, 412, 409 if the new name is taken; 503 if the change is not known to be stored.
    pub(super) async fn update(
        &self,
        kind: ResourceType,
        id: &str,
        only: Option<&Precondition>,
        edit: ResourceEdit<'_>,
    ) -> ScimOutcome<resource::Model> {
        let done = self.commit(&WriteRequest::Update { kind, id, only, edit }).await?;
        self.deliver(done.parcels, done.events).await?;
        match done.ending {
            WriteEnding::Changed(row) | WriteEnding::Created(row) => Ok(row),
            WriteEnding::Deleted | WriteEnding::Missing => Err(missing_resource(kind).into()),
        }
    }

    /// Deletes a resource.
    ///
    /// # Errors
    /// 404, 412; 503 if the change is not known to be stored.
    pub(super) async fn delete(
        &self,
        kind: ResourceType,
        id: &str,
        only: Option<&Precondition>,
    ) -> ScimOutcome<()> {
        let done = self.commit(&WriteRequest::Delete { kind, id, only }).await?;
        // Remaining batches of a resource that no longer exists are the rest of its deletion.
        let was_left = !done.parcels.is_empty();
        self.deliver(done.parcels, done.events).await?;
        match done.ending {
            WriteEnding::Missing if !was_left => Err(missing_resource(kind).into()),
            _ => Ok(()),
        }
    }

    /// Runs the change in a transaction, and again if it conflicts with another one.
    async fn commit(&self, work: &WriteRequest<'_>) -> ScimOutcome<WriteResult> {
        let retries = RetryLog::new();
        for attempt in 1.. {
            match self.attempt(work).await {
                Ok(done) => return Ok(done),
                Err(WriteFailure::Refused(error)) => return Err(error.into()),
                Err(WriteFailure::Store(error)) if error.is_conflict() && attempt < ATTEMPTS_MAX => {
                    retries.failed("a change of a resource", &error);
                }
                Err(WriteFailure::Store(error)) => return Err(error.into()),
            }
        }
        unreachable!("the loop above has no end")
    }

    /// Runs the change in one transaction.
    async fn attempt(&self, work: &WriteRequest<'_>) -> Result<WriteResult, WriteFailure> {
        let published = self.state.relay.take_published().await;
        let tx = self.state.store.begin().await?;
        outbox::delete_rows(&tx, SERVICE, &published).await?;
        let done = match work {
            WriteRequest::Create { kind, patched } => self.create_in(&tx, *kind, patched).await?,
            WriteRequest::Update { kind, id, only, edit } => {
                self.update_in(&tx, *kind, id, *only, *edit).await?
            }
            WriteRequest::Delete { kind, id, only } => self.delete_in(&tx, *kind, id, *only).await?,
        };
        tx.commit().await.map_err(StoreError::statement("commit a change of a resource"))?;
        Ok(done)
    }

    /// Waits until JetStream has the events.
    async fn deliver(&self, parcels: Vec<OutboxBatch>, events: u64) -> ScimOutcome<()> {
        if !parcels.is_empty() {
            self.state.relay.deliver(parcels).await?;
        }
        telemetry::metrics::events_accepted(self.provider.name(), "accepted", events);
        // The number of events is known only now, so the next request waits for it.
        let _ = self.provider.source.spend(usize::try_from(events).unwrap_or(usize::MAX), Instant::now());
        Ok(())
    }

    /// Sets the time until which the creation of resources is pending; `None` once it is answered.
    async fn note_answer(&self, ids: &[String], until: Option<i64>) -> ScimOutcome<()> {
        let published = self.state.relay.take_published().await;
        let failed = StoreError::statement("note that a resource is known to its provider");
        let tx = self.state.store.begin().await?;
        outbox::delete_rows(&tx, SERVICE, &published).await?;
        for some in ids.chunks(ROWS_PER_STATEMENT_MAX) {
            resource::Entity::update_many()
                .col_expr(resource::Column::AnswerDueAt, Expr::value(until))
                .filter(resource::Column::Id.is_in(some))
                .exec(&tx)
                .await
                .map_err(&failed)?;
        }
        tx.commit().await.map_err(&failed)?;
        Ok(())
    }

    /// Creates an empty list of events for a change of the resource.
    fn draft<'d>(&self, id: &'d str, version: i64, at: i64) -> ResourceEventDraft<'d> {
        ResourceEventDraft { source: self.provider.event_source(), id, version, at, events: Vec::new() }
    }

    /// Stores the events in the outbox, behind the remaining batches of the resource.
    async fn pack(
        &self,
        tx: &DatabaseTransaction,
        mut left: Vec<OutboxBatch>,
        draft: ResourceEventDraft<'_>,
    ) -> Result<(Vec<OutboxBatch>, u64), WriteFailure> {
        let events = draft.events.len() as u64;
        if draft.events.iter().any(|event| self.state.intake.limits.is_too_large(event)) {
            return Err(ScimServiceError::new(413, "the change is larger than an event may be").into());
        }
        let outgoing =
            draft.events.iter().map(|event| bus::OutgoingMessage::event(event, self.trace)).collect();
        left.extend(relay::pack_for(tx, SERVICE, draft.id, outgoing).await?);
        Ok((left, events))
    }

    /// Returns the row of a resource and locks it, so that no other transaction can change it.
    async fn locked(
        &self,
        tx: &DatabaseTransaction,
        kind: ResourceType,
        id: &str,
    ) -> Result<Option<resource::Model>, StoreError> {
        resource::Entity::find_by_id(id)
            .filter(resource::Column::Source.eq(self.provider.name()))
            .filter(resource::Column::Kind.eq(kind.name()))
            .lock_exclusive()
            .one(tx)
            .await
            .map_err(StoreError::statement("read a resource to change it"))
    }

    /// Returns the resource with this value in `column`.
    async fn holder(
        &self,
        tx: &impl ConnectionTrait,
        kind: ResourceType,
        column: resource::Column,
        value: &str,
    ) -> Result<Option<resource::Model>, StoreError> {
        resource::Entity::find()
            .filter(resource::Column::Source.eq(self.provider.name()))
            .filter(resource::Column::Kind.eq(kind.name()))
            .filter(column.eq(value))
            .one(tx)
            .await
            .map_err(StoreError::statement("look for a resource of the same name"))
    }

    /// Returns the person's attributes under Usher's names, with the manager's id replaced by the key.
    async fn mapped(
        &self,
        tx: &impl ConnectionTrait,
        key: &str,
        tree: &ResourceTree,
        at: i64,
    ) -> Result<lifecycle::AttributeMap, WriteFailure> {
        let mut tree = tree.clone();
        if let Some(manager) = manager_key(&mut tree)
            && let Some(key) = self.key_of(tx, manager.as_str().unwrap_or_default()).await?
        {
            *manager = key.into();
        }
        let now = super::clock::moment_of(at);
        Ok(self.provider.mapping.attributes(&tree, key, &self.state.intake.limits, now)?)
    }

    /// Returns the key of a person. Providers refer to a person by the id that Usher assigned, and some by their own id.
    async fn key_of(&self, tx: &impl ConnectionTrait, id: &str) -> Result<Option<String>, StoreError> {
        for column in [resource::Column::Id, resource::Column::ExternalId] {
            if let Some(row) = self.holder(tx, ResourceType::User, column, id).await? {
                return Ok(Some(row.key));
            }
        }
        Ok(None)
    }
}

/// Returns the manager's id in a user, if there is one.
fn manager_key(tree: &mut ResourceTree) -> Option<&mut Value> {
    tree.get_mut(scim_service::ENTERPRISE_USER)?.get_mut("manager")?.get_mut("value")
}

fn missing_resource(kind: ResourceType) -> ScimServiceError {
    ScimServiceError::not_found(format!("no {} has this id", kind.name()))
}

fn name_taken(kind: ResourceType) -> ScimServiceError {
    ScimServiceError::uniqueness(format!("another {} has this `{}`", kind.name(), kind.name_attribute()))
}

/// Checks that the row has the version that the client has seen.
fn check_version(row: &resource::Model, only: Option<&Precondition>) -> Result<(), ScimServiceError> {
    match only {
        Some(only) if !only.names(row.version) => {
            Err(ScimServiceError::new(412, "the resource has changed since: read it again"))
        }
        _ => Ok(()),
    }
}

/// Returns the resource's name in the form in which names are compared.
fn name_of(kind: ResourceType, tree: &ResourceTree) -> String {
    resource::fold_name(tree.get(kind.name_attribute()).and_then(Value::as_str).unwrap_or_default())
}

fn external_id(tree: &ResourceTree) -> Option<String> {
    tree.get("externalId").and_then(Value::as_str).map(str::to_owned)
}

fn tree_json(tree: &ResourceTree) -> String {
    serde_json::to_string(tree).expect("a tree has only texts as names")
}

impl From<WriteFailure> for ScimRefusal {
    fn from(failure: WriteFailure) -> Self {
        match failure {
            WriteFailure::Refused(error) => error.into(),
            WriteFailure::Store(error) => error.into(),
        }
    }
}
