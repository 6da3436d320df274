//! The client of one target: sends requests and returns their outcomes.

mod exchange;
mod find;
mod list;
mod reply;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use lifecycle::{AttemptClass, AttributeMap};
use outbound::encoding::{decode_segment, encode_segment};
use outbound::{Authenticator, HttpClientOptions, SourceCredential, build_http_client};
use reqwest::Url;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use serde_json::Value;

use crate::classify::RequestAction;
use crate::decode::{FoundResource, ListPage, id_of, members_of};
use crate::diff::{PatchOp, patch_body};
use crate::{ScimKind, TargetProfile, diff, filter};
use exchange::{AnswerBody, ExchangeResult, ScimRequest, SuccessAnswer};
pub use find::ResourceSearch;
pub use list::{ListedPage, PageStart};
use reply::refused_reply;
pub use reply::{ScimFailure, ScimReply};

/// The maximum time for which an idle connection is kept. It is shorter than the 5 seconds after which
/// common servers close one: a request that meets a closing connection may or may not have been carried out.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The address of a target, and the way to talk to it.
#[derive(Debug, Clone)]
pub struct TargetConnection {
    /// The URL above `Users` and `Groups`.
    pub base_url: Url,
    /// The credential for the target.
    pub credential: SourceCredential,
    /// The capabilities of the target.
    pub profile: TargetProfile,
    /// The maximum time of one request in total: usually [`TargetProfile::timeout_seconds`].
    pub timeout: Duration,
}

/// The reason why a client for a target cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The base URL is not valid.
    #[error("the base URL of the target {0}")]
    BaseUrl(&'static str),
    /// The credential cannot be sent.
    #[error("the credential of the target is empty or has characters that no header can hold")]
    Credential,
    /// The HTTP client could not be set up.
    #[error("the HTTP client cannot be set up")]
    Http(#[source] reqwest::Error),
}

/// A resource that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedResource {
    /// The target's id; `None` if the answer does not contain it and it must be looked up.
    pub id: Option<String>,
}

/// The client of one target. It is cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct ScimClient {
    http: reqwest::Client,
    connection: Arc<TargetConnection>,
    authenticator: Arc<Authenticator>,
}

impl ScimClient {
    /// Creates a client for the target of `connection`. It sends no request.
    ///
    /// # Errors
    /// Fails if the URL or the token cannot be used.
    pub fn new(connection: TargetConnection) -> Result<Self, ConnectError> {
        check_base_url(&connection.base_url)?;
        let options = HttpClientOptions {
            headers: request_headers(&connection),
            idle_timeout: Some(IDLE_TIMEOUT),
            idle_connections_max: Some(connection.profile.concurrency_max as usize),
            ..HttpClientOptions::for_others(connection.timeout)
        };
        let http = build_http_client(options).map_err(ConnectError::Http)?;
        let authenticator = Authenticator::new(connection.credential.clone(), token_client(&connection)?);
        if !authenticator.check() {
            return Err(ConnectError::Credential);
        }
        Ok(Self { http, connection: Arc::new(connection), authenticator: Arc::new(authenticator) })
    }

    /// Returns the profile of the target.
    pub fn profile(&self) -> &TargetProfile {
        &self.connection.profile
    }

    /// Returns resources of `kind` whose attribute at `path` has `value`. Each result is checked
    /// against the request, page by page, so that a target that ignores filters cannot return
    /// another person's account. `Ok` with an empty list means that there is no such resource.
    pub async fn find(&self, kind: ScimKind, path: &str, value: &str) -> ScimReply<Vec<FoundResource>> {
        self.find_any(kind, &[(path, value)]).await
    }

    /// Looks up resources like [`Self::find`], for any of several pairs of path and value. More than
    /// one pair is allowed only if the profile says that filters may combine comparisons with `or`.
    pub async fn find_any(&self, kind: ScimKind, terms: &[(&str, &str)]) -> ScimReply<Vec<FoundResource>> {
        let mut search = ResourceSearch::any(kind, terms);
        let (mut requests, mut duration) = (0, Duration::ZERO);
        loop {
            let reply = self.find_next(&mut search).await;
            requests += reply.requests;
            duration += reply.duration;
            let outcome = match reply.outcome {
                Ok(None) => continue,
                Ok(Some(found)) => Ok(found),
                Err(failure) => Err(failure),
            };
            return ScimReply { outcome, exchange: reply.exchange, duration, requests, spent: reply.spent };
        }
    }

