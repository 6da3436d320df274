//! The SCIM work itself: it turns one call into one answer or refusal.

use std::borrow::Cow;

use axum::http::Method;
use serde::Serialize;
use serde_json::Value;

use crate::answer::{SandboxAnswer, SandboxRefusal};
use crate::attributes::{SandboxAttributes, attribute_text};
use crate::behaviour::SandboxBehaviour;
use crate::call::ScimCall;
use crate::directory::{ResourceNumber, SandboxDirectory};
use crate::query::{AttributeProjection, ReadQuery};
use crate::view::{self, ResourceView};
use crate::{ProfileRules, RequestKind, discovery, filter, patch, rules};

pub(crate) mod summary;

/// The server state that a call needs.
pub(crate) struct ScimContext<'a> {
    pub directory: &'a mut SandboxDirectory,
    pub behaviour: &'a SandboxBehaviour,
    pub base_url: &'a str,
}

/// Carries a call out.
pub(crate) fn perform_call(
    mut office: ScimContext<'_>,
    call: &ScimCall,
) -> Result<SandboxAnswer, SandboxRefusal> {
    let query = ReadQuery::parse(&call.uri)?;
    let (kind, id) = (call.route.kind, call.route.id.as_deref());
    if let Some(house) = &office.behaviour.house {
        house.check(call)?;
        if let Some(id) = id.filter(|id| office.is_hidden(kind, id)) {
            return Err(SandboxRefusal::not_found(id));
        }
    }
    match (kind, &call.method, id) {
        (RequestKind::Other, ..) => Err(SandboxRefusal::new(404, None, "no such endpoint")),
        (RequestKind::Discovery, &Method::GET, id) => {
            discovery::answer_discovery(&call.route.endpoint, id, office.behaviour)
        }
        (_, &Method::GET, None) => office.list(kind, &query),
        (_, &Method::GET, Some(id)) => office.read(kind, id, &query.projection()),
        (_, &Method::POST, None) => office.create(call, &query.projection()),
        (_, &Method::PUT, Some(id)) => office.replace(call, id, &query.projection()),
        (_, &Method::PATCH, Some(id)) => office.patch(call, id, &query.projection()),
        (_, &Method::DELETE, Some(id)) => {
            office.directory.delete(kind, id, office.behaviour)?;
            Ok(SandboxAnswer::new(204, Vec::new()))
        }
        _ => Err(SandboxRefusal::new(405, None, "this method is not supported here")),
    }
}

