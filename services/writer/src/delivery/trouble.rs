//! The failure of an operation at a target.

use crate::delivery::operation::FailedOperation;
use lifecycle::{AttemptClass, RequestExchange};

/// The failure of an operation, with its last request and response.
#[derive(Debug, Clone)]
pub(crate) struct ConvergeTrouble {
    pub(crate) operation: FailedOperation,
    pub(crate) class: AttemptClass,
    pub(crate) error: String,
    pub(crate) exchange: Option<RequestExchange>,
}
