//! Users and groups, with indexes for lookups and memberships.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use scim_v2::filter::Filter;
use time::OffsetDateTime;

use crate::answer::SandboxRefusal;
use crate::attributes::{SandboxAttributes, attribute_text};
use crate::behaviour::SandboxBehaviour;
use crate::patch::{PatchPlan, SandboxMemberChange};
use crate::{RequestKind, rules};

mod links;
mod lookup;

pub(crate) use links::{TextNumber, resource_links};

/// The id of a resource. Ids are numbers, as at Zscaler, and never 0.
pub(crate) type ResourceNumber = u64;

/// One user or group.
#[derive(Debug, Clone)]
pub(crate) struct DirectoryRecord {
    /// The attributes, without the computed ones: `id`, `meta`, `schemas`, `groups`, `members`.
    pub attributes: SandboxAttributes,
    /// The groups of a user, or the members of a group. Both ends always agree.
    pub links: BTreeSet<ResourceNumber>,
    /// The groups that a group lists. `within` has the groups that list it. Both ends always agree.
    pub nested: BTreeSet<ResourceNumber>,
    within: BTreeSet<ResourceNumber>,
    pub created: OffsetDateTime,
    pub modified: OffsetDateTime,
    pub version: u64,
}

/// All resources of a kind.
#[derive(Debug, Default, Clone)]
pub(crate) struct RecordTable {
    pub records: BTreeMap<ResourceNumber, DirectoryRecord>,
    by_name: HashMap<String, BTreeSet<ResourceNumber>>,
    by_external_id: HashMap<String, BTreeSet<ResourceNumber>>,
}

/// All data of a sandbox.
#[derive(Debug, Default, Clone)]
pub(crate) struct SandboxDirectory {
    users: RecordTable,
    groups: RecordTable,
    last_id: ResourceNumber,
}

/// The keys by which a resource is found.
#[derive(PartialEq)]
struct RecordKeys {
    name: Option<String>,
    external_id: Option<String>,
}

impl RecordKeys {
    fn of(kind: RequestKind, attributes: &SandboxAttributes) -> Self {
        Self {
            name: attribute_text(attributes, rules::name_attribute(kind)).map(str::to_lowercase),
            external_id: attribute_text(attributes, "externalId").map(str::to_owned),
        }
    }
}

impl RecordTable {
    /// Returns the resources with this name, regardless of case.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = ResourceNumber> {
        self.by_name.get(&name.to_lowercase()).into_iter().flatten().copied()
    }

    fn index(&mut self, id: ResourceNumber, keys: RecordKeys) {
        if let Some(name) = keys.name {
            self.by_name.entry(name).or_default().insert(id);
        }
        if let Some(external) = keys.external_id {
            self.by_external_id.entry(external).or_default().insert(id);
        }
    }

    fn unindex(&mut self, id: ResourceNumber, keys: &RecordKeys) {
        if let Some(name) = &keys.name {
            take_out(&mut self.by_name, name, id);
        }
        if let Some(external) = &keys.external_id {
            take_out(&mut self.by_external_id, external, id);
        }
    }
}

fn take_out(index: &mut HashMap<String, BTreeSet<ResourceNumber>>, key: &str, id: ResourceNumber) {
    let Some(ids) = index.get_mut(key) else { return };
    ids.remove(&id);
    if ids.is_empty() {
        index.remove(key);
    }
}

/// Parses an id. Only the canonical form is valid: no sign, no leading zero.
pub(crate) fn parse_id(text: &str) -> Option<ResourceNumber> {
    let plain = !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| plain)
}

impl SandboxDirectory {
    /// Returns the table of a kind of resource.
    pub(crate) fn shelf(&self, kind: RequestKind) -> &RecordTable {
        if kind == RequestKind::Group { &self.groups } else { &self.users }
    }

    fn shelf_mut(&mut self, kind: RequestKind) -> &mut RecordTable {
        if kind == RequestKind::Group { &mut self.groups } else { &mut self.users }
    }

    /// Returns the resource with this id.
    pub(crate) fn record(&self, kind: RequestKind, id: &str) -> Option<(ResourceNumber, &DirectoryRecord)> {
        let id = parse_id(id)?;
        self.shelf(kind).records.get(&id).map(|record| (id, record))
    }

    /// Returns the ids of all resources that fulfil a filter, oldest first.
    pub(crate) fn find(&self, kind: RequestKind, filter: &Filter) -> Vec<ResourceNumber> {
        lookup::find_records(self, kind, filter)
    }

