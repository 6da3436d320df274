//! Resources as clients see them, written straight into the answer.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::attributes::text;
use crate::directory::{Directory, Id, Record};
use crate::query::Projection;
use crate::{ENTERPRISE_SCHEMA, Kind, rules};

/// One resource.
pub(crate) struct View<'a> {
    pub directory: &'a Directory,
    pub kind: Kind,
    pub id: Id,
    pub record: &'a Record,
    pub projection: &'a Projection,
    pub base_url: &'a str,
    pub members_readable: bool,
}

/// `User` or `Group`.
pub(crate) const fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Group => "Group",
        _ => "User",
    }
}

/// The path of a kind of resource, below the base path.
pub(crate) const fn endpoint(kind: Kind) -> &'static str {
    match kind {
        Kind::Group => "/Groups",
        _ => "/Users",
    }
}

pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("the years of a wall clock have four digits")
}

/// URL of a resource.
pub(crate) fn location(base_url: &str, kind: Kind, id: Id) -> String {
    format!("{base_url}{}/{id}", endpoint(kind))
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let core = rules::schema(self.kind);
        if self.record.attributes.contains_key(ENTERPRISE_SCHEMA) {
            map.serialize_entry("schemas", &[core, ENTERPRISE_SCHEMA])?;
        } else {
            map.serialize_entry("schemas", &[core])?;
        }
        map.serialize_entry("id", &Number(self.id))?;
        for (name, value) in &self.record.attributes {
            if name != "password" && self.projection.shows(name) {
                map.serialize_entry(name, value)?;
            }
        }
        let (links, readable) = match self.kind {
            Kind::Group => ("members", self.members_readable),
            _ => ("groups", true),
        };
        if readable
            && !(self.record.links.is_empty() && self.record.nested.is_empty())
            && self.projection.shows(links)
        {
            map.serialize_entry(links, &self::links(self.directory, self.kind, self.record))?;
        }
        if self.projection.shows("meta") {
            let meta = json!({
                "resourceType": type_name(self.kind),
                "created": timestamp(self.record.created),
                "lastModified": timestamp(self.record.modified),
                "location": location(self.base_url, self.kind, self.id),
                "version": format!("W/\"{}\"", self.record.version),
            });
            map.serialize_entry("meta", &meta)?;
        }
        map.end()
    }
}

/// The members of a group, or the groups of a user.
pub(crate) fn links<'a>(directory: &'a Directory, kind: Kind, record: &'a Record) -> Links<'a> {
    let other = if kind == Kind::Group { Kind::User } else { Kind::Group };
    Links { directory, other, record }
}

pub(crate) struct Links<'a> {
    directory: &'a Directory,
    other: Kind,
    record: &'a Record,
}

impl Serialize for Links<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let link = |kind: Kind, id: &Id| Link {
            value: Number(*id),
            display: self
                .directory
                .shelf(kind)
                .records
                .get(id)
                .and_then(|other| text(&other.attributes, "displayName")),
            r#type: type_name(kind),
        };
        let links = self.record.links.iter().map(|id| link(self.other, id));
        serializer.collect_seq(links.chain(self.record.nested.iter().map(|id| link(Kind::Group, id))))
    }
}

#[derive(serde::Serialize)]
struct Link<'a> {
    value: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<&'a str>,
    r#type: &'static str,
}

/// An id, written as a text.
struct Number(Id);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
