//! Verb `test_target`: tests whether a target can be reached and accepts our credential. It is as harmless as Entra's
//! connection test: it looks for an account that does not exist.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::{ControlError, Lane, ResourceKind, TestReply, TestRequest};
use scim::ScimKind;

use super::{WriterControl, refuse_with};
use crate::delivery::call::{CallStop, CallSubject, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::delivery::pacer::{RequestUrgency, TargetCircuit};
use crate::rows::access::RemovalConsent;

/// The longest wait for the target on behalf of an operator.
const PATIENCE: Duration = Duration::from_secs(20);

impl WriterControl {
    /// Tests the connection to a target.
    ///
    /// # Errors
    /// If this replica does not own the target, or if the target cannot be asked now.
    pub(super) async fn test(&self, request: TestRequest) -> Result<TestReply, ControlError> {
        self.configured(&request.target)?;
        let Some(target) = self.owned(&request.target) else {
            return Err(self.not_ours(&request.target).await);
        };
        let about = CallSubject {
            kind: ResourceKind::User,
            subject: format!("target:{}", target.name),
            revision: 0,
            lane: Lane::Leaver,
            trace: None,
            attempts: 0,
            consent: RemovalConsent::Unknown,
            only_switch_offs: false,
            known: None,
        };
        let asked = async {
            let permit = target.pacer.acquire(RequestUrgency::opening(Lane::Leaver)).await;
            let mut call = TargetCall::new(Arc::clone(&target), about, permit);
            let filterable = &target.client.profile().lookups.user.filterable;
            let path = filterable.iter().find(|path| *path == "userName").or(filterable.first());
            let nobody = format!("usher-connection-test-{}", uuid::Uuid::now_v7().simple());
            let found = match path {
                Some(path) => call
                    .send(ScimOperation::Lookup, async |client| {
                        client.find(ScimKind::User, path, &nobody).await
                    })
                    .await
                    .map(drop),
                None => call
                    .send(ScimOperation::List, async |client| client.list(ScimKind::User, None, 0).await)
                    .await
                    .map(drop),
            };
            let steps = call.steps();
            match found {
                Ok(()) => Ok(TestReply { works: true, steps, error: None }),
                Err(CallStop::Failed(failed)) => {
                    Ok(TestReply { works: false, steps, error: Some(failed.trouble.error) })
                }
                Err(CallStop::Postponed { trouble, .. }) => {
                    Ok(TestReply { works: false, steps, error: Some(trouble.error) })
                }
                Err(CallStop::Never(why)) => Ok(TestReply { works: false, steps, error: Some(why) }),
                Err(CallStop::Deferred) => {
                    let error = call.last_error().map(str::to_owned);
                    Ok(TestReply {
                        works: false,
                        steps,
                        error: Some(error.unwrap_or_else(|| {
                            "the target is changing hands between replicas; try again".to_owned()
                        })),
                    })
                }
            }
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(refuse_with(match target.pacer.circuit() {
                TargetCircuit::Open { reason, .. } => format!("`{}` is not asked now: {reason}", target.name),
                TargetCircuit::Closed => {
                    format!("`{}` did not answer within {} s", target.name, PATIENCE.as_secs())
                }
            })),
        }
    }
}