    /// Creates a resource and returns its id.
    pub(crate) fn create(
        &mut self,
        kind: RequestKind,
        attributes: SandboxAttributes,
        members: &[String],
        behaviour: &SandboxBehaviour,
        now: OffsetDateTime,
    ) -> Result<ResourceNumber, SandboxRefusal> {
        self.check(kind, None, &attributes, behaviour)?;
        let members = self.known_members(members, behaviour)?;
        self.last_id += 1;
        let id = self.last_id;
        let shelf = self.shelf_mut(kind);
        shelf.index(id, RecordKeys::of(kind, &attributes));
        let none = BTreeSet::new;
        let (links, nested, within) = (none(), none(), none());
        let record =
            DirectoryRecord { attributes, links, nested, within, created: now, modified: now, version: 1 };
        shelf.records.insert(id, record);
        members.into_iter().for_each(|member| self.link(id, member));
        Ok(id)
    }

    /// Replaces a resource (PUT). Attributes that are not given are removed.
    pub(crate) fn replace(
        &mut self,
        kind: RequestKind,
        id: &str,
        attributes: SandboxAttributes,
        members: Vec<String>,
        behaviour: &SandboxBehaviour,
        now: OffsetDateTime,
    ) -> Result<ResourceNumber, SandboxRefusal> {
        let (id, _) = self.record(kind, id).ok_or_else(|| SandboxRefusal::not_found(id))?;
        let members =
            if kind == RequestKind::Group { vec![SandboxMemberChange::Replace(members)] } else { Vec::new() };
        self.commit(kind, id, PatchPlan { attributes, members }, behaviour, now)
    }

    /// Carries out a PATCH, completely or not at all.
    pub(crate) fn commit(
        &mut self,
        kind: RequestKind,
        id: ResourceNumber,
        plan: PatchPlan,
        behaviour: &SandboxBehaviour,
        now: OffsetDateTime,
    ) -> Result<ResourceNumber, SandboxRefusal> {
        self.check(kind, Some(id), &plan.attributes, behaviour)?;
        let steps = self.member_steps(plan.members, behaviour)?;
        let shelf = self.shelf_mut(kind);
        let Some(record) = shelf.records.get_mut(&id) else {
            return Err(SandboxRefusal::not_found(&id.to_string()));
        };
        record.modified = now;
        record.version += 1;
        let (before, after) =
            (RecordKeys::of(kind, &record.attributes), RecordKeys::of(kind, &plan.attributes));
        record.attributes = plan.attributes;
        if before != after {
            shelf.unindex(id, &before);
            shelf.index(id, after);
        }
        for step in steps {
            self.take_step(id, step);
        }
        Ok(id)
    }

    /// Removes a resource. A user is removed from all groups, unless groups keep references; a group loses all members.
    pub(crate) fn delete(
        &mut self,
        kind: RequestKind,
        id: &str,
        behaviour: &SandboxBehaviour,
    ) -> Result<(), SandboxRefusal> {
        let known = parse_id(id).and_then(|id| Some((id, self.shelf_mut(kind).records.remove(&id)?)));
        let (id, record) = known.ok_or_else(|| SandboxRefusal::not_found(id))?;
        self.shelf_mut(kind).unindex(id, &RecordKeys::of(kind, &record.attributes));
        if kind == RequestKind::User && behaviour.keeps_references {
            return Ok(());
        }
        let others = if kind == RequestKind::Group { &mut self.users } else { &mut self.groups };
        for other in &record.links {
            if let Some(other) = others.records.get_mut(other) {
                other.links.remove(&id);
            }
        }
        for group in record.nested.iter().chain(&record.within) {
            if let Some(group) = self.groups.records.get_mut(group) {
                group.nested.remove(&id);
                group.within.remove(&id);
            }
        }
        Ok(())
    }

    /// Checks a resource before it is stored.
    fn check(
        &self,
        kind: RequestKind,
        id: Option<ResourceNumber>,
        attributes: &SandboxAttributes,
        behaviour: &SandboxBehaviour,
    ) -> Result<(), SandboxRefusal> {
        rules::check_attributes(kind, attributes, behaviour)?;
        if behaviour.unique_mails && kind == RequestKind::User {
            self.check_mails(id, attributes)?;
        }
        if !behaviour.unique_names {
            return Ok(());
        }
        let attribute = rules::name_attribute(kind);
        let name = attribute_text(attributes, attribute).unwrap_or_default();
        let taken = self.shelf(kind).named(name).any(|other| Some(other) != id);
        if taken {
            return Err(SandboxRefusal::new(409, Some("uniqueness"), format!("{attribute} is taken")));
        }
        Ok(())
    }

