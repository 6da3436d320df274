//! The inputs of an evaluation: attributes, the time, a seed, and the values that are taken at the target.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// A source of attribute values.
pub trait AttributeSource {
    /// Returns the value of an attribute. `None` and JSON null both mean that there is none. Names are compared exactly.
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

/// The seed of all randomness in an evaluation. The same seed at the same place of the same
/// expression gives the same value, so that a repeated evaluation does not change an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomSeed(pub [u8; 32]);

/// The inputs besides the attributes. The caller passes them in, so that evaluation stays pure.
#[derive(Clone, Copy)]
pub struct EvaluationEnvironment<'a> {
    /// The result of `Now()`, in UTC.
    pub now: OffsetDateTime,
    /// The seed of `Guid()` and `RandomString(...)`.
    pub seed: RandomSeed,
    /// Returns `true` if another account of the target already has this value (`SelectUniqueValue`).
    pub is_taken: &'a dyn Fn(&str) -> bool,
    /// The result of `DefaultDomain()`.
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
