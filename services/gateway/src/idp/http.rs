//! The HTTP handlers: authenticate the provider, run the request, and build the response.

mod address;
mod discovery;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use edge::{RequestId, TokenHash, bearer_token, parse_json};
use lifecycle::{SourceProblemKind, UNKNOWN_SENDER};
use scim_service::{
    AnswerProjection, DEPTH_MAX, ListQuery, Precondition, ResourceType, ScimBulkRequest, ScimServiceError,
};
use serde_json::Value;
use tracing::Instrument;
use tracing::field::Empty;

use super::answer::{self, ScimOutcome, ScimRefusal};
use super::bulk::BulkRun;
use super::list::ListRequest;
use super::read;
use super::state::{IdentityProvider, ScimState};
use super::write::{AnswerTiming, ProviderSession, ResourceEdit};
use crate::intake::state::note_proven;
use address::{ScimAddress, ScimLocation};

/// Builds the routes below `/scim/v2`.
pub(crate) fn scim_router(state: Arc<ScimState>) -> Router {
    Router::new()
        .route("/scim/v2", any(handle_scim))
        .route("/scim/v2/", any(handle_scim))
        .route("/scim/v2/{*path}", any(handle_scim))
        .with_state(state)
}

/// Handles every request below `/scim/v2`.
async fn handle_scim(
    State(state): State<Arc<ScimState>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let address = ScimAddress::of(&parts.uri, |name| state.is_provider(name));
    if let Some(answer) = discovery::answer_discovery(&state, &parts, &address) {
        return answer.into_response();
    }
    let span =
        tracing::info_span!("ingest", door = "scim", request_id = %id, source = Empty, trace_id = Empty);
    let result = async {
        let provider = authenticate_provider(&state, &parts, &address)?;
        tracing::Span::current().record("source", provider.name());
        let is_bulk = address.place() == Some(&ScimLocation::Bulk);
        let answers = if is_bulk { AnswerTiming::AtTheEnd } else { AnswerTiming::Each };
        let trace = telemetry::in_trace(
            &tracing::Span::current(),
            crate::intake::headers::read_traceparent(&parts.headers),
        );
        let asked = ProviderRequest {
            session: ProviderSession { state: &state, provider: &provider, trace, answers },
            parts: &parts,
            address: &address,
        };
        let answer = asked.answer(body).await;
        if let Err(refusal) = &answer {
            asked.session.note_refusal(parts.method.as_str(), refusal);
        }
        answer
    }
    .instrument(span.clone())
    .await;
    if let Err(refusal) = &result {
        let error = refusal.error();
        let scim_type = error.scim_type.unwrap_or_default();
        span.in_scope(|| tracing::info!(status = error.status, scim_type, "request refused"));
    }
    result.unwrap_or_else(IntoResponse::into_response)
}

/// Returns the provider that holds the token, if it is the provider that the path names.
fn authenticate_provider(
    state: &ScimState,
    parts: &Parts,
    address: &ScimAddress,
) -> ScimOutcome<Arc<IdentityProvider>> {
    let unauthorised = |detail: &str| {
        crate::intake::state::count_unknown_token();
        let sender = address.provider().map_or_else(|| UNKNOWN_SENDER.to_owned(), super::state::event_source);
        state.intake.note_unproven(&sender, "no token, or an unknown one");
        ScimRefusal::unauthorised(detail)
    };
    let origin = state.intake.origin(parts);
    let guard = &state.intake.guard;
    let token = bearer_token(&parts.headers).map_err(|problem| {
        guard.note_wrong(None, address.provider(), Instant::now());
        unauthorised(problem.detail())
    })?;
    let credential = TokenHash::of(token);
    guard.admit(origin, Some(credential), Instant::now())?;
    let provider = state.provider_of(token);
    let fits =
        |provider: &Arc<IdentityProvider>| address.provider().is_none_or(|name| name == provider.name());
    let provider = provider.filter(fits).ok_or_else(|| {
        guard.note_wrong(origin, address.provider(), Instant::now());
        unauthorised(edge::UNKNOWN_TOKEN)
    })?;
    guard.note_right(origin, credential, Instant::now());
    note_proven(&parts.extensions);
    let sender = provider.event_source();
    state.intake.admit(&provider.source, parts).inspect_err(|_| state.intake.note_stranger(&sender))?;
    state.intake.problems.end_known(&sender, SourceProblemKind::RefusedCredentials);
    Ok(provider)
}

