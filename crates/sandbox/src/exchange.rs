//! The processing of one SCIM request: authentication, rate limit, fault, work, ledger, answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header;
use axum::response::Response;

use crate::answer::{SandboxAnswer, SandboxRefusal};
use crate::behaviour::SandboxBehaviour;
use crate::call::{ScimCall, ScimRoute};
use crate::connection::ConnectionHandle;
use crate::context::SandboxContext;
use crate::faults::InjectedFault;
use crate::ledger::LedgerEntry;
use crate::scim::summary::RequestSummary;
use crate::scim::{ScimContext, perform_call};
use crate::{BASE_PATH, RequestKind};

pub(crate) mod reply;

/// The maximum size of a request body, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Serves all paths that are not control paths.
pub(crate) async fn serve_request(
    State(world): State<Arc<SandboxContext>>,
    ConnectInfo(line): ConnectInfo<ConnectionHandle>,
    request: Request,
) -> Response {
    let arrived = Instant::now();
    let Some(path) = request.uri().path().strip_prefix(BASE_PATH) else {
        return reply::plain_response(
            SandboxRefusal::new(404, None, "SCIM is served below /scim/v2").into_answer(),
        );
    };
    let route = ScimRoute::parse(path);
    let path: Box<str> = path.into();
    let behaviour = world.behaviour();
    let admitted = admit_request(&world, &behaviour, &route, &request);
    let (parts, body) = request.into_parts();
    let header = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = header.map(str::to_owned);
    let header = parts.headers.get(header::USER_AGENT);
    let user_agent = header.map(|value| String::from_utf8_lossy(value.as_bytes()).chars().take(64).collect());
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return reply::plain_response(SandboxAnswer::error(
            413,
            None,
            "the body is too large, or it ended early",
        ));
    };
    let body = if bytes.is_empty() { None } else { serde_json::from_slice(&bytes).ok() };
    let call = ScimCall {
        method: parts.method,
        uri: parts.uri,
        content_type,
        user_agent,
        bytes,
        body,
        route,
        arrived: world.now(),
    };
    let fault = match &admitted {
        Ok(()) => world.faults.pick(call.method.as_str(), &path, &call.bytes),
        Err(_) => None,
    };
    let delay = match fault {
        Some(InjectedFault::Delay { millis }) => millis,
        _ => 0,
    } + behaviour.latency_ms;
    let case = PendingRequest { call, path, admitted, fault: fault.clone(), arrived };
    let answer = if delay == 0 {
        settle_request(&world, &behaviour, case)
    } else {
        settle_later(&world, &behaviour, case, Duration::from_millis(delay)).await
    };
    reply::send_answer(&world, &line, answer, fault).await
}

/// A request that waits for its decision.
struct PendingRequest {
    call: ScimCall,
    path: Box<str>,
    admitted: Result<(), SandboxAnswer>,
    fault: Option<InjectedFault>,
    arrived: Instant,
}

/// Processes the request in a separate task: it is carried out even if the client disconnects, as with a slow real server.
async fn settle_later(
    world: &Arc<SandboxContext>,
    behaviour: &Arc<SandboxBehaviour>,
    case: PendingRequest,
    delay: Duration,
) -> SandboxAnswer {
    let (world, behaviour) = (Arc::clone(world), Arc::clone(behaviour));
    let task = tokio::spawn(async move {
        world.pause(delay).await;
        settle_request(&world, &behaviour, case)
    });
    task.await.unwrap_or_else(|_| SandboxAnswer::error(500, None, "the sandbox failed"))
}

/// Checks the token and the rate limit.
fn admit_request(
    world: &SandboxContext,
    behaviour: &SandboxBehaviour,
    route: &ScimRoute,
    request: &Request,
) -> Result<(), SandboxAnswer> {
    let open = behaviour.discovery_open && route.kind == RequestKind::Discovery;
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    if !open && !bearer.is_some_and(|(_, token)| world.is_token(token.trim())) {
        return Err(SandboxAnswer::error(401, None, "the bearer token is missing or wrong"));
    }
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    world.take_token(request.method(), route.kind, length.unwrap_or(0)).map_err(|wait| {
        let mut answer = SandboxAnswer::error(429, None, "too many requests");
        answer.retry_after = Some(wait.as_secs_f64().ceil().max(1.0).to_string());
        answer
    })
}

/// Carries out the request, unless a fault prevents it, and writes the ledger.
fn settle_request(
    world: &SandboxContext,
    behaviour: &SandboxBehaviour,
    case: PendingRequest,
) -> SandboxAnswer {
    let PendingRequest { call, path, admitted, fault, arrived } = case;
    let mut directory = world.directory();
    let summary = RequestSummary::of(&directory, &call);
    let works = fault.as_ref().is_none_or(InjectedFault::works);
    let as_before = (fault == Some(InjectedFault::Pretend)).then(|| directory.clone());
    let (answer, work_done) = match admitted {
        Err(answer) => (answer, false),
        Ok(()) if !works => (SandboxAnswer::default(), false),
        Ok(()) => {
            let office = ScimContext { directory: &mut directory, behaviour, base_url: &world.base_url };
            match perform_call(office, &call) {
                Ok(answer) => (answer, as_before.is_none()),
                Err(refusal) => (refusal.into_answer(), false),
            }
        }
    };
    if let Some(before) = as_before {
        *directory = before;
    }
    let entry = LedgerEntry {
        sequence: 0,
        at_micros: u64::try_from(arrived.saturating_duration_since(world.started).as_micros())
            .unwrap_or(u64::MAX),
        wall: call.arrived,
        method: call.method.as_str().into(),
        path,
        query: call.uri.query().map(Into::into),
        kind: call.route.kind,
        resource_id: call.route.id.as_deref().or(answer.resource_id.as_deref()).map(Into::into),
        user_name: summary.user_name,
        external_id: summary.external_id,
        display_name: summary.display_name,
        operation: summary.operation,
        status: reply::shown_status(&answer, fault.as_ref()),
        fault: fault.as_ref().map(InjectedFault::name),
        work_done,
        user_agent: call.user_agent.as_deref().map(Into::into),
        body: (behaviour.keep_bodies && !call.bytes.is_empty())
            .then(|| String::from_utf8_lossy(&call.bytes).into()),
    };
    // The directory is still locked, so that the order of the ledger is the order of the work.
    world.ledger.write(entry, behaviour.ledger_entries_max);
    drop(directory);
    answer
}
