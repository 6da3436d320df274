//! Authentication of operators.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use edge::Problem;

use super::ConsoleStateInner;

/// Name of the operator whose token came with the request.
#[derive(Debug, Clone)]
pub(super) struct OperatorName(pub(super) String);

/// Lets a request through if it carries the token of an operator.
pub(super) async fn require_operator(
    State(context): State<ConsoleStateInner>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let name = OperatorName(context.operators.authenticate(request.headers())?.clone());
    request.extensions_mut().insert(name);
    Ok(next.run(request).await)
}
