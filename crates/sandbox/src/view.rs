//! Resources as clients see them, serialised directly into the answer.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use crate::directory::{DirectoryRecord, ResourceNumber, SandboxDirectory, TextNumber, resource_links};
use crate::query::AttributeProjection;
use crate::rules::{self, format_timestamp, type_name};
use crate::{ENTERPRISE_SCHEMA, RequestKind};

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

/// Returns the path of a kind of resource, below the base path.
pub(crate) const fn endpoint_path(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Group => "/Groups",
        _ => "/Users",
    }
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
            map.serialize_entry(links, &resource_links(self.directory, self.kind, self.record))?;
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
