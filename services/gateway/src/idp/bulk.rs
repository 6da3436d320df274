//! SCIM bulk requests. Each operation is a transaction of its own, which runs when all resources that it refers to exist.

use std::collections::HashMap;

use scim_service::{
    BulkStep, Precondition, ScimBulkOperation, ScimBulkRequest, ScimServiceError, entity_tag,
};
use serde_json::{Value, json};

use super::answer::{ScimOutcome, ScimRefusal};
use super::write::{ProviderSession, ResourceEdit};

/// A bulk request in progress.
pub(super) struct BulkRun<'a> {
    session: &'a ProviderSession<'a>,
    /// The address of the service as the client sees it.
    base: &'a str,
    request: &'a ScimBulkRequest,
    /// The ids of created resources by `bulkId`.
    ids: HashMap<String, String>,
    /// The ids of created resources.
    created: Vec<String>,
    /// The result of each operation, in order; `None` while it has not run.
    answers: Vec<Option<Value>>,
    /// The number of failed operations.
    errors: usize,
}

impl<'a> BulkRun<'a> {
    pub(super) fn new(session: &'a ProviderSession<'a>, base: &'a str, request: &'a ScimBulkRequest) -> Self {
        let answers = vec![None; request.operations.len()];
        Self { session, base, request, ids: HashMap::new(), created: Vec::new(), answers, errors: 0 }
    }

    /// Runs all operations, or as many as `failOnErrors` allows.
    ///
    /// # Errors
    /// 503 if an operation is not known to be stored. The whole request can
    /// be repeated: the same operations then create the same resources again.
    pub(super) async fn run(mut self) -> ScimOutcome<Value> {
        let done = self.operate_all().await;
        match done {
            Ok(()) => self.session.note_answered(&self.created).await?,
            Err(refusal) => {
                self.session.note_unanswered(&self.created).await?;
                return Err(refusal);
            }
        }
        Ok(scim_service::bulk_answer(self.answers.into_iter().flatten().collect()))
    }

    /// Runs the operations in rounds, until none is left or none of the rest can run.
    async fn operate_all(&mut self) -> ScimOutcome<()> {
        let mut waiting: Vec<usize> = (0..self.request.operations.len()).collect();
        while !waiting.is_empty() && !self.is_over() {
            let before = waiting.len();
            let mut later = Vec::new();
            for at in waiting {
                if self.is_over() {
                    break;
                }
                if self.is_ready(at) {
                    self.operate(at).await?;
                } else {
                    later.push(at);
                }
            }
            if later.len() == before {
                self.refuse_rest(&later);
                break;
            }
            waiting = later;
        }
        Ok(())
    }

    /// Returns whether the number of failures has reached `failOnErrors`.
    fn is_over(&self) -> bool {
        self.request.fail_on_errors.is_some_and(|most| self.errors >= most)
    }

    /// Returns whether all resources that the operation refers to exist.
    fn is_ready(&self, at: usize) -> bool {
        match &self.request.operations[at].step {
            Ok(step) => step.references().iter().all(|name| self.ids.contains_key(name)),
            Err(_) => true,
        }
    }

    /// Refuses the remaining operations: they refer to a failed operation, to a resource that does not exist, or to each other.
    fn refuse_rest(&mut self, rest: &[usize]) {
        for at in rest {
            if !self.is_over() {
                let detail = "it refers to a `bulkId` that was not created, or the references form a cycle";
                let mut error = ScimServiceError::new(409, detail);
                error.scim_type = Some("invalidValue");
                self.note(*at, Err(error.into()));
            }
        }
    }

    /// Runs one operation and records its result.
    async fn operate(&mut self, at: usize) -> ScimOutcome<()> {
        let operation = &self.request.operations[at];
        let result = match &operation.step {
            Err(error) => Err(error.clone().into()),
            Ok(step) => self.step(operation, step.clone().resolved(&self.ids)).await,
        };
        match result {
            // A storage failure is not a fault of this operation.
            Err(refusal) if refusal.error().status == 503 => Err(refusal),
            result => {
                self.note(at, result);
                Ok(())
            }
        }
    }

    /// Runs one step and returns its status, and the resource's id and version.
    async fn step(
        &mut self,
        operation: &ScimBulkOperation,
        step: BulkStep,
    ) -> ScimOutcome<(u16, Option<(String, i64)>)> {
        let BulkStep { kind, id, data, version } = step;
        let only = version.as_deref().map(Precondition::parse);
        let id = id.unwrap_or_default();
        let row = match operation.method.as_str() {
            "POST" => {
                let row = self.session.create(kind, &data).await?;
                self.created.push(row.id.clone());
                if let Some(name) = &operation.bulk_id {
                    self.ids.insert(name.clone(), row.id.clone());
                }
                return Ok((201, Some((row.id, row.version))));
            }
            "DELETE" => {
                self.session.delete(kind, &id, only.as_ref()).await?;
                return Ok((204, None));
            }
            "PUT" => self.session.update(kind, &id, only.as_ref(), ResourceEdit::Replace(&data)).await?,
            _ => self.session.update(kind, &id, only.as_ref(), ResourceEdit::Patch(&data)).await?,
        };
        if let Some(name) = &operation.bulk_id {
            self.ids.insert(name.clone(), row.id.clone());
        }
        Ok((200, Some((row.id, row.version))))
    }

    /// Adds the result of an operation to the response.
    fn note(&mut self, at: usize, result: Result<(u16, Option<(String, i64)>), ScimRefusal>) {
        let operation = &self.request.operations[at];
        let mut answer = json!({"method": operation.method});
        if let Some(name) = &operation.bulk_id {
            answer["bulkId"] = name.as_str().into();
        }
        let step = operation.step.as_ref().ok();
        let location = |id: &str| step.map(|step| format!("{}/{}/{id}", self.base, step.kind.endpoint()));
        match result {
            Ok((status, resource)) => {
                answer["status"] = status.to_string().into();
                let known = step.and_then(|step| step.id.clone()).map(|id| (id, None));
                let (id, version) = match resource {
                    Some((id, version)) => (Some(id), Some(version)),
                    None => known.map_or((None, None), |(id, version)| (Some(id), version)),
                };
                if let Some(location) = id.as_deref().and_then(location) {
                    answer["location"] = location.into();
                }
                if let Some(version) = version {
                    answer["version"] = entity_tag(version).into();
                }
            }
            Err(refusal) => {
                self.errors += 1;
                self.session.note_refusal(&operation.method, &refusal);
                answer["status"] = refusal.error().status.to_string().into();
                answer["response"] = refusal.error().body();
                if let Some(location) = step.and_then(|step| location(step.id.as_deref()?)) {
                    answer["location"] = location.into();
                }
            }
        }
        self.answers[at] = Some(answer);
    }
}
