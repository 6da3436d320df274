//! Explains what is known of one person or group, and the decision of a policy about it.

use std::collections::HashMap;

use lifecycle::{
    DesiredState, Employment, ExplainRequest, ExplainedPerson, GroupState, MemberResult, PersonRecord,
    ResourceKind, unix_micros,
};
use policy::{GroupMembership, Policy};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;

use super::{MapperControl, MapperRefusal, kind_word, wrong_request};
use crate::now;
use crate::policies::{InForce, versions};
use crate::rows::{decode_state, desired, edge, finding, group, identity, login};
use crate::subjects::{DecidedGroup, DecidedPerson, GroupIndex, SubjectPage, is_known};
use crate::work::{LOGIN_ATTRIBUTES, held_in_words};

/// The maximum number of members that are listed individually.
const MEMBERS_MAX: u64 = 1_000;

impl MapperControl {
    /// Finds the person or group that an operator names, by key or by login name at the target.
    ///
    /// # Errors
    /// Refused if no person or group matches.
    pub(super) async fn find(
        &self,
        named: &str,
        target: &str,
    ) -> Result<(ResourceKind, String), MapperRefusal> {
        if let Some(person) = self.who_is(named).await? {
            return Ok((ResourceKind::User, person));
        }
        if let Some(found) = self.group(named).await? {
            return Ok((ResourceKind::Group, found.key));
        }
        if let Some(person) = login::find_person(self.parts.store.reader(), named, target).await? {
            return Ok((ResourceKind::User, person));
        }
        match self.with_name(named).await? {
            Some(key) => Ok((ResourceKind::User, key)),
            None => Err(wrong_request(format!(
                "no person or group has the key `{named}`, no account at `{target}` that login name, and no person has it as {}",
                LOGIN_ATTRIBUTES.join(", ")
            ))),
        }
    }

    /// Finds the person with this login name at the source: before the first account is created, there is no other login name.
    pub(super) async fn with_name(&self, named: &str) -> Result<Option<String>, StoreError> {
        login::find_person(self.parts.store.reader(), named, "").await
    }

    /// Finds the group with this key, even if a person has the same key.
    ///
    /// # Errors
    /// Refused if there is no such group.
    pub(super) async fn find_group(&self, key: &str) -> Result<(ResourceKind, String), MapperRefusal> {
        match self.group(key).await? {
            Some(group) => Ok((ResourceKind::Group, group.key)),
            None => Err(wrong_request(format!("no group has the key `{key}`"))),
        }
    }

    /// Reads a group by its key.
    async fn group(&self, key: &str) -> Result<Option<group::Model>, StoreError> {
        let row = group::Entity::find_by_id(key).one(self.parts.store.reader()).await;
        row.map_err(StoreError::statement("read a group"))
    }

    /// Reads the record of a known person; `None` if there is none, and for a key that was joined to another person.
    pub(super) async fn identity(&self, key: &str) -> Result<Option<PersonRecord>, StoreError> {
        let row = identity::Entity::find_by_id(key).one(self.parts.store.reader()).await;
        let row = row.map_err(StoreError::statement("read a person"))?;
        let state = row.map(|row| decode_state::<PersonRecord>(&row.state, &row.key)).transpose()?;
        Ok(state.filter(is_known))
    }

    /// Answers `explain`: the decision of the policy in force about a person or group, with its clauses and mappings.
    pub(super) async fn explain(&self, request: &ExplainRequest) -> Result<ExplainedPerson, MapperRefusal> {
        let set = versions::in_force(self.parts.store.reader()).await?;
        let Some(InForce { policy, version }) = set.of(&request.target) else {
            return Err(self.no_policy(&request.target, None).await?);
        };
        let (kind, key) = self.find(&request.subject, &request.target).await?;
        let mut explained = match kind {
            ResourceKind::Group => self.explain_group(&key, policy).await?,
            _ => self.explain_person(&key, policy).await?,
        };
        explained.policy_version = *version;
        explained.asked_for = self.asked_for(&request.target, kind, &key).await?;
        if explained.asked_for.is_none() && kind == ResourceKind::User {
            self.explain_hold(&mut explained).await?;
        }
        Ok(explained)
    }

    /// Says that no account is created for a newcomer with the login of a former person.
    async fn explain_hold(&self, explained: &mut ExplainedPerson) -> Result<(), StoreError> {
        let key = explained.subject.as_str();
        let held = finding::held_logins(self.parts.store.reader(), key, key).await?;
        if let Some(former) = held.get(key) {
            (explained.reason, explained.desired) = (held_in_words(former), None);
        }
        Ok(())
    }

    /// Reads the state that was last requested of the target.
    async fn asked_for(
        &self,
        target: &str,
        kind: ResourceKind,
        key: &str,
    ) -> Result<Option<DesiredState>, StoreError> {
        let id = (target.to_owned(), kind.as_str().to_owned(), key.to_owned());
        let row = desired::Entity::find_by_id(id).one(self.parts.store.reader()).await;
        let row = row.map_err(StoreError::statement("read a desired state"))?;
        row.map(|row| row.desired()).transpose()
    }

