//! Commands that switch off and that the broker does not have: what waits in the outbox, and what is set aside there.

use std::collections::HashMap;

use lifecycle::{Command, Desired, Waiting, WaitingFor};
use relay::{Relay, UnpublishedMessage};
use store::StoreError;
use time::format_description::well_known::Rfc3339;

/// By person and group; the group of an account is empty.
#[derive(Debug, Default)]
pub(super) struct Unpublished(HashMap<(String, String), Waiting>);

impl Unpublished {
    /// Those for `target`.
    pub(super) async fn read(relay: &Relay, target: &str) -> Result<Self, StoreError> {
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

    /// What the command waits for, if it is one of them.
    pub(super) fn get(&self, key: &(String, String)) -> Option<Waiting> {
        self.0.get(key).cloned()
    }
}

fn waiting(unpublished: &UnpublishedMessage) -> Waiting {
    match &unpublished.refused {
        Some(cause) => Waiting::because(WaitingFor::Refusal, cause),
        None => {
            let since = unpublished.since.format(&Rfc3339).unwrap_or_default();
            Waiting::because(WaitingFor::Outbox, format!("in the outbox of the mapper since {since}"))
        }
    }
}

fn keys(command: &Command) -> Vec<(String, String)> {
    match &command.desired {
        Desired::User(_) => vec![(command.subject.clone(), String::new())],
        Desired::Membership { edges } => {
            edges.iter().map(|edge| (edge.member.clone(), command.subject.clone())).collect()
        }
        Desired::Group(_) => Vec::new(),
    }
}
