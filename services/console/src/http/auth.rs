//! Authentication of operators.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use edge::{Caller, CallerOrigin, CallerStanding, Problem};

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
    let caller = Caller::of(request.extensions(), request.headers(), &context.trusted_proxies);
    let origin = caller.address.map(CallerOrigin::of);
    let name = context.operators.authenticate(request.headers(), origin)?;
    if let Some(standing) = request.extensions().get::<CallerStanding>() {
        standing.prove();
    }
    request.extensions_mut().insert(OperatorName(name));
    Ok(next.run(request).await)
}