    /// Explains a person. The caller fills in the policy's version and the last requested state.
    async fn explain_person(&self, key: &str, policy: &Policy) -> Result<ExplainedPerson, MapperRefusal> {
        let now = now();
        let Some(state) = self.identity(key).await? else {
            return Err(wrong_request(format!(
                "the {} {key} is not known any more",
                kind_word(ResourceKind::User)
            )));
        };
        let view = state.view(key, unix_micros(now));
        let index = GroupIndex::load(self.parts.store.reader(), unix_micros(now)).await?;
        let views = [view];
        let mut around =
            SubjectPage::read(self.parts.store.reader(), &index, &views, unix_micros(now)).await?;
        std::mem::take(&mut around.unreadable).list(&self.parts.store).await?;
        let [view] = &views;
        let groups = around.memberships(key);
        let decided = DecidedPerson { identity: view, groups, manager: around.manager(view) };
        let subject = decided.subject(policy, &self.parts.seeds);
        let (decision, looked_at) = policy::explain_decision(&subject, policy, now);
        let employment = match view.employment {
            Employment::Unknown => "unknown",
            Employment::Active => "active",
            Employment::Left { .. } => "left",
            Employment::Deleted { .. } => "deleted",
        };
        Ok(ExplainedPerson {
            subject: key.to_owned(),
            kind: ResourceKind::User,
            target: policy.target().to_owned(),
            policy_version: 0,
            employment: employment.to_owned(),
            attributes: view.attributes.clone(),
            groups: group_names(groups),
            in_scope: looked_at.in_scope,
            clauses: looked_at.clauses,
            reason: decision.reason().to_string(),
            mappings: looked_at.mappings,
            desired: decision.account().map(DesiredState::User),
            asked_for: None,
            members: Vec::new(),
            members_total: 0,
        })
    }

    /// Explains a group with its members. The caller fills in the policy's version and the last requested state.
    async fn explain_group(&self, key: &str, policy: &Policy) -> Result<ExplainedPerson, MapperRefusal> {
        let now = now();
        let Some(row) = self.group(key).await? else {
            return Err(wrong_request(format!(
                "the {} {key} is not known any more",
                kind_word(ResourceKind::Group)
            )));
        };
        let state: GroupState = decode_state(&row.state, &row.key)?;
        let index = GroupIndex::load(self.parts.store.reader(), unix_micros(now)).await?;
        let decided = DecidedGroup::at(key, &state, index.memberships_of_group(key), unix_micros(now));
        let subject = decided.subject(policy, &self.parts.seeds);
        let (decision, looked_at) = policy::explain_group(&subject, policy, now);
        let (members, members_total) = self.members(policy.target(), key).await?;
        Ok(ExplainedPerson {
            subject: key.to_owned(),
            kind: ResourceKind::Group,
            target: policy.target().to_owned(),
            policy_version: 0,
            employment: if decided.exists { "exists" } else { "absent" }.to_owned(),
            attributes: decided.attributes.clone(),
            groups: group_names(&decided.groups),
            in_scope: looked_at.in_scope,
            clauses: looked_at.clauses,
            reason: decision.reason().to_string(),
            mappings: looked_at.mappings,
            desired: decision.resource().map(DesiredState::Group),
            asked_for: None,
            members,
            members_total,
        })
    }

    /// Returns at most [`MEMBERS_MAX`] members with the states of their accounts, and the number of all members.
    async fn members(&self, target: &str, key: &str) -> Result<(Vec<MemberResult>, u64), StoreError> {
        let failed = StoreError::statement("read members");
        let present = edge::Entity::find()
            .filter(edge::Column::GroupKey.eq(key))
            .filter(edge::Column::Present.eq(true).or(edge::Column::Indirect.eq(true)));
        let total = present.clone().count(self.parts.store.reader()).await.map_err(&failed)?;
        let rows = edge::Entity::find()
            .filter(edge::Column::GroupKey.eq(key))
            .order_by_desc(edge::Column::Present)
            .order_by_desc(edge::Column::Indirect)
            .order_by_asc(edge::Column::MemberKey)
            .limit(MEMBERS_MAX)
            .all(self.parts.store.reader())
            .await
            .map_err(&failed)?;
        let keys: Vec<&String> = rows.iter().map(|row| &row.member_key).collect();
        let mut accounts: HashMap<String, String> = HashMap::new();
        for chunk in keys.chunks(store::ROWS_PER_STATEMENT_MAX) {
            let found: Vec<(String, String)> = desired::Entity::find()
                .select_only()
                .columns([desired::Column::Subject, desired::Column::State])
                .filter(desired::Column::Target.eq(target))
                .filter(desired::Column::Kind.eq(ResourceKind::User.as_str()))
                .filter(desired::Column::Subject.is_in(chunk.iter().copied()))
                .into_tuple()
                .all(self.parts.store.reader())
                .await
                .map_err(&failed)?;
            accounts.extend(found);
        }
        let member = |row: edge::Model| MemberResult {
            account: accounts.get(&row.member_key).cloned(),
            present: row.is_member(),
            member: row.member_key,
        };
        Ok((rows.into_iter().map(member).collect(), total))
    }
}

/// Returns the names of groups, and the keys of those without a name.
fn group_names(groups: &[GroupMembership]) -> Vec<String> {
    groups.iter().map(|group| group.name.clone().unwrap_or(group.key.clone())).collect()
}