/// A request of a provider.
struct ProviderRequest<'a> {
    session: ProviderSession<'a>,
    parts: &'a Parts,
    address: &'a ScimAddress,
}

impl ProviderRequest<'_> {
    /// Dispatches the request by method and endpoint.
    async fn answer(&self, body: axum::body::Body) -> ScimOutcome<Response> {
        let method = &self.parts.method;
        let place = self
            .address
            .place()
            .ok_or_else(|| ScimServiceError::not_found("there is nothing at this path"))?;
        match (method, place) {
            (&Method::GET, ScimLocation::List(kind)) => self.list(*kind).await,
            (&Method::GET, ScimLocation::One(kind, id)) => self.get(*kind, id).await,
            (&Method::POST, ScimLocation::Search(kinds)) => self.search(kinds, body).await,
            (&Method::POST, ScimLocation::List(kind)) => self.create(*kind, body).await,
            (&Method::POST, ScimLocation::Bulk) => self.bulk(body).await,
            (&Method::PUT | &Method::PATCH, ScimLocation::One(kind, id)) => {
                self.update(*kind, id, body).await
            }
            (&Method::DELETE, ScimLocation::One(kind, id)) => self.delete(*kind, id).await,
            (_, ScimLocation::Me) => {
                Err(ScimServiceError::new(501, "the token identifies a provider, not a person").into())
            }
            (_, place) => Err(ScimRefusal::not_allowed(place.methods())),
        }
    }

    /// Returns the address of the service as the client sees it.
    fn base(&self) -> String {
        self.address.base(self.session.provider.public_url.as_deref(), &self.parts.headers)
    }

    /// Returns the query parameters.
    fn pairs(&self) -> Vec<(String, String)> {
        let query = self.parts.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    fn query(&self, kind: ResourceType) -> ScimOutcome<ListQuery> {
        let pairs = self.pairs();
        Ok(ListQuery::from_pairs(kind, pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))?)
    }

    /// Returns the attributes to show of a single resource.
    fn projection(&self, kind: ResourceType) -> ScimOutcome<AnswerProjection> {
        let pairs = self.pairs();
        let of = |wanted: &str| {
            pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
        };
        Ok(AnswerProjection::parse(kind, of("attributes"), of("excludedAttributes"))?)
    }

    fn header(&self, name: HeaderName) -> Option<Precondition> {
        self.parts.headers.get(name)?.to_str().ok().map(Precondition::parse)
    }

    fn listing<'s>(&'s self, kind: ResourceType, base: &'s str) -> ListRequest<'s> {
        let connection = self.session.state.store.reader();
        ListRequest { connection, source: self.session.provider.name(), kind, base }
    }

    async fn list(&self, kind: ResourceType) -> ScimOutcome<Response> {
        let _room = self.session.state.intake.pressure.seat()?;
        let list = self.listing(kind, &self.base()).answer(&self.query(kind)?).await?;
        Ok(answer::scim_document(StatusCode::OK, &Value::Object(list)))
    }

    async fn search(&self, kinds: &[ResourceType], body: axum::body::Body) -> ScimOutcome<Response> {
        let _room = self.session.state.intake.pressure.seat()?;
        let (body, base) = (self.body(body).await?, self.base());
        let (mut total, mut found, mut first) = (0, Vec::new(), None);
        // Search one resource type after the other, as if they were one list.
        for kind in kinds {
            let mut query = ListQuery::from_search(*kind, &body)?;
            let start_index = *first.get_or_insert(query.start_index);
            query.start_index = start_index.saturating_sub(total).max(1);
            query.count = query.count.saturating_sub(found.len());
            let page = self.listing(*kind, &base).page(&query).await?;
            total += page.total;
            found.extend(page.resources);
        }
        let list = scim_service::list_response(total, first.unwrap_or(1), found);
        Ok(answer::scim_document(StatusCode::OK, &Value::Object(list)))
    }

    async fn get(&self, kind: ResourceType, id: &str) -> ScimOutcome<Response> {
        let _room = self.session.state.intake.pressure.seat()?;
        let reader = self.session.state.store.reader();
        let row = read::load_row(reader, self.session.provider.name(), kind, id).await?;
        let projection = self.projection(kind)?;
        if self.header(IF_NONE_MATCH).is_some_and(|seen| seen.names(row.version)) {
            return Ok(answer::empty_response(
                StatusCode::NOT_MODIFIED,
                &read::whole_resource(&row, None, &self.base())?,
            ));
        }
        let read::ShownResource { whole, shown } =
            read::show_resource(reader, &row, &projection, &self.base()).await?;
        Ok(answer::resource_response(StatusCode::OK, &whole, shown))
    }

    async fn create(&self, kind: ResourceType, body: axum::body::Body) -> ScimOutcome<Response> {
        let _room = self.room()?;
        let (body, projection) = (self.body(body).await?, self.projection(kind)?);
        let row = self.session.create(kind, &body).await?;
        let writer = self.session.state.store.writer();
        let read::ShownResource { whole, shown } =
            read::show_resource(writer, &row, &projection, &self.base()).await?;
        Ok(answer::resource_response(StatusCode::CREATED, &whole, shown))
    }

    async fn update(&self, kind: ResourceType, id: &str, body: axum::body::Body) -> ScimOutcome<Response> {
        let _room = self.room()?;
        let (body, projection) = (self.body(body).await?, self.projection(kind)?);
        let is_patch = self.parts.method == Method::PATCH;
        let edit = if is_patch { ResourceEdit::Patch(&body) } else { ResourceEdit::Replace(&body) };
        let only = self.header(IF_MATCH);
        let row = self.session.update(kind, id, only.as_ref(), edit).await?;
        // A client that changes one member of 50,000 does not want to read them all.
        if is_patch && kind == ResourceType::Group && projection == AnswerProjection::default() {
            return Ok(answer::empty_response(
                StatusCode::NO_CONTENT,
                &read::whole_resource(&row, None, &self.base())?,
            ));
        }
        let writer = self.session.state.store.writer();
        let read::ShownResource { whole, shown } =
            read::show_resource(writer, &row, &projection, &self.base()).await?;
        Ok(answer::resource_response(StatusCode::OK, &whole, shown))
    }

    async fn delete(&self, kind: ResourceType, id: &str) -> ScimOutcome<Response> {
        let _room = self.room()?;
        self.session.delete(kind, id, self.header(IF_MATCH).as_ref()).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    async fn bulk(&self, body: axum::body::Body) -> ScimOutcome<Response> {
        let _room = self.room()?;
        let request = ScimBulkRequest::parse(self.body(body).await?)?;
        let done = BulkRun::new(&self.session, &self.base(), &request).run().await?;
        Ok(answer::scim_document(StatusCode::OK, &done))
    }

    /// Admits a request that makes events.
    fn room(&self) -> ScimOutcome<impl Drop + use<>> {
        Ok(self.session.state.intake.room(&self.session.provider.source)?)
    }

    /// Reads the body of the request as JSON.
    async fn body(&self, body: axum::body::Body) -> ScimOutcome<Value> {
        let essence = crate::intake::headers::media_type(&self.parts.headers)?;
        if !matches!(essence.as_deref(), None | Some("" | "application/scim+json" | "application/json")) {
            return Err(ScimServiceError::new(415, "send application/scim+json").into());
        }
        let bytes = self.session.state.intake.body(&self.parts.headers, body).await?;
        let wrong = |error: edge::JsonError| ScimServiceError::invalid_syntax(error.to_string());
        Ok(parse_json(&bytes, DEPTH_MAX).map_err(wrong)?)
    }
}
