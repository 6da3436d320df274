//! One target: sends requests, says what became of each.

mod exchange;
mod find;
mod list;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use lifecycle::{AttemptClass, AttributeMap, RequestExchange};
use outbound::encoding::{decode_segment, encode_segment};
use outbound::{Authenticator, PassError, SourceCredential};
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

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection that is not used is kept: shorter than the 5 seconds after which common servers
/// close one, because a request that meets a closing connection may or may not have been carried out.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Where a target is and how to talk to it.
#[derive(Debug, Clone)]
pub struct TargetConnection {
    /// Below it are `Users` and `Groups`.
    pub base_url: Url,
    /// How the target knows us.
    pub credential: SourceCredential,
    /// What the target can do.
    pub profile: TargetProfile,
    /// How long one request may take altogether: usually [`TargetProfile::timeout_seconds`].
    pub timeout: Duration,
}

/// Why a target cannot be talked to at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The base URL is of no use.
    #[error("the base URL of the target {0}")]
    BaseUrl(&'static str),
    /// The credential cannot be sent.
    #[error("the credential of the target is empty or has characters that no header can hold")]
    Credential,
    /// The HTTP client could not be set up.
    #[error("the HTTP client cannot be set up")]
    Http(#[source] reqwest::Error),
}

/// What became of a request.
#[derive(Debug, Clone)]
pub struct ScimReply<T> {
    /// The result, or what its absence means.
    pub outcome: Result<T, ScimFailure>,
    /// The last request and its answer, redacted.
    pub exchange: RequestExchange,
    /// From the first byte sent to the last one read.
    pub duration: Duration,
    /// How many requests were sent: 1, but 0 when there was nothing that could be sent, and more for a lookup
    /// of several pages.
    pub requests: u32,
    /// The target says that we may send nothing more (`RateLimit-Remaining: 0` and its kin) before this long has passed.
    pub spent: Option<Duration>,
}

impl<T> ScimReply<T> {
    fn map<U>(self, f: impl FnOnce(T) -> Result<U, ScimFailure>) -> ScimReply<U> {
        let Self { outcome, exchange, duration, requests, spent } = self;
        ScimReply { outcome: outcome.and_then(f), exchange, duration, requests, spent }
    }

    /// How it ended, as far as the next step is concerned.
    pub fn class(&self) -> AttemptClass {
        self.outcome.as_ref().map_or_else(|failure| failure.class, |_| AttemptClass::Success)
    }
}

/// Why a request did not do what it should, and what that means for the next step.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ScimFailure {
    /// What it means for the next step.
    pub class: AttemptClass,
    /// In words, redacted, at most 300 characters.
    pub message: String,
    /// How long the target asks to be left alone, capped by the profile.
    pub retry_after: Option<Duration>,
    /// The target's error keyword (RFC 7644 table 9).
    pub scim_type: Option<String>,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
}

impl ScimFailure {
    pub(crate) fn new(class: AttemptClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None, scim_type: None, status: None }
    }
}

impl From<PassError> for ScimFailure {
    fn from(PassError { class, message }: PassError) -> Self {
        Self::new(class, message)
    }
}

/// A resource that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedResource {
    /// The target's id; none when the answer does not tell it and it has to be looked up.
    pub id: Option<String>,
}

/// Talks to one target. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct ScimClient {
    http: reqwest::Client,
    connection: Arc<TargetConnection>,
    authenticator: Arc<Authenticator>,
}

impl ScimClient {
    /// A client for the target at the other end of `connection`. Nothing is sent.
    ///
    /// # Errors
    /// When the URL or the token cannot be used.
    pub fn new(connection: TargetConnection) -> Result<Self, ConnectError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else may be first: then there is one, which is all that is needed.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        check_base_url(&connection.base_url)?;
        let http = reqwest::Client::builder()
            .default_headers(request_headers(&connection))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(connection.timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(connection.profile.concurrency_max as usize)
            .build()
            .map_err(ConnectError::Http)?;
        let authenticator = Authenticator::new(connection.credential.clone(), token_client(&connection)?);
        if !authenticator.check() {
            return Err(ConnectError::Credential);
        }
        Ok(Self { http, connection: Arc::new(connection), authenticator: Arc::new(authenticator) })
    }

    /// The profile of the target.
    pub fn profile(&self) -> &TargetProfile {
        &self.connection.profile
    }

    /// Resources of `kind` whose attribute at `path` has `value`. What comes back is checked against what was
    /// asked, page by page, so a target that ignores filters finds nobody else's account. `Ok` with nothing
    /// in it means that there is no such resource.
    pub async fn find(&self, kind: ScimKind, path: &str, value: &str) -> ScimReply<Vec<FoundResource>> {
        self.find_any(kind, &[(path, value)]).await
    }

    /// Like [`Self::find`], for any of several pairs of path and value; more than one only where the profile
    /// says that filters may join comparisons by `or`.
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

    /// Sends the next request of a search, one only: what was found, or none when there is more to read.
    pub async fn find_next(&self, search: &mut ResourceSearch) -> ScimReply<Option<Vec<FoundResource>>> {
        find::find_next(self, search).await
    }

    /// What the server says about itself at this endpoint (RFC 7644 section 4).
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

    /// One page of everything that the target has of `kind`; `before` says how many entries were on the pages before.
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

    /// Changes the resource `id` by `ops`, which must not be empty. What it is now, if the answer shows it.
    pub async fn patch(&self, kind: ScimKind, id: &str, ops: &[PatchOp]) -> ScimReply<Option<FoundResource>> {
        let call = ScimRequest {
            id: Some(id),
            body: Some(patch_body(self.profile(), ops)),
            ..ScimRequest::new(RequestAction::Patch, kind)
        };
        self.send(call).await.map(|answer| Ok(self.shown(answer)))
    }

    /// Puts `resource`, made by [`crate::overlay_resource`] from what was read, in place of the resource `id`, if
    /// that is still at `version` (where the target counts them). What it is now, if the answer shows it.
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

    /// Remote ids of the members of the group `id`; none where the answer says nothing of members, as that of a group
    /// without any or of a target that does not tell them. [`AttemptClass::Permanent`], and nothing is sent, where the
    /// profile says that it does not.
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

    /// A request as an operator may see it who asked what would be sent, in the form of [`RequestExchange`]'s `method` and
    /// `path`: personal values show, secrets do not. Nothing is sent.
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

    /// Whether the account `member` is in the group `id`, where that can be asked ([`crate::MembershipForm::asked_by`]); none where
    /// it cannot.
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

    /// The resource in the answer to a change, if there is one that can be believed.
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

/// A reply to what was not even sent.
fn refused_reply<T>(action: RequestAction, kind: ScimKind, why: &str) -> ScimReply<T> {
    let exchange = RequestExchange {
        method: exchange::http_method(action).to_string(),
        path: format!("/{}", kind.endpoint()),
        request_body: None,
        status: None,
        response_body: None,
    };
    let outcome = Err(ScimFailure::new(AttemptClass::Permanent, why));
    ScimReply { outcome, exchange, duration: Duration::ZERO, requests: 0, spent: None }
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

/// For token endpoints, which are no targets: without the target's headers.
fn token_client(connection: &TargetConnection) -> Result<reqwest::Client, ConnectError> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(connection.timeout)
        .build()
        .map_err(ConnectError::Http)
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

/// The id in the body, else the last segment of the Location header.
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