impl ScimContext<'_> {
    /// Returns `true` for an account that the server hides while it is disabled.
    fn is_hidden(&self, kind: RequestKind, id: &str) -> bool {
        let hides = self.behaviour.house.as_ref().is_some_and(|house| house.hides_disabled());
        let is_off = |attributes: &SandboxAttributes| attributes.get("active") == Some(&Value::Bool(false));
        let record = self.directory.record(kind, id);
        hides && kind == RequestKind::User && record.is_some_and(|(_, record)| is_off(&record.attributes))
    }

    /// Returns the hidden account with this name. Creating the account again restores it.
    fn hidden_namesake(&self, kind: RequestKind, attributes: &SandboxAttributes) -> Option<String> {
        let name = attribute_text(attributes, rules::name_attribute(kind))?;
        let mut found = self.directory.shelf(kind).named(name).map(|id| id.to_string());
        found.find(|id| self.is_hidden(kind, id))
    }

    /// Creates a resource, or restores a hidden account with the same name.
    fn create(
        &mut self,
        call: &ScimCall,
        projection: &AttributeProjection,
    ) -> Result<SandboxAnswer, SandboxRefusal> {
        let kind = call.route.kind;
        let (attributes, members) = rules::read_resource(kind, self.body(call)?.as_ref())?;
        let id = match self.hidden_namesake(kind, &attributes) {
            Some(id) => {
                self.directory.replace(kind, &id, attributes, members, self.behaviour, call.arrived)?
            }
            None => self.directory.create(kind, attributes, &members, self.behaviour, call.arrived)?,
        };
        let mut answer = self.resource(201, kind, id, projection);
        answer.location = Some(view::resource_location(self.base_url, kind, id));
        answer.resource_id = Some(id.to_string());
        Ok(answer)
    }

    fn replace(
        &mut self,
        call: &ScimCall,
        id: &str,
        projection: &AttributeProjection,
    ) -> Result<SandboxAnswer, SandboxRefusal> {
        let kind = call.route.kind;
        let (attributes, members) = rules::read_resource(kind, self.body(call)?.as_ref())?;
        let id = self.directory.replace(kind, id, attributes, members, self.behaviour, call.arrived)?;
        Ok(self.resource(200, kind, id, projection))
    }

    fn patch(
        &mut self,
        call: &ScimCall,
        id: &str,
        projection: &AttributeProjection,
    ) -> Result<SandboxAnswer, SandboxRefusal> {
        let kind = call.route.kind;
        let (id, record) = self.directory.record(kind, id).ok_or_else(|| SandboxRefusal::not_found(id))?;
        let plan = patch::plan_patch(kind, &record.attributes, self.body(call)?.as_ref())?;
        self.directory.commit(kind, id, plan, self.behaviour, call.arrived)?;
        if kind == RequestKind::User && self.behaviour.patch_returns_user {
            return Ok(self.resource(200, kind, id, projection));
        }
        Ok(SandboxAnswer::new(204, Vec::new()))
    }

    fn read(
        &self,
        kind: RequestKind,
        id: &str,
        projection: &AttributeProjection,
    ) -> Result<SandboxAnswer, SandboxRefusal> {
        let (id, _) = self.directory.record(kind, id).ok_or_else(|| SandboxRefusal::not_found(id))?;
        Ok(self.resource(200, kind, id, projection))
    }

    /// Lists a page of resources, by filter, index or cursor.
    fn list(&self, kind: RequestKind, query: &ReadQuery) -> Result<SandboxAnswer, SandboxRefusal> {
        let projection = query.projection();
        let house = self.behaviour.house.as_deref();
        let by_cursor = house.is_some_and(ProfileRules::pages_by_cursor);
        if let (Some(house), Some(text)) = (house, &query.filter) {
            house.check_filter(kind, text)?;
        }
        let cursor = query.cursor.as_deref().and_then(|cursor| cursor.parse().ok());
        let start = usize::try_from(query.start_index.or(cursor).unwrap_or(1)).unwrap_or(1).max(1);
        let count = query.count.map_or(self.behaviour.page_size, |count| usize::try_from(count).unwrap_or(0));
        let has_one_page = house.is_some_and(ProfileRules::has_one_page);
        let count = if has_one_page { usize::MAX } else { count.min(self.behaviour.count_max) };
        let records = &self.directory.shelf(kind).records;
        let hides = house.is_some_and(ProfileRules::hides_disabled);
        let (total, page): (usize, Vec<ResourceNumber>) = match &query.filter {
            Some(text) => {
                let mut found = self.directory.find(kind, &filter::parse_filter(text, self.behaviour)?);
                found.retain(|id| !hides || !self.is_hidden(kind, &id.to_string()));
                (found.len(), found.into_iter().skip(start - 1).take(count).collect())
            }
            None if hides => {
                let shown = records.keys().filter(|id| !self.is_hidden(kind, &id.to_string()));
                let shown: Vec<ResourceNumber> = shown.copied().collect();
                (shown.len(), shown.into_iter().skip(start - 1).take(count).collect())
            }
            None => (records.len(), records.keys().skip(start - 1).take(count).copied().collect()),
        };
        let after = start + page.len();
        let next_cursor = (by_cursor && after <= total).then(|| after.to_string());
        let resources: Vec<ResourceView<'_>> =
            page.into_iter().filter_map(|id| self.view(kind, id, &projection)).collect();
        let list = ListResponse {
            schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            total_results: total,
            start_index: start,
            items_per_page: resources.len(),
            next_cursor,
            resources,
        };
        Ok(SandboxAnswer::json(200, &list))
    }

    /// Returns the view of a resource.
    fn view<'a>(
        &'a self,
        kind: RequestKind,
        id: ResourceNumber,
        projection: &'a AttributeProjection,
    ) -> Option<ResourceView<'a>> {
        let record = self.directory.shelf(kind).records.get(&id)?;
        Some(ResourceView {
            directory: self.directory,
            kind,
            id,
            record,
            projection,
            base_url: self.base_url,
            members_readable: self.behaviour.members_readable,
        })
    }

    fn resource(
        &self,
        status: u16,
        kind: RequestKind,
        id: ResourceNumber,
        projection: &AttributeProjection,
    ) -> SandboxAnswer {
        match self.view(kind, id, projection) {
            Some(view) => SandboxAnswer::json(status, &view),
            None => SandboxRefusal::not_found(&id.to_string()).into_answer(),
        }
    }

    /// Returns the body, converted from the profile's notation.
    fn body<'c>(&self, call: &'c ScimCall) -> Result<Cow<'c, Value>, SandboxRefusal> {
        let media_type =
            call.content_type.as_deref().and_then(|value| value.split(';').next()).map(str::trim);
        let scim = media_type.is_some_and(|value| value.eq_ignore_ascii_case("application/scim+json"));
        if self.behaviour.strict_content_type && !scim {
            return Err(SandboxRefusal::new(415, None, "the content type must be application/scim+json"));
        }
        let body =
            call.body.as_ref().ok_or_else(|| SandboxRefusal::invalid_syntax("the body is not JSON"))?;
        Ok(match &self.behaviour.house {
            Some(house) => house.plain(body),
            None => Cow::Borrowed(body),
        })
    }
}

/// A page of a list in its serialised form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListResponse<'a> {
    schemas: [&'static str; 1],
    total_results: usize,
    start_index: usize,
    items_per_page: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(rename = "Resources")]
    resources: Vec<ResourceView<'a>>,
}
