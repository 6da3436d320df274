//! What an evaluation may look at: attributes, the time, a seed, and the target's taken values.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// Where attributes come from.
pub trait AttributeSource {
    /// The value of an attribute; `None` and JSON null both mean that there is none. Names are compared exactly.
    fn attribute(&self, name: &str) -> Option<&Json>;
}

impl AttributeSource for BTreeMap<String, Json> {
    fn attribute(&self, name: &str) -> Option<&Json> {
        self.get(name)
    }
}

impl AttributeSource for serde_json::Map<String, Json> {
    fn attribute(&self, name: &str) -> Option<&Json> {
        self.get(name)
    }
}

/// All randomness of an evaluation derives from it: the same seed at the same place of the same expression gives the
/// same value, so that a repeated evaluation does not change an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomSeed(pub [u8; 32]);

/// The world outside of the attributes, passed in so that evaluation stays pure.
#[derive(Clone, Copy)]
pub struct EvaluationEnvironment<'a> {
    /// What `Now()` says, in UTC.
    pub now: OffsetDateTime,
    /// What `Guid()` and `RandomString(...)` draw from.
    pub seed: RandomSeed,
    /// Whether another account of the target has this value already (`SelectUniqueValue`).
    pub is_taken: &'a dyn Fn(&str) -> bool,
    /// What `DefaultDomain()` says.
    pub default_domain: Option<&'a str>,
}

impl std::fmt::Debug for EvaluationEnvironment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("now", &self.now)
            .field("default_domain", &self.default_domain)
            .finish_non_exhaustive()
    }
}
