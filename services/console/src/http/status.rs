//! Targets, queues and lag.

use axum::Json;
use axum::extract::State;
use bus::{Bus, LeftMark, SourceProblems, StreamName, StreamSnapshot};
use edge::{PROBLEM_JSON, Problem};
use lifecycle::{OutboxRequest, SourceProblem, verbs};
use telemetry::chain;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::ConsoleStateInner;
use crate::api::{
    BackupStatus, ConsoleStatusView, LagView, ServiceProblem, SourceProblemStatus, StreamStatus,
};
use crate::{GATEWAY, MAPPER, WRITER};

/// The number of requests with wrong credentials in an hour from which on the status mentions them.
const WRONG_CREDENTIALS_NOTED: u64 = 10;

/// Returns the notice of requests to this console that came with wrong credentials. Those to the gateway are problems of sources.
fn wrong_credentials(context: &super::ConsoleState) -> Option<String> {
    let requests = context.operators.guard.last_hour(std::time::Instant::now()).requests;
    (requests >= WRONG_CREDENTIALS_NOTED).then(|| {
        format!("{requests} requests to the console came with wrong credentials in the last hour; the console's log names the addresses")
    })
}

/// Returns the status of targets, policies, queues and consumers
///
/// A service that does not answer is listed in `unavailable`; the rest of the status is complete.
#[utoipa::path(
    get,
    path = "/v1/status",
    responses(
        (status = 200, body = ConsoleStatusView, description = "the status"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
    )
)]
pub(super) async fn show_status(
    State(context): State<ConsoleStateInner>,
) -> Result<Json<ConsoleStatusView>, Problem> {
    let bus = &context.bus;
    let gateway_outbox = OutboxRequest { limit: Some(1), cursor: None };
    let (backup, of_gateway, (problems, unknown_problems)) =
        tokio::join!(last_backup(bus), bus.mark(GATEWAY), source_problems(bus));
    let (streams, gateway, writer, mapper, (quarantined, quarantined_departures), events, commands, journal) = tokio::join!(
        stream_statuses(bus),
        context.ask::<verbs::GatewayOutboxVerb>(&gateway_outbox),
        context.ask::<verbs::WriterStatusVerb>(&()),
        context.ask::<verbs::MapperStatusVerb>(&()),
        super::quarantine::quarantine_counts(&context),
        bus.lag(StreamName::Events, MAPPER),
        bus.lag(StreamName::Commands, WRITER),
        bus.lag(StreamName::Journal, crate::DURABLE),
    );
    let mut unavailable = Vec::new();
    let mut there =
        |service: &str, problem: Problem| unavailable.push(ServiceProblem::new(service, &problem));
    let writer = writer.map_err(|problem| there(WRITER, problem)).ok();
    let mut mapper = mapper.map_err(|problem| there(MAPPER, problem)).ok();
    let mut outboxes = Vec::new();
    outboxes.extend(gateway.map_err(|problem| there(GATEWAY, problem)).ok().map(|reply| reply.status));
    outboxes.extend(mapper.as_mut().and_then(|mapper| mapper.outbox.take()));
    let writer = writer.unwrap_or_default();
    outboxes.extend(writer.outbox);
    let of_mapper = mapper.as_ref().map(|mapper| mapper.notices.clone()).unwrap_or_default();
    // The gateway leaves its notices at the broker.
    let of_gateway = match of_gateway {
        Ok(LeftMark::Mark(mark)) => mark.notices,
        Ok(LeftMark::Unreadable { why }) => {
            vec![format!("what the gateway last left at the broker cannot be read: {why}")]
        }
        Ok(LeftMark::Nothing) | Err(_) => Vec::new(),
    };
    let mut notices = [writer.notices, of_mapper, context.recovery.notices(), of_gateway].concat();
    notices.extend(unknown_problems);
    notices.extend(wrong_credentials(&context));
    let lag = LagView { events: events.ok(), commands: commands.ok(), journal: journal.ok() };
    Ok(Json(ConsoleStatusView {
        targets: writer.targets,
        lag,
        mapper,
        outboxes,
        streams,
        quarantined,
        quarantined_departures,
        backup,
        notices,
        source_problems: problems.problems.into_iter().map(source_problem).collect(),
        source_problems_unlisted: problems.unlisted,
        unavailable,
    }))
}

/// Returns the last backup; `None` if the broker does not report it.
async fn last_backup(bus: &Bus) -> Option<BackupStatus> {
    let last = bus.last_backup().await.inspect_err(|error| {
        tracing::warn!(error = chain(error), "could not see when the last backup was taken");
    });
    let moment =
        |seconds: i64| time::OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok();
    let at = last.ok()?.and_then(|last| moment(last.seconds()));
    Some(BackupStatus { at, interval_days: bus.backup_interval_days() })
}

/// Returns the statements and requests that the gateway could not accept. The gateway leaves them at the broker, so they are
/// available while no gateway runs. A failed read is returned as a notice, because an empty list would look healthy.
async fn source_problems(bus: &Bus) -> (SourceProblems, Option<String>) {
    let now = i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
    match bus.source_problems(now).await {
        Ok(problems) => (problems, None),
        Err(error) => {
            let error = chain(&error);
            tracing::warn!(error, "could not see what could not be taken of sources");
            let notice = "what the gateway could not take of sources is not known: the broker does not tell";
            (SourceProblems::default(), Some(notice.to_owned()))
        }
    }
}

fn source_problem(problem: SourceProblem) -> SourceProblemStatus {
    let SourceProblem { source, kind, count, first, last, detail } = problem;
    let moment = |micros: i64| {
        let at = OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000));
        at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
    };
    let kind = kind.as_str().to_owned();
    SourceProblemStatus { source, kind, count, first: moment(first), last: moment(last), detail }
}

async fn stream_statuses(bus: &Bus) -> Vec<StreamStatus> {
    let mut all = Vec::new();
    for feed in StreamName::ALL {
        all.extend(bus.look_at_streams(feed).await.into_iter().map(stream_status));
    }
    all
}

fn stream_status(look: StreamSnapshot) -> StreamStatus {
    match look {
        StreamSnapshot::There(state) => StreamStatus {
            stream: state.stream,
            trouble: None,
            bytes: Some(state.bytes),
            bytes_max: Some(state.bytes_max),
            dropped_until: state.dropped_until.and_then(|at| at.format(&Rfc3339).ok()),
        },
        StreamSnapshot::Missing { stream } => {
            StreamStatus { stream, trouble: Some("it is missing".to_owned()), ..StreamStatus::default() }
        }
        StreamSnapshot::Unknown { stream, why } => {
            StreamStatus { stream, trouble: Some(why), ..StreamStatus::default() }
        }
    }
}