    /// Sends the next request of a lookup, and only that one. Returns
    /// the resources found, or `None` if there are more pages to read.
    pub async fn find_next(&self, search: &mut ResourceSearch) -> ScimReply<Option<Vec<FoundResource>>> {
        find::find_next(self, search).await
    }

    /// Reads the server's description of itself at this endpoint (RFC 7644 section 4).
    pub async fn document(&self, endpoint: &'static str) -> ScimReply<Value> {
        let sent = self
            .send(ScimRequest {
                document: Some(endpoint),
                ..ScimRequest::new(RequestAction::List, ScimKind::User)
            })
            .await;
        sent.map(|answer| match answer.body {
            AnswerBody::Json(json) => Ok(json),
            _ => Err(answer.unreadable()),
        })
    }

    /// Lists one page of all resources of `kind`. `before` is the number of entries on the pages before.
    pub async fn list(
        &self,
        kind: ScimKind,
        start: Option<&PageStart>,
        before: u64,
    ) -> ScimReply<ListedPage> {
        list::list_page(self, kind, start, before).await
    }

    /// Creates a resource of `kind` with `attributes`.
    pub async fn create(&self, kind: ScimKind, attributes: &AttributeMap) -> ScimReply<CreatedResource> {
        let body = diff::to_resource(self.profile(), kind, attributes);
        let reply = self
            .send(ScimRequest { body: Some(body), ..ScimRequest::new(RequestAction::Create, kind) })
            .await;
        reply.map(|answer| Ok(CreatedResource { id: created_id(self.profile().endpoint(kind), &answer) }))
    }

    /// Changes the resource `id` by `ops`, which must not be empty.
    /// Returns the resource after the change, if the answer contains it.
    pub async fn patch(&self, kind: ScimKind, id: &str, ops: &[PatchOp]) -> ScimReply<Option<FoundResource>> {
        let call = ScimRequest {
            id: Some(id),
            body: Some(patch_body(self.profile(), ops)),
            ..ScimRequest::new(RequestAction::Patch, kind)
        };
        self.send(call).await.map(|answer| Ok(self.shown(answer)))
    }

    /// Replaces the resource `id` with `resource`, which [`crate::overlay_resource`] made from the resource as read, if it is
    /// still at `version` (where the target has versions). Returns the resource after the change, if the answer contains it.
    pub async fn replace(
        &self,
        kind: ScimKind,
        id: &str,
        resource: &Value,
        version: Option<&str>,
    ) -> ScimReply<Option<FoundResource>> {
        let body = Some(resource.clone());
        let call = ScimRequest {
            id: Some(id),
            body,
            if_match: version,
            ..ScimRequest::new(RequestAction::Replace, kind)
        };
        self.send(call).await.map(|answer| Ok(self.shown(answer)))
    }

    /// Deletes the resource `id`.
    pub async fn delete(&self, kind: ScimKind, id: &str) -> ScimReply<()> {
        self.send(ScimRequest { id: Some(id), ..ScimRequest::new(RequestAction::Delete, kind) })
            .await
            .map(|_| Ok(()))
    }

    /// Reads the resource `id`.
    pub async fn get(&self, kind: ScimKind, id: &str) -> ScimReply<FoundResource> {
        let reply =
            self.send(ScimRequest { id: Some(id), ..ScimRequest::new(RequestAction::Read, kind) }).await;
        reply.map(|answer| {
            let AnswerBody::Json(Value::Object(mut resource)) = answer.body else {
                return Err(answer.unreadable());
            };
            if id_of(&resource).is_none() {
                resource.insert("id".to_owned(), Value::String(id.to_owned()));
            }
            let found = FoundResource::from_value(Value::Object(resource));
            let found = found.ok_or_else(|| ScimFailure::new(AttemptClass::Transient, "no id"))?;
            Ok(FoundResource { version: answer.version.or(found.version), ..found })
        })
    }

