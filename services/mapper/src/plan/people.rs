//! All people, and all groups, page by page.

use std::collections::HashMap;
use std::sync::Arc;

use lifecycle::{
    AccountState, AttributeMap, DesiredState, GroupState, IdentityView, PersonRecord, PlannedAction,
    ResourceKind, ScopeChange, unix_micros,
};
use policy::{DecisionRule, GroupMembership, Policy, decide_group, decide_person, in_scope};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{Store, StoreError};
use time::OffsetDateTime;
use tokio::task::JoinSet;

use super::PlanRun;
use super::change::{AccountChange, change_between};
use super::tally::{PlanTally, PlannedSubject};
use crate::rows::{desired, edge, finding, group, identity};
use crate::subjects::{DecidedGroup, DecidedPerson, GroupIndex, SeedMaker, SubjectPage, is_known};
use crate::unreadable::{StateKind, UnreadableStates};
use crate::work::held_in_words;

/// People per page: enough to make the cost of a statement small in comparison with its result.
const PAGE: u64 = 4_000;

/// The state that was last requested, by subject.
type AskedFor = HashMap<String, String>;

/// A page of people with everything that decisions about them depend on, so that a separate thread can decide.
struct PersonPage {
    people: Vec<(IdentityView, Vec<GroupMembership>, Option<AttributeMap>)>,
    asked_for: AskedFor,
    /// Newcomers who are held, with the person who had their login before.
    held: HashMap<String, String>,
    new: Policy,
    base: Option<Policy>,
    seeds: SeedMaker,
    now: OffsetDateTime,
}

/// The inputs that all pages share, on all threads.
struct PageDecider {
    store: Store,
    seeds: SeedMaker,
    new: Policy,
    base: Option<Policy>,
    index: Arc<GroupIndex>,
    now: OffsetDateTime,
}

/// The keys of a page of people: after the first, up to and including the second. The last page has no end.
type KeySpan = (String, Option<String>);

impl PlanRun<'_> {
    /// Evaluates all people, or only this one (or none). Pages are independent of each other, so they are read and decided about
    /// concurrently, and counted in order.
    pub(super) async fn people(&mut self, only: Option<Option<&str>>) -> Result<(), StoreError> {
        let desk = Arc::new(PageDecider {
            store: self.store.clone(),
            seeds: self.seeds.clone(),
            new: self.new.clone(),
            base: self.base.map(|base| base.policy.clone()),
            index: Arc::clone(&self.index),
            now: self.now,
        });
        if let Some(only) = only {
            let Some(key) = only else { return Ok(()) };
            let rows = desk.people(identity::Column::Key.eq(key)).await?;
            let (count, tally) = desk.page(rows, self.tally.part()).await?;
            self.tally.append(tally);
            self.told(count);
            return Ok(());
        }
        let at_once = 2 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut waiting = desk.spans().await?.into_iter().enumerate();
        let mut pages: JoinSet<Result<(usize, usize, PlanTally), StoreError>> = JoinSet::new();
        let (mut taken, mut finished) = (0, HashMap::new());
        loop {
            while pages.len() < at_once {
                let Some((number, span)) = waiting.next() else { break };
                let (desk, tally) = (Arc::clone(&desk), self.tally.part());
                pages.spawn(async move {
                    let rows = desk.people(within_span(&span)).await?;
                    let (count, tally) = desk.page(rows, tally).await?;
                    Ok((number, count, tally))
                });
            }
            let Some(done) = pages.join_next().await else { return Ok(()) };
            let (number, count, tally) = done.expect("deciding neither panics nor is aborted")?;
            finished.insert(number, (count, tally));
            // In order, so that the listed changes are the first ones.
            while let Some((count, tally)) = finished.remove(&taken) {
                taken += 1;
                self.tally.append(tally);
                self.told(count);
            }
        }
    }
}

fn within_span((after, to): &KeySpan) -> Expr {
    let begin = identity::Column::Key.gt(after);
    match to {
        Some(to) => begin.and(identity::Column::Key.lte(to)),
        None => begin,
    }
}

impl PageDecider {
    /// Returns the spans of the pages by every [`PAGE`]th key, from one index scan, so that no page has to wait for the one before.
    async fn spans(&self) -> Result<Vec<KeySpan>, StoreError> {
        let mut spans = Vec::new();
        let mut after = String::new();
        loop {
            let end: Option<String> = identity::Entity::find()
                .select_only()
                .column(identity::Column::Key)
                .filter(identity::Column::Key.gt(&after))
                .order_by_asc(identity::Column::Key)
                .offset(PAGE - 1)
                .limit(1)
                .into_tuple()
                .one(self.store.reader())
                .await
                .map_err(StoreError::statement("read people"))?;
            spans.push((after, end.clone()));
            match end {
                Some(end) => after = end,
                None => return Ok(spans),
            }
        }
    }

