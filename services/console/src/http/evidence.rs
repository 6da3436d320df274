//! Signed evidence for auditors.

use axum::extract::State;
use axum::{Extension, Json};
use edge::{PROBLEM_JSON, Problem};
use lifecycle::export::{
    ChainAnchor, ChainReport, ChainRequest, EXPORT_EDGE, EvidenceKeys, ExportPage, ExportRequest,
};
use lifecycle::verbs;
use serde::Deserialize;
use utoipa::IntoParams;

use super::ConsoleStateInner;
use super::audit::AuditedOperator;
use super::auth::OperatorName;
use super::query::CheckedQuery;
use super::reason::check_actor;
use crate::api::RotateEvidenceKey;

/// Period and page of an export.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// Start of the period of decisions (RFC 3339), inclusive.
    from: String,
    /// End of the period of decisions (RFC 3339), exclusive.
    to: String,
    /// `true`: people are named by keyed hashes only.
    pseudonyms: Option<bool>,
    /// `seal.upto` of the previous page.
    after: Option<String>,
}

/// Exports signed evidence of leavers
///
/// A page has lines that are chained by hashes, and a signed seal. `seal.upto` is `-` on the last page.
#[utoipa::path(
    get,
    path = "/v1/leavers/export",
    params(ExportQuery),
    responses(
        (status = 200, body = ExportPage, description = "a part of the export"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "the mapper refused: a moment is wrong"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "a query parameter is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn export_evidence(
    State(context): State<ConsoleStateInner>,
    Extension(OperatorName(who)): Extension<OperatorName>,
    CheckedQuery(query): CheckedQuery<ExportQuery>,
) -> Result<Json<ExportPage>, Problem> {
    let request = ExportRequest {
        from: query.from,
        to: query.to,
        pseudonyms: query.pseudonyms.unwrap_or_default(),
        after: query.after.unwrap_or_else(|| EXPORT_EDGE.to_owned()),
    };
    tracing::info!(who, from = request.from, to = request.to, "evidence of leavers was exported");
    Ok(Json(context.ask::<verbs::ExportEvidenceVerb>(&request).await?))
}

/// An earlier entry of the chain to check.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ChainQuery {
    /// `seal.chain.sequence` of a page of evidence.
    sequence: Option<u64>,
    /// `seal.chain.hash` of the same page.
    hash: Option<String>,
}

/// Verifies the chain of evidence
///
/// Reads the chain of all changes of leavers' obligations, and reports whether every entry is as it was written.
#[utoipa::path(
    get,
    path = "/v1/leavers/chain",
    params(ChainQuery),
    responses(
        (status = 200, body = ChainReport, description = "the result of the check"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn check_evidence_chain(
    State(context): State<ConsoleStateInner>,
    CheckedQuery(query): CheckedQuery<ChainQuery>,
) -> Result<Json<ChainReport>, Problem> {
    let anchor = query.sequence.zip(query.hash).map(|(sequence, hash)| ChainAnchor { sequence, hash });
    let request = ChainRequest { anchors: anchor.into_iter().collect() };
    Ok(Json(context.ask::<verbs::CheckChainVerb>(&request).await?))
}

/// Lists the public keys for evidence, the signing key first
#[utoipa::path(
    get,
    path = "/v1/leavers/keys",
    responses(
        (status = 200, body = EvidenceKeys, description = "the keys, newest first"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn list_evidence_keys(
    State(context): State<ConsoleStateInner>,
) -> Result<Json<EvidenceKeys>, Problem> {
    Ok(Json(context.ask::<verbs::EvidenceKeysVerb>(&()).await?))
}

/// Creates a new signing key for evidence
///
/// Earlier keys stay known.
#[utoipa::path(
    post,
    path = "/v1/leavers/keys/rotate",
    request_body = RotateEvidenceKey,
    responses(
        (status = 200, body = EvidenceKeys, description = "the keys, newest first"),
        (status = 401, body = Problem, content_type = PROBLEM_JSON, description = "no valid token"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "`why` is missing"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "the mapper does not answer"),
    )
)]
pub(super) async fn rotate_evidence_key(
    State(context): State<ConsoleStateInner>,
    AuditedOperator { who, ready }: AuditedOperator,
    edge::JsonBody(body): edge::JsonBody<RotateEvidenceKey>,
) -> Result<Json<EvidenceKeys>, Problem> {
    let actor = check_actor(who, &body.why)?;
    Ok(Json(context.act::<verbs::RotateEvidenceKeyVerb>(ready, &actor).await?))
}