    /// Checks mail addresses with a scan of all users. Few tests need it, with few users.
    fn check_mails(
        &self,
        id: Option<ResourceNumber>,
        attributes: &SandboxAttributes,
    ) -> Result<(), SandboxRefusal> {
        let wanted = rules::mail_addresses(attributes);
        let others = self.users.records.iter().filter(|(other, _)| Some(**other) != id);
        let taken = others
            .flat_map(|(_, record)| rules::mail_addresses(&record.attributes))
            .any(|m| wanted.contains(&m));
        if taken {
            return Err(SandboxRefusal::new(409, Some("uniqueness"), "a mail address is taken"));
        }
        Ok(())
    }

    /// Parses the ids of members, and checks that each one exists.
    fn known_members(
        &self,
        ids: &[String],
        behaviour: &SandboxBehaviour,
    ) -> Result<Vec<ResourceNumber>, SandboxRefusal> {
        let groups = behaviour.house.as_ref().is_some_and(|house| house.nests());
        let is_known = |id: &ResourceNumber| {
            self.users.records.contains_key(id) || (groups && self.groups.records.contains_key(id))
        };
        let known = |text: &String| {
            let id = parse_id(text).filter(is_known);
            id.ok_or_else(|| SandboxRefusal::invalid_value(format!("member {text} does not exist")))
        };
        ids.iter().map(known).collect()
    }

    /// Checks the ids of all changes before the first one is applied.
    fn member_steps(
        &self,
        changes: Vec<SandboxMemberChange>,
        behaviour: &SandboxBehaviour,
    ) -> Result<Vec<MemberStep>, SandboxRefusal> {
        let known = |ids: Vec<String>| self.known_members(&ids, behaviour);
        let step = |change| match change {
            SandboxMemberChange::Add(ids) => Ok(MemberStep::Add(known(ids)?)),
            SandboxMemberChange::Replace(ids) => Ok(MemberStep::Replace(known(ids)?.into_iter().collect())),
            // A resource that does not exist is not a member, so there is no change.
            SandboxMemberChange::Remove(ids) => {
                Ok(MemberStep::Remove(ids.iter().filter_map(|id| parse_id(id)).collect()))
            }
        };
        changes.into_iter().map(step).collect()
    }

    fn take_step(&mut self, group: ResourceNumber, step: MemberStep) {
        match step {
            MemberStep::Add(users) => users.into_iter().for_each(|user| self.link(group, user)),
            MemberStep::Remove(users) => users.into_iter().for_each(|user| self.unlink(group, user)),
            MemberStep::Replace(wanted) => {
                let Some(record) = self.groups.records.get(&group) else { return };
                let members = record.links.union(&record.nested);
                let gone: Vec<ResourceNumber> = members.filter(|id| !wanted.contains(id)).copied().collect();
                gone.into_iter().for_each(|user| self.unlink(group, user));
                wanted.into_iter().for_each(|user| self.link(group, user));
            }
        }
    }

    /// Adds a member at both ends.
    fn link(&mut self, group: ResourceNumber, member: ResourceNumber) {
        if self.groups.records.contains_key(&member) {
            if let Some(record) = self.groups.records.get_mut(&group) {
                record.nested.insert(member);
            }
            if let Some(record) = self.groups.records.get_mut(&member) {
                record.within.insert(group);
            }
            return;
        }
        let user = member;
        if let (Some(group_record), Some(user_record)) =
            (self.groups.records.get_mut(&group), self.users.records.get_mut(&user))
        {
            group_record.links.insert(user);
            user_record.links.insert(group);
        }
    }

    fn unlink(&mut self, group: ResourceNumber, member: ResourceNumber) {
        if let Some(record) = self.groups.records.get_mut(&group) {
            record.links.remove(&member);
            record.nested.remove(&member);
        }
        if let Some(record) = self.users.records.get_mut(&member) {
            record.links.remove(&group);
        }
        if let Some(record) = self.groups.records.get_mut(&member) {
            record.within.remove(&group);
        }
    }
}

/// A membership change whose ids are known to exist.
enum MemberStep {
    Add(Vec<ResourceNumber>),
    Remove(Vec<ResourceNumber>),
    Replace(BTreeSet<ResourceNumber>),
}