    async fn people(&self, which: Expr) -> Result<Vec<identity::Model>, StoreError> {
        let rows = identity::Entity::find().filter(which).order_by_asc(identity::Column::Key);
        rows.all(self.store.reader()).await.map_err(StoreError::statement("read people"))
    }

    /// Decides about a page. Returns the number of its rows with the tally.
    async fn page(
        &self,
        rows: Vec<identity::Model>,
        tally: PlanTally,
    ) -> Result<(usize, PlanTally), StoreError> {
        let count = rows.len();
        let (sheet, unreadable) = self.sheet(rows).await?;
        let mut tally = tally;
        tally.unreadable += unreadable.count();
        unreadable.list(&self.store).await?;
        let filled = tokio::task::spawn_blocking(move || sheet.fill(tally));
        Ok((count, filled.await.expect("it is never aborted")))
    }

    /// Loads everything that decisions about the people of a page depend on. Returns the states that cannot be read as well.
    async fn sheet(&self, rows: Vec<identity::Model>) -> Result<(PersonPage, UnreadableStates), StoreError> {
        let now = unix_micros(self.now);
        let (asked_for, held) = match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => (
                asked_for(&self.store, self.new.target(), ResourceKind::User, &first.key, &last.key).await?,
                finding::held_logins(self.store.reader(), &first.key, &last.key).await?,
            ),
            _ => Default::default(),
        };
        let views = tokio::task::spawn_blocking(move || {
            let mut unreadable = UnreadableStates::default();
            let states = rows.iter().filter_map(|row| {
                let state = unreadable.decode::<PersonRecord>(StateKind::Person, &row.state, &row.key)?;
                Some((row, state))
            });
            let known = states.filter(|(_, state)| is_known(state));
            let views: Vec<IdentityView> = known.map(|(row, state)| state.view(&row.key, now)).collect();
            (views, unreadable)
        });
        let (views, mut unreadable) = views.await.expect("it is never aborted");
        let looks_around = |policy: &Policy| policy.uses_groups() || !policy.manager_attributes().is_empty();
        let mut around = match looks_around(&self.new) || self.base.as_ref().is_some_and(looks_around) {
            true => SubjectPage::read(self.store.reader(), &self.index, &views, now).await?,
            false => SubjectPage::default(),
        };
        unreadable.append(std::mem::take(&mut around.unreadable));
        let people = views.into_iter().map(|view| {
            let (groups, manager) = (around.memberships(&view.key).to_vec(), around.manager(&view).cloned());
            (view, groups, manager)
        });
        let page = PersonPage {
            people: people.collect(),
            asked_for,
            held,
            new: self.new.clone(),
            base: self.base.clone(),
            seeds: self.seeds.clone(),
            now: self.now,
        };
        Ok((page, unreadable))
    }
}

/// Returns the states that were last requested of a target, for subjects from `first` to `last`.
async fn asked_for(
    store: &Store,
    target: &str,
    kind: ResourceKind,
    first: &str,
    last: &str,
) -> Result<AskedFor, StoreError> {
    let rows: Vec<(String, String)> = desired::Entity::find()
        .select_only()
        .columns([desired::Column::Subject, desired::Column::Desired])
        .filter(desired::Column::Target.eq(target))
        .filter(desired::Column::Kind.eq(kind.as_str()))
        .filter(desired::Column::Subject.gte(first))
        .filter(desired::Column::Subject.lte(last))
        .into_tuple()
        .all(store.reader())
        .await
        .map_err(StoreError::statement("read desired states"))?;
    Ok(rows.into_iter().collect())
}

