//! Resources as clients see them, serialised directly into the answer.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::attributes::attribute_text;
use crate::directory::{DirectoryRecord, ResourceNumber, SandboxDirectory};
use crate::query::AttributeProjection;
use crate::{ENTERPRISE_SCHEMA, RequestKind, rules};

/// One resource.
pub(crate) struct ResourceView<'a> {
    pub directory: &'a SandboxDirectory,
    pub kind: RequestKind,
    pub id: ResourceNumber,
    pub record: &'a DirectoryRecord,
    pub projection: &'a AttributeProjection,
    pub base_url: &'a str,
    pub members_readable: bool,
}

/// Returns `User` or `Group`.
pub(crate) const fn type_name(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Group => "Group",
        _ => "User",
    }
}

/// Returns the path of a kind of resource, below the base path.
pub(crate) const fn endpoint_path(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Group => "/Groups",
        _ => "/Users",
    }
}

/// Formats a time as in RFC 3339.
pub(crate) fn format_timestamp(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("the years of a wall clock have four digits")
}

/// Returns the URL of a resource.
pub(crate) fn resource_location(base_url: &str, kind: RequestKind, id: ResourceNumber) -> String {
    format!("{base_url}{}/{id}", endpoint_path(kind))
}

impl Serialize for ResourceView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let core = rules::core_schema(self.kind);
        if self.record.attributes.contains_key(ENTERPRISE_SCHEMA) {
            map.serialize_entry("schemas", &[core, ENTERPRISE_SCHEMA])?;
        } else {
            map.serialize_entry("schemas", &[core])?;
        }
        map.serialize_entry("id", &TextNumber(self.id))?;
        for (name, value) in &self.record.attributes {
            if name != "password" && self.projection.shows(name) {
                map.serialize_entry(name, value)?;
            }
        }
        let (links, readable) = match self.kind {
            RequestKind::Group => ("members", self.members_readable),
            _ => ("groups", true),
        };
        if readable
            && !(self.record.links.is_empty() && self.record.nested.is_empty())
            && self.projection.shows(links)
        {
            map.serialize_entry(links, &self::resource_links(self.directory, self.kind, self.record))?;
        }
        if self.projection.shows("meta") {
            let meta = json!({
                "resourceType": type_name(self.kind),
                "created": format_timestamp(self.record.created),
                "lastModified": format_timestamp(self.record.modified),
                "location": resource_location(self.base_url, self.kind, self.id),
                "version": format!("W/\"{}\"", self.record.version),
            });
            map.serialize_entry("meta", &meta)?;
        }
        map.end()
    }
}

/// Returns the members of a group, or the groups of a user.
pub(crate) fn resource_links<'a>(
    directory: &'a SandboxDirectory,
    kind: RequestKind,
    record: &'a DirectoryRecord,
) -> ResourceLinks<'a> {
    let other = if kind == RequestKind::Group { RequestKind::User } else { RequestKind::Group };
    ResourceLinks { directory, other, record }
}

/// The links of a resource, serialised as a list of references.
pub(crate) struct ResourceLinks<'a> {
    directory: &'a SandboxDirectory,
    other: RequestKind,
    record: &'a DirectoryRecord,
}

impl Serialize for ResourceLinks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let link = |kind: RequestKind, id: &ResourceNumber| ResourceLink {
            value: TextNumber(*id),
            display: self
                .directory
                .shelf(kind)
                .records
                .get(id)
                .and_then(|other| attribute_text(&other.attributes, "displayName")),
            r#type: type_name(kind),
        };
        let links = self.record.links.iter().map(|id| link(self.other, id));
        serializer.collect_seq(links.chain(self.record.nested.iter().map(|id| link(RequestKind::Group, id))))
    }
}

/// One reference to another resource.
#[derive(serde::Serialize)]
struct ResourceLink<'a> {
    value: TextNumber,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<&'a str>,
    r#type: &'static str,
}

/// An id that is written as text.
struct TextNumber(ResourceNumber);

impl Serialize for TextNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
