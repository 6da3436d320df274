//! Finds resources that fulfil a filter: through an index if there is one, otherwise by a scan.

use std::borrow::Cow;

use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};
use serde_json::{Value, json};

use super::{DirectoryRecord, ResourceNumber, SandboxDirectory, parse_id, resource_links};
use crate::filter::{FilterSubject, matches_filter};
use crate::{RequestKind, attributes, rules};

/// Returns the ids of all resources that fulfil the filter.
pub(super) fn find_records(
    directory: &SandboxDirectory,
    kind: RequestKind,
    filter: &Filter,
) -> Vec<ResourceNumber> {
    let records = &directory.shelf(kind).records;
    let fulfils = |id: ResourceNumber, record: &DirectoryRecord| {
        matches_filter(filter, &ComputedRecord { directory, kind, id, record })
    };
    match index_candidates(directory, kind, filter) {
        Some(ids) => {
            ids.into_iter().filter(|id| records.get(id).is_some_and(|record| fulfils(*id, record))).collect()
        }
        None => records.iter().filter(|(id, record)| fulfils(**id, record)).map(|(id, _)| *id).collect(),
    }
}

/// Returns all candidates for the filter, if an index covers it.
fn index_candidates(
    directory: &SandboxDirectory,
    kind: RequestKind,
    filter: &Filter,
) -> Option<Vec<ResourceNumber>> {
    match filter {
        Filter::Attr(AttrExp::Comparison(path, CompareOp::Eq, CompValue::Str(value))) => {
            by_equality(directory, kind, path, value)
        }
        Filter::ValuePath(path) => match &*path.filter {
            ValFilter::Attr(AttrExp::Comparison(inner, CompareOp::Eq, CompValue::Str(value)))
                if is_link(kind, &path.attr) && inner.name.eq_ignore_ascii_case("value") =>
            {
                linked_records(directory, kind, value)
            }
            _ => None,
        },
        Filter::And(all) => all.iter().find_map(|one| index_candidates(directory, kind, one)),
        _ => None,
    }
}

/// Returns the candidates for an equality from an index, if there is one.
fn by_equality(
    directory: &SandboxDirectory,
    kind: RequestKind,
    path: &AttrPath,
    value: &str,
) -> Option<Vec<ResourceNumber>> {
    if attributes::extension_container(path).is_some() {
        return None;
    }
    let is_value = path.sub_attr.as_ref().is_none_or(|sub| sub.eq_ignore_ascii_case("value"));
    if is_link(kind, path) && is_value {
        return linked_records(directory, kind, value);
    }
    if path.sub_attr.is_some() {
        return None;
    }
    let shelf = directory.shelf(kind);
    let name = path.name.as_str();
    let ids = if name.eq_ignore_ascii_case(rules::name_attribute(kind)) {
        shelf.by_name.get(&value.to_lowercase())
    } else if name.eq_ignore_ascii_case("externalId") {
        shelf.by_external_id.get(value)
    } else if name.eq_ignore_ascii_case("id") {
        return Some(parse_id(value).into_iter().collect());
    } else {
        return None;
    };
    Some(ids.into_iter().flatten().copied().collect())
}

fn is_link(kind: RequestKind, path: &AttrPath) -> bool {
    path.name.eq_ignore_ascii_case(if kind == RequestKind::Group { "members" } else { "groups" })
}

fn linked_records(
    directory: &SandboxDirectory,
    kind: RequestKind,
    other: &str,
) -> Option<Vec<ResourceNumber>> {
    let other_kind = if kind == RequestKind::Group { RequestKind::User } else { RequestKind::Group };
    let links = directory.record(other_kind, other).map(|(_, record)| &record.links);
    let nested = directory.record(RequestKind::Group, other).filter(|_| kind == RequestKind::Group);
    let within = nested.map(|(_, record)| &record.within);
    Some(links.into_iter().chain(within).flatten().copied().collect())
}

/// A resource with its computed attributes.
struct ComputedRecord<'a> {
    directory: &'a SandboxDirectory,
    kind: RequestKind,
    id: ResourceNumber,
    record: &'a DirectoryRecord,
}

impl FilterSubject for ComputedRecord<'_> {
    fn attribute(&self, path: &AttrPath) -> Option<Cow<'_, Value>> {
        if attributes::extension_container(path).is_some() {
            return self.record.attributes.attribute(path);
        }
        if is_link(self.kind, path) {
            let links = resource_links(self.directory, self.kind, self.record);
            return serde_json::to_value(links).ok().map(Cow::Owned);
        }
        match attributes::canonical_name(&path.name).as_str() {
            "id" => Some(Cow::Owned(self.id.to_string().into())),
            "meta" => Some(Cow::Owned(json!({
                "resourceType": rules::type_name(self.kind),
                "created": rules::format_timestamp(self.record.created),
                "lastModified": rules::format_timestamp(self.record.modified),
            }))),
            _ => self.record.attributes.attribute(path),
        }
    }
}
