//! Policies: who should have an account or group at a target, with which attributes, and what becomes of leavers.
//!
//! [`Policy::parse`] reads one YAML file; [`decide`] and [`decide_group`] are the only deciders there are: the event
//! path, a plan and a reconcile all call them, so they cannot disagree.
//!
//! Never here: I/O, a clock (the caller passes `now`), randomness, knowledge of what a target has. The same inputs
//! give the same decision for ever, and no input makes it panic.
//!
//! To add an operator: 1. a variant of `Operator` with its name in `scope.rs`, 2. its meaning in `Operator::holds`,
//! 3. a row in the table test of `scope.rs`. To add a kind of source: 1. a variant of `Source` in `mapping.rs`, 2. its
//! key in `document.rs`.

mod attributes;
mod decide;
mod document;
mod error;
mod mapping;
mod policy;
mod reason;
mod scope;

pub use decide::{Decision, GroupDecision, Subject, decide, decide_group};
pub use error::PolicyError;
pub use mapping::{Mapping, Source};
pub use policy::{GroupRules, LeaverAction, LeaverRule, Policy, UserRules};
pub use reason::{Reason, Rule};
pub use scope::{Clause, Operator, Scope};
