//! The JSON Schema of policy files, for editors and other programs.

/// JSON Schema (draft 2020-12) of a policy file, as text. docs/policy.schema.json is the published copy.
pub const SCHEMA: &str = include_str!("policy.schema.json");
