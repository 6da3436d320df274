//! Policies: the people who should have an account at a target, the groups that should exist there, their attributes,
//! and the rules for leavers.
//!
//! [`Policy::parse`] reads one YAML file. Only [`decide_person`] and [`decide_group`] make decisions: the event path,
//! a plan and provisioning on demand all call them, so they cannot disagree. [`explain_decision()`] explains the
//! inputs of a decision.
//!
//! The crate contains no I/O, no clock (the caller passes `now`), no randomness, and no knowledge of the present
//! state of a target. The same inputs always give the same decision, and no input makes it panic.
//!
//! To add an operator: 1. its name in `scope/spelling.rs`, 2. a variant of `AttributeOperator` or `TextTest` with its
//! meaning in `scope/operator.rs`, 3. rows in the tables of `scope/operator/tests.rs`. To add a kind of source: 1. a
//! variant of `MappingSource` in `mapping.rs`, 2. its key in `document/mappings.rs`, 3. its place in `schema.rs`.

mod attributes;
mod decide;
mod document;
mod error;
mod explain;
mod mapping;
mod policy;
mod reason;
mod schema;
mod scope;

pub use decide::{
    DecisionSubject, GroupDecision, GroupSubject, PolicyDecision, decide_group, decide_person, in_scope,
};
pub use document::{MAPPINGS_MAX, PathReach};
pub use error::{PolicyError, PolicyRemark, WrongPart};
pub use explain::{ExplainedDecision, explain_decision, explain_group};
pub use mapping::{ApplyWhen, MappedAttribute, MappingSource, OnNull, ValueType};
pub use policy::{GroupRules, LeaverAction, LeaverMoment, LeaverRule, OutOfScope, Policy, UserRules};
pub use reason::{DecisionReason, DecisionRule};
pub use schema::SCHEMA;
pub use scope::{
    AssignedNames, AssignmentMode, AttributeName, AttributeOperator, ClauseError, DateOperand, DatePeriod,
    DateTest, DecidingClause, FixedDate, Glob, GlobPart, GroupMembership, GroupPattern, IntegerOrder, OneOf,
    Scope, ScopeClause, ScopeInput, ScopeJudgement, ScopePattern, TextTest,
};
