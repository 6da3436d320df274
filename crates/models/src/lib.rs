//! Models of how the services hand work to one another, checked exhaustively.
//!
//! A model is written from ARCHITECTURE.md, not from the code: it is small enough that every order of steps and faults
//! can be tried. What it promises, and where each part of it stands in the product, is said in
//! [`handover`]; ARCHITECTURE.md has the same table. To add a mechanism, add its step, and a switch in
//! [`handover::ModelMechanisms`] that leaves it out: a test shows which promise breaks without it.

pub mod handover;
