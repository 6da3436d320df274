//! Modules shared by the test of the pure function and the test of the whole pipeline: the reference and the random
//! histories. Both tests name these modules at their root.

pub mod history;
pub mod mutation;
pub mod reference;
pub mod statements;
pub mod voice;
