//! Everybody, page by page.

use std::collections::HashMap;
use std::sync::Arc;

use lifecycle::{
    Attributes, Desired, GroupState, Identity, IdentityView, PlannedAction, ResourceKind, ScopeChange,
    unix_micros,
};
use policy::{GroupSubject, Membership, Policy, Rule, Subject, decide, decide_group, in_scope};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;
use time::OffsetDateTime;
use tokio::task::JoinSet;

use super::Run;
use super::change::{Change, between};
use super::tally::{Found, Tally};
use crate::rows::{decode, desired, edge, group, identity};
use crate::subjects::{Page, Seeds, is_known};

/// People per page: enough that statements cost nothing beside what they bring.
const PAGE: u64 = 4_000;

/// By subject: what was last asked for.
type AskedFor = HashMap<String, String>;

/// A page of people with all that deciding about them takes, for a thread of its own.
struct Sheet {
    people: Vec<(IdentityView, Vec<Membership>, Option<Attributes>)>,
    asked_for: AskedFor,
    new: Policy,
    base: Option<Policy>,
    seeds: Seeds,
    now: OffsetDateTime,
}

impl Run<'_> {
    /// Everybody, or only this one person (or nobody).
    pub(super) async fn people(&mut self, only: Option<Option<&str>>) -> Result<(), StoreError> {
        let (new, base) = (Arc::new(self.new.clone()), self.base.map(|base| Arc::new(base.policy.clone())));
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut pages: JoinSet<(usize, usize, Tally)> = JoinSet::new();
        let (mut started, mut taken) = (0, 0);
        let mut finished: HashMap<usize, (usize, Tally)> = HashMap::new();
        let mut after = String::new();
        let mut is_last = only == Some(None);
        loop {
            while !is_last && pages.len() <= threads {
                let rows = self.page_of_people(&after, only).await?;
                is_last = only.is_some() || rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
                let Some(last) = rows.last() else { break };
                after.clone_from(&last.key);
                let count = rows.len();
                let sheet = self.sheet(rows, new.as_ref(), base.as_deref()).await?;
                let (number, tally) = (started, self.tally.part());
                started += 1;
                pages.spawn_blocking(move || (number, count, sheet.fill(tally)));
            }
            let Some(done) = pages.join_next().await else { return Ok(()) };
            let (number, count, tally) = done.expect("deciding does not panic, and nobody aborts it");
            finished.insert(number, (count, tally));
            // In order, so that the first changes are the first.
            while let Some((count, tally)) = finished.remove(&taken) {
                taken += 1;
                self.tally.append(tally);
                self.told(count);
            }
        }
    }

    async fn page_of_people(
        &self,
        after: &str,
        only: Option<Option<&str>>,
    ) -> Result<Vec<identity::Model>, StoreError> {
        let mut query = identity::Entity::find();
        query = match only {
            Some(key) => query.filter(identity::Column::Key.eq(key.unwrap_or_default())),
            None => query.filter(identity::Column::Key.gt(after)),
        };
        let rows = query.order_by_asc(identity::Column::Key).limit(PAGE).all(self.store.reader()).await;
        rows.map_err(StoreError::statement("read people"))
    }

    async fn sheet(
        &self,
        rows: Vec<identity::Model>,
        new: &Policy,
        base: Option<&Policy>,
    ) -> Result<Sheet, StoreError> {
        let now = unix_micros(self.now);
        let asked_for = match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => self.asked_for(ResourceKind::User, &first.key, &last.key).await?,
            _ => AskedFor::new(),
        };
        let views = tokio::task::spawn_blocking(move || {
            let states = rows.iter().map(|row| (row, decode::<Identity>(&row.state, &row.key)));
            let known = states.filter(|(_, state)| is_known(state));
            known.map(|(row, state)| state.view(&row.key, now)).collect::<Vec<IdentityView>>()
        });
        let views = views.await.expect("nobody aborts it");
        let looks_around = |policy: &Policy| policy.uses_groups() || !policy.manager_attributes().is_empty();
        let around = match looks_around(new) || base.is_some_and(looks_around) {
            true => Page::read(self.store.reader(), &self.index, &views, now).await?,
            false => Page::default(),
        };
        let people = views.into_iter().map(|view| {
            let (groups, manager) = (around.memberships(&view.key).to_vec(), around.manager(&view).cloned());
            (view, groups, manager)
        });
        Ok(Sheet {
            people: people.collect(),
            asked_for,
            new: new.clone(),
            base: base.cloned(),
            seeds: self.seeds.clone(),
            now: self.now,
        })
    }

    /// What was last asked for, for subjects from `first` to `last`.
    async fn asked_for(&self, kind: ResourceKind, first: &str, last: &str) -> Result<AskedFor, StoreError> {
        let rows: Vec<(String, String)> = desired::Entity::find()
            .select_only()
            .columns([desired::Column::Subject, desired::Column::Desired])
            .filter(desired::Column::Target.eq(self.new.target()))
            .filter(desired::Column::Kind.eq(kind.as_str()))
            .filter(desired::Column::Subject.gte(first))
            .filter(desired::Column::Subject.lte(last))
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read desired states"))?;
        Ok(rows.into_iter().collect())
    }

    /// Every group, or only this one (or none).
    pub(super) async fn groups(&mut self, only: Option<Option<&str>>) -> Result<(), StoreError> {
        let mut after = String::new();
        if only == Some(None) {
            return Ok(());
        }
        loop {
            let mut query = group::Entity::find();
            query = match only {
                Some(key) => query.filter(group::Column::Key.eq(key.unwrap_or_default())),
                None => query.filter(group::Column::Key.gt(&after)),
            };
            let rows = query.order_by_asc(group::Column::Key).limit(PAGE).all(self.store.reader()).await;
            let rows = rows.map_err(StoreError::statement("read groups"))?;
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
            let asked_for = self.asked_for(ResourceKind::Group, &first.key, &last.key).await?;
            after.clone_from(&last.key);
            let mut appeared = Vec::new();
            for row in &rows {
                if self.group(row, &asked_for) {
                    appeared.push(row.key.clone());
                }
            }
            self.tally.memberships += self.memberships_of(&appeared).await?;
            self.told(rows.len());
            if only.is_some() {
                return Ok(());
            }
        }
    }

    /// Whether the group comes to exist at the target.
    fn group(&mut self, row: &group::Model, asked_for: &AskedFor) -> bool {
        let now = unix_micros(self.now);
        let state: GroupState = decode(&row.state, &row.key);
        if state == GroupState::default() {
            return false; // nothing was ever said about it
        }
        let attributes = state.attributes_at(now);
        let groups = self.index.memberships_of_group(&row.key);
        let target = self.new.target();
        let subject = GroupSubject {
            key: &row.key,
            attributes: &attributes,
            exists: state.exists_at(now),
            groups: &groups,
            seed: self.seeds.of(target, ResourceKind::Group, &row.key),
        };
        let decision = decide_group(&subject, self.new, self.now);
        let was_in_scope = self.base.map(|base| decide_group(&subject, &base.policy, self.now).in_scope);
        let before = asked_for.get(&row.key).map(String::as_str);
        let change = change(before, decision.resource().map(Desired::Group));
        let appears = change.action == PlannedAction::Create;
        let words = || {
            let name = attributes.get("displayName").and_then(|name| name.as_str()).map(str::to_owned);
            (name, decision.reason().to_string())
        };
        self.tally.add(Found {
            kind: ResourceKind::Group,
            subject: &row.key,
            change,
            scope: scope_change(was_in_scope, decision.in_scope),
            is_impossible: decision.rule == Rule::RequiredValueMissing,
            words: &words,
        });
        appears
    }

    /// How many memberships these groups have; groups nested in them are none.
    async fn memberships_of(&self, groups: &[String]) -> Result<u64, StoreError> {
        let mut count = 0;
        for group in groups {
            let members: Vec<String> = edge::Entity::find()
                .select_only()
                .column(edge::Column::MemberKey)
                .filter(edge::Column::GroupKey.eq(group))
                .filter(edge::Column::Present.eq(true))
                .into_tuple()
                .all(self.store.reader())
                .await
                .map_err(StoreError::statement("read memberships"))?;
            count += members.iter().filter(|member| !self.index.is_group(member)).count();
        }
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl Sheet {
    fn fill(self, mut tally: Tally) -> Tally {
        for (view, groups, manager) in &self.people {
            self.person(view, groups, manager.as_ref(), &mut tally);
        }
        tally
    }

    fn person(
        &self,
        view: &IdentityView,
        groups: &[Membership],
        manager: Option<&Attributes>,
        tally: &mut Tally,
    ) {
        let seed = self.seeds.of(self.new.target(), ResourceKind::User, &view.key);
        let subject = Subject { identity: view, groups, manager, seed };
        let decision = decide(&subject, &self.new, self.now);
        let was_in_scope = self.base.as_ref().map(|base| in_scope(&subject, base, self.now));
        let before = self.asked_for.get(&view.key).map(String::as_str);
        let words = || (decision.user_name(), decision.reason().to_string());
        tally.add(Found {
            kind: ResourceKind::User,
            subject: &view.key,
            change: change(before, decision.account().map(Desired::User)),
            scope: scope_change(was_in_scope, decision.in_scope),
            is_impossible: decision.rule == Rule::RequiredValueMissing,
            words: &words,
        });
    }
}

fn change(before: Option<&str>, after: Option<Desired>) -> Change {
    let nothing = Change { action: PlannedAction::None, attributes: Vec::new() };
    let Some(after) = after else { return nothing };
    let json = serde_json::to_string(&after).expect("a desired state is plain data");
    if before == Some(json.as_str()) {
        return nothing;
    }
    let before: Option<Desired> = before.and_then(|json| serde_json::from_str(json).ok());
    between(before.as_ref(), &after)
}

fn scope_change(was: Option<bool>, is: bool) -> Option<ScopeChange> {
    match (was?, is) {
        (false, true) => Some(ScopeChange::Into),
        (true, false) => Some(ScopeChange::OutOf),
        _ => None,
    }
}
