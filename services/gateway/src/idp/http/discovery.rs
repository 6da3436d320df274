//! The discovery endpoints, which need no token and describe the service.

use axum::http::Method;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use scim_service::{
    ScimServiceError, ServiceFeatures, list_response, list_schemas, resource_types, service_provider_config,
};
use serde_json::Value;

use super::address::{ScimAddress, ScimLocation};
use crate::idp::answer::{ScimOutcome, ScimRefusal, scim_document};
use crate::idp::state::ScimState;

/// Returns the response to a discovery request, or `None` for any other request.
pub(super) fn answer_discovery(state: &ScimState, parts: &Parts, address: &ScimAddress) -> Option<Response> {
    let place = address.place()?;
    if !matches!(
        place,
        ScimLocation::ServiceProviderConfig | ScimLocation::Schemas(_) | ScimLocation::ResourceTypes(_)
    ) {
        return None;
    }
    let public_url = address.provider().and_then(|name| state.public_url(name));
    let base = address.base(public_url, &parts.headers);
    let features = ServiceFeatures { bulk_bytes_max: state.intake.body_bytes_max };
    let body = match (&parts.method, place) {
        (&Method::GET, ScimLocation::ServiceProviderConfig) => Ok(service_provider_config(features, &base)),
        (&Method::GET, ScimLocation::Schemas(id)) => one_or_all(list_schemas(&base), id.as_deref()),
        (&Method::GET, ScimLocation::ResourceTypes(id)) => one_or_all(resource_types(&base), id.as_deref()),
        (_, place) => Err(ScimRefusal::not_allowed(place.methods())),
    };
    Some(body.map_or_else(IntoResponse::into_response, |body| scim_document(StatusCode::OK, &body)))
}

/// Returns the document with this id, or the list of all without an id.
fn one_or_all(all: Vec<Value>, id: Option<&str>) -> ScimOutcome<Value> {
    let Some(id) = id else {
        let trees = all.into_iter().filter_map(|one| one.as_object().cloned()).collect::<Vec<_>>();
        return Ok(Value::Object(list_response(trees.len(), 1, trees)));
    };
    let is_it = |one: &Value| one["id"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(id));
    all.into_iter()
        .find(is_it)
        .ok_or_else(|| ScimServiceError::not_found("there is no schema or resource type with this id").into())
}
