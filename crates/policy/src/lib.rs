//! Policies: who should have an account or group at a target, with which attributes, and what becomes of leavers.
//!
//! [`Policy::parse`] reads one YAML file; [`decide`] and [`decide_group`] are the only deciders there are: the event
//! path, a plan and provisioning on demand all call them, so they cannot disagree; [`explain()`] says what they looked at.
//!
//! Never here: I/O, a clock (the caller passes `now`), randomness, knowledge of what a target has. The same inputs
//! give the same decision for ever, and no input makes it panic.
//!
//! To add an operator: 1. its name in `scope/spelling.rs`, 2. a variant of `Operator` or `TextTest` with its meaning in
//! `scope/operator.rs`, 3. rows in the tables of `scope/operator/tests.rs`. To add a kind of source: 1. a variant of
//! `Source` in `mapping.rs`, 2. its key in `document/mappings.rs`,
//! 3. its place in `schema.rs`.

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

pub use decide::{Decision, GroupDecision, GroupSubject, Subject, decide, decide_group, in_scope};
pub use document::{MAPPINGS_MAX, Reach};
pub use error::{PolicyError, Remark, WrongPart};
pub use explain::{Explained, explain, explain_group};
pub use mapping::{Apply, Mapping, OnNull, Source, ValueType};
pub use policy::{GroupRules, LeaverAction, LeaverMoment, LeaverRule, OutOfScope, Policy, UserRules};
pub use reason::{Reason, Rule};
pub use schema::SCHEMA;
pub use scope::{
    Assigned, AttributeName, Clause, ClauseError, DateTest, Deciding, Fixed, Glob, GlobPart, GroupPattern,
    Judgement, Membership, Mode, Moment, OneOf, Operator, Order, Pattern, Period, Scope, Seen, TextTest,
};
