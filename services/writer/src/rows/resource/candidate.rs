//! The resource at the target that matches a row and waits for an operator to link it.

use serde::{Deserialize, Serialize};

use super::Model;

/// A resource that matches and was not created by Usher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AdoptionCandidate {
    /// The target's id of the resource.
    pub(crate) id: String,
}

impl Model {
    /// Returns the resource that matches and waits for an operator.
    pub(crate) fn candidate(&self) -> Option<AdoptionCandidate> {
        serde_json::from_str(self.candidate.as_deref()?).ok()
    }

    /// Keeps the resource that matches and waits for an operator.
    pub(crate) fn set_candidate(&mut self, candidate: Option<&AdoptionCandidate>) {
        self.candidate = candidate.map(|it| serde_json::to_string(it).expect("a candidate is plain data"));
    }
}