impl PlanRun<'_> {
    /// Evaluates all groups, or only this one (or none).
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
            let asked_for =
                asked_for(self.store, self.new.target(), ResourceKind::Group, &first.key, &last.key).await?;
            after.clone_from(&last.key);
            let (mut appeared, mut unreadable) = (Vec::new(), UnreadableStates::default());
            for row in &rows {
                let state = unreadable.decode::<GroupState>(StateKind::Group, &row.state, &row.key);
                if state.is_some_and(|state| self.group(row, &state, &asked_for)) {
                    appeared.push(row.key.clone());
                }
            }
            self.tally.unreadable += unreadable.count();
            unreadable.list(self.store).await?;
            self.tally.memberships += self.memberships_of(&appeared).await?;
            self.told(rows.len());
            if only.is_some() {
                return Ok(());
            }
        }
    }

    /// Evaluates a group. Returns whether it comes into existence at the target.
    fn group(&mut self, row: &group::Model, state: &GroupState, asked_for: &AskedFor) -> bool {
        let now = unix_micros(self.now);
        if *state == GroupState::default() {
            return false; // no source ever stated anything about it
        }
        let decided = DecidedGroup::at(&row.key, state, self.index.memberships_of_group(&row.key), now);
        let subject = decided.subject(self.new, self.seeds);
        let decision = decide_group(&subject, self.new, self.now);
        let was = self.base.map(|base| decide_group(&subject, &base.policy, self.now));
        let was_in_scope = was.as_ref().map(|was| was.in_scope);
        let failures = decision.failures();
        let fails_newly = failures.len() > was.as_ref().map_or(0, |was| was.failures().len());
        let before = asked_for.get(&row.key).map(String::as_str);
        let change = planned_change(before, decision.resource().map(DesiredState::Group));
        let appears = matches!(change.action, PlannedAction::Create | PlannedAction::Adopt);
        let words = || {
            let name =
                decided.attributes.get("displayName").and_then(|name| name.as_str()).map(str::to_owned);
            (name, decision.reason_in_full().to_string())
        };
        self.tally.add(PlannedSubject {
            kind: ResourceKind::Group,
            subject: &row.key,
            change,
            scope: scope_change(was_in_scope, decision.in_scope),
            is_impossible: decision.rule == DecisionRule::RequiredValueMissing,
            failures,
            fails_newly,
            words: &words,
        });
        appears
    }

    /// Returns the number of memberships of these groups, without nested groups.
    async fn memberships_of(&self, groups: &[String]) -> Result<u64, StoreError> {
        let mut count = 0;
        for group in groups {
            let members: Vec<String> = edge::Entity::find()
                .select_only()
                .column(edge::Column::MemberKey)
                .filter(edge::Column::GroupKey.eq(group))
                .filter(edge::Column::Present.eq(true).or(edge::Column::Indirect.eq(true)))
                .into_tuple()
                .all(self.store.reader())
                .await
                .map_err(StoreError::statement("read memberships"))?;
            count += members.iter().filter(|member| !self.index.is_group(member)).count();
        }
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl PersonPage {
    /// Decides about all people of the page, and adds them to the tally.
    fn fill(self, mut tally: PlanTally) -> PlanTally {
        for (view, groups, manager) in &self.people {
            self.person(view, groups, manager.as_ref(), &mut tally);
        }
        tally
    }

    fn person(
        &self,
        view: &IdentityView,
        groups: &[GroupMembership],
        manager: Option<&AttributeMap>,
        tally: &mut PlanTally,
    ) {
        let subject = DecidedPerson { identity: view, groups, manager }.subject(&self.new, &self.seeds);
        let decision = decide_person(&subject, &self.new, self.now);
        let was_in_scope = self.base.as_ref().map(|base| in_scope(&subject, base, self.now));
        let before = self.asked_for.get(&view.key).map(String::as_str);
        let held = self.held.get(&view.key).filter(|_| before.is_none());
        let reason = || decision.reason_in_full().to_string();
        let words = || (decision.user_name(), held.map_or_else(reason, |former| held_in_words(former)));
        let failures = decision.failures();
        // Few mappings fail: the policy in force is evaluated for those people alone.
        let fails_newly = !failures.is_empty()
            && self
                .base
                .as_ref()
                .is_none_or(|base| decide_person(&subject, base, self.now).failures().len() < failures.len());
        tally.add(PlannedSubject {
            kind: ResourceKind::User,
            subject: &view.key,
            change: planned_change(before, decision.account().map(DesiredState::User)),
            scope: scope_change(was_in_scope, decision.in_scope),
            is_impossible: decision.rule == DecisionRule::RequiredValueMissing,
            failures,
            fails_newly,
            words: &words,
        });
    }
}

/// Returns the change between the last requested state, as JSON, and the new one.
fn planned_change(before: Option<&str>, after: Option<DesiredState>) -> AccountChange {
    let nothing = AccountChange { action: PlannedAction::None, attributes: Vec::new() };
    let Some(after) = after else { return nothing };
    let json = serde_json::to_string(&after).expect("a desired state is plain data");
    if before == Some(json.as_str()) {
        return nothing;
    }
    match before.map(serde_json::from_str::<DesiredState>).transpose() {
        Ok(before) => change_between(before.as_ref(), &after),
        // The command is sent again. It may take access away, and a plan must not show less than what happens.
        Err(_) => AccountChange { action: action_of_unreadable(&after), ..change_between(None, &after) },
    }
}

/// Returns the change of an account or group if the last requested state cannot be read: the greatest that it may be.
fn action_of_unreadable(after: &DesiredState) -> PlannedAction {
    match after {
        DesiredState::User(account) => match account.state {
            AccountState::Active => PlannedAction::Update,
            AccountState::Disabled => PlannedAction::Disable,
            AccountState::Deleted => PlannedAction::Delete,
        },
        DesiredState::Group(group) if !group.exists => PlannedAction::Delete,
        _ => PlannedAction::Update,
    }
}

/// Returns whether the person or group comes into the policy's scope or leaves it.
fn scope_change(was: Option<bool>, is: bool) -> Option<ScopeChange> {
    // Without a previous policy, no person was in its scope.
    match (was.unwrap_or(false), is) {
        (false, true) => Some(ScopeChange::Into),
        (true, false) => Some(ScopeChange::OutOf),
        _ => None,
    }
}
