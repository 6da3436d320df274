//! Commands that switch off and that the broker does not have yet: they wait in the outbox or are set aside there.

use std::collections::HashMap;

use lifecycle::{Command, DesiredState, WaitReason, WaitingFor};
use relay::{OutboxPublisher, UnpublishedMessage};
use store::StoreError;
use time::format_description::well_known::Rfc3339;

/// The reasons for waiting, by person and group. The group of an account is empty.
#[derive(Debug, Default)]
pub(super) struct UnpublishedDecisions(HashMap<(String, String), WaitReason>);

impl UnpublishedDecisions {
    /// Reads the unpublished commands for `target`.
    pub(super) async fn read(relay: &OutboxPublisher, target: &str) -> Result<Self, StoreError> {
        let mut known = HashMap::new();
        for unpublished in relay.unpublished().await? {
            let Some(command) = unpublished.message.as_command() else { continue };
            if command.target == target {
                let waiting = waiting(&unpublished);
                known.extend(keys(&command).into_iter().map(|key| (key, waiting.clone())));
            }
        }
        Ok(Self(known))
    }

    /// Returns the reason why the command waits, if it is unpublished.
    pub(super) fn get(&self, key: &(String, String)) -> Option<WaitReason> {
        self.0.get(key).cloned()
    }
}

fn waiting(unpublished: &UnpublishedMessage) -> WaitReason {
    match &unpublished.refused {
        Some(cause) => WaitReason::because(WaitingFor::Refusal, cause),
        None => {
            let since = unpublished.since.format(&Rfc3339).unwrap_or_default();
            WaitReason::because(WaitingFor::Outbox, format!("in the outbox of the mapper since {since}"))
        }
    }
}

/// Returns the people and groups that the command concerns.
fn keys(command: &Command) -> Vec<(String, String)> {
    match &command.desired {
        DesiredState::User(_) => vec![(command.subject.clone(), String::new())],
        DesiredState::Membership { edges } => {
            edges.iter().map(|edge| (edge.member.clone(), command.subject.clone())).collect()
        }
        DesiredState::Group(_) => Vec::new(),
    }
}