    /// Returns the remote ids of the members of the group `id`; `None` if the answer contains no members, as for
    /// a group without any, or at a target that does not return them. Fails with [`AttemptClass::Permanent`],
    /// without a request, if the profile says that the target does not return members.
    pub async fn members(&self, id: &str) -> ScimReply<Option<Vec<String>>> {
        if !self.profile().membership.readable {
            return refused_reply(
                RequestAction::Read,
                ScimKind::Group,
                "the profile says that this target does not show members",
            );
        }
        self.get(ScimKind::Group, id).await.map(|group| Ok(members_of(&group.attributes)))
    }

    /// Returns a request as it would be sent, for an operator who asks for it, in the form of
    /// [`RequestExchange`]'s `method` and `path`. Personal values are shown, secrets are not. Nothing is sent.
    pub fn show(
        &self,
        method: &str,
        kind: ScimKind,
        id: Option<&str>,
        body: Option<&Value>,
    ) -> (String, Option<Value>) {
        let secret = self.authenticator.secret().unwrap_or_default();
        let id = id.map(|id| format!("/{}", encode_segment(id))).unwrap_or_default();
        let request = format!("{method} /{}{id}", self.profile().endpoint(kind));
        (request, body.map(|body| crate::redact::without_secrets(body, &secret)))
    }

    /// Returns whether the account `member` is in the group `id`; `None` if
    /// the target cannot answer this ([`crate::MembershipForm::asked_by`]).
    pub async fn is_member(&self, id: &str, member: &str) -> Option<ScimReply<bool>> {
        let attribute = self.profile().membership.asked_by.as_deref()?;
        let query = vec![("filter", filter::with_member(id, attribute, member).ok()?)];
        let sent =
            self.send(ScimRequest { query, ..ScimRequest::new(RequestAction::List, ScimKind::Group) }).await;
        Some(sent.map(|answer| match answer.body {
            AnswerBody::Json(json) => {
                let page = ListPage::from_value(json);
                Ok(page.is_some_and(|page| page.resources.iter().any(|group| group.id == id)))
            }
            _ => Err(answer.unreadable()),
        }))
    }

    /// Returns the resource in the answer to a change, if there is one that can be trusted.
    fn shown(&self, answer: SuccessAnswer) -> Option<FoundResource> {
        match answer.body {
            AnswerBody::Json(json) if self.profile().answers_show => FoundResource::from_value(json),
            _ => None,
        }
    }

    async fn send(&self, call: ScimRequest<'_>) -> ExchangeResult {
        let pass = self.authenticator.pass().await.map_err(ScimFailure::from);
        let sent = exchange::send_request(&self.http, &self.connection, pass, call).await;
        if sent.class() == AttemptClass::Unauthorised {
            self.authenticator.refused().await;
        }
        sent
    }
}

fn check_base_url(url: &Url) -> Result<(), ConnectError> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(ConnectError::BaseUrl("must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConnectError::BaseUrl("must not hold a credential: it belongs to the target's token"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConnectError::BaseUrl("must not have a query or a fragment"));
    }
    Ok(())
}

/// Builds the client for token endpoints. They are not targets, so it does not send the target's headers.
fn token_client(connection: &TargetConnection) -> Result<reqwest::Client, ConnectError> {
    build_http_client(HttpClientOptions::for_others(connection.timeout)).map_err(ConnectError::Http)
}

fn request_headers(connection: &TargetConnection) -> HeaderMap {
    let profile = &connection.profile;
    let extra = profile.headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?)) // the profile was checked
    });
    let mut headers: HeaderMap = extra.collect();
    headers.insert(ACCEPT, HeaderValue::from_static("application/scim+json"));
    let agent = HeaderValue::try_from(&profile.user_agent);
    headers.insert(USER_AGENT, agent.unwrap_or(HeaderValue::from_static("usher")));
    headers
}

/// Returns the id in the body, otherwise the last segment of the Location header.
fn created_id(endpoint: &str, answer: &SuccessAnswer) -> Option<String> {
    if let AnswerBody::Json(Value::Object(resource)) = &answer.body
        && let Some(id) = id_of(resource)
    {
        return Some(id);
    }
    let location = answer.location.as_deref()?;
    let path = location.split(['?', '#']).next().unwrap_or_default();
    let (parent, id) = path.rsplit_once('/')?;
    let at_endpoint = parent.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(endpoint));
    decode_segment(id).filter(|id| at_endpoint && !id.is_empty())
}
