//! The JSON Schema of policy files, for editors and other programs.

/// JSON Schema (draft 2020-12) of a policy file, as text.
pub const SCHEMA: &str = include_str!("../../../docs/policy.schema.json");
