//! What anybody may ask, without a token: what the service can do.

use axum::http::Method;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use scim_service::{Features, ScimError, list_response, resource_types, schemas, service_provider_config};
use serde_json::Value;

use super::address::{Address, Place};
use crate::scim::answer::{Outcome, Refusal, document};
use crate::scim::door::Door;

/// The answer, if that is what is asked for.
pub(super) fn answer(door: &Door, parts: &Parts, address: &Address) -> Option<Response> {
    let place = address.place()?;
    if !matches!(place, Place::ServiceProviderConfig | Place::Schemas(_) | Place::ResourceTypes(_)) {
        return None;
    }
    let public_url = address.provider().and_then(|name| door.public_url(name));
    let base = address.base(public_url, &parts.headers);
    let features = Features { bulk_bytes_max: door.gate.body_bytes_max };
    let body = match (&parts.method, place) {
        (&Method::GET, Place::ServiceProviderConfig) => Ok(service_provider_config(features, &base)),
        (&Method::GET, Place::Schemas(id)) => one_or_all(schemas(&base), id.as_deref()),
        (&Method::GET, Place::ResourceTypes(id)) => one_or_all(resource_types(&base), id.as_deref()),
        (_, place) => Err(Refusal::not_allowed(place.methods())),
    };
    Some(body.map_or_else(IntoResponse::into_response, |body| document(StatusCode::OK, &body)))
}

fn one_or_all(all: Vec<Value>, id: Option<&str>) -> Outcome<Value> {
    let Some(id) = id else {
        let trees = all.into_iter().filter_map(|one| one.as_object().cloned()).collect::<Vec<_>>();
        return Ok(Value::Object(list_response(trees.len(), 1, trees)));
    };
    let is_it = |one: &Value| one["id"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(id));
    all.into_iter().find(is_it).ok_or_else(|| ScimError::not_found("there is none of this name").into())
}
