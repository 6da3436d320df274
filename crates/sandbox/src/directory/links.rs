//! The links of a resource: the members of a group, or the groups of a user.

use serde::ser::{Serialize, Serializer};

use super::{DirectoryRecord, ResourceNumber, SandboxDirectory};
use crate::RequestKind;
use crate::attributes::attribute_text;
use crate::rules::type_name;

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
pub(crate) struct TextNumber(pub ResourceNumber);

impl Serialize for TextNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
