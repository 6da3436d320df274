//! Models of the hand-overs between the services, checked exhaustively.
//!
//! A model is written from ARCHITECTURE.md, not from the code. It is small enough that every order of steps and
//! faults can be tried. [`handover`] lists the promises of the model and the part of the product that each step
//! stands for. To add a mechanism, add its step and a switch in
//! [`handover::ModelMechanisms`] that leaves it out: a test shows which promise breaks without it.

pub mod handover;
