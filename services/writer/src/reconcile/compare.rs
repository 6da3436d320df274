//! Compares one page of a target's list with the stored rows.

use std::collections::HashMap;

use lifecycle::{AttributeMap, DesiredState, DifferenceKind, FoundDifference, ResourceKind};
use scim::{FoundResource, PatchOp, ScimKind};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::drift::ResourceDrift;
use super::{ReconcileHalt, ReconcileRun};
use crate::converge::WantedState;
use crate::converge::step::{ConvergeStep, TargetState, next_step};
use crate::guard::other_accounts;
use crate::lease::database_now;
use crate::rows::access::OffEvidence;
use crate::rows::access::takes_away;
use crate::rows::orphan;
use crate::rows::stored;
use crate::rows::words::RowStatus;
use crate::rows::{load_resources, resource};
use crate::{micros, now};

/// The result of comparing one resource at the target.
enum ResourceVerdict {
    InSync,
    Busy,
    /// The resource differs at these paths; the attributes are those observed at the target.
    Differs(Vec<String>, AttributeMap),
}

impl ReconcileRun {
    /// Compares a page. Returns whether all of its resources had been seen before.
    pub(super) async fn take(
        &mut self,
        kind: ScimKind,
        page: &[FoundResource],
    ) -> Result<bool, ReconcileHalt> {
        let resource_kind = match kind {
            ScimKind::User => ResourceKind::User,
            ScimKind::Group => ResourceKind::Group,
        };
        let (unusable, page): (Vec<&FoundResource>, Vec<&FoundResource>) =
            page.iter().partition(|seen| stored::remote_id_fault(&seen.id).is_some());
        for seen in unusable {
            self.report.counts.unreadable += 1;
            self.note(FoundDifference {
                difference: DifferenceKind::Unreadable,
                kind: resource_kind,
                subject: None,
                remote_id: None,
                what: stored::remote_id_fault(&seen.id).into_iter().collect(),
            });
        }
        let page = page.as_slice();
        let linked = self.linked(resource_kind, page).await?;
        let is_repeated = !linked.is_empty()
            && linked.len() == page.len()
            && linked.values().all(|row| row.seen_at.is_some_and(|at| at >= self.row.started_at));
        let namesakes = self.by_external_id(resource_kind, page, &linked).await?;
        let links = self.links_of_references(&linked).await?;
        let mut differing: Vec<(resource::Model, Option<(AttributeMap, ResourceDrift)>)> = Vec::new();
        let decisions = self.orphan_decisions().await?;
        let (mut groups, mut kept, mut taken, mut off) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut ownerless = Vec::new();
        let mut further: HashMap<String, Vec<String>> = HashMap::new();
        if let Some(newer) = &mut self.newer {
            newer.note_page(kind, page, &linked, &namesakes);
        }
        for &seen in page {
            let row = match linked.get(&seen.id) {
                Some(row) if orphan::is_orphan(&row.subject) && is_at_rest(row) => {
                    taken.extend(self.orphan_account(&decisions, seen, Some(row)));
                    self.keep_orphan(seen, &mut ownerless);
                    continue;
                }
                Some(row) => row,
                None if self.is_nobodys(resource_kind, seen, &namesakes) => {
                    taken.extend(self.orphan_account(&decisions, seen, None));
                    self.keep_orphan(seen, &mut ownerless);
                    continue;
                }
                None => {
                    if let Some(subject) = further_account_of(seen, &namesakes) {
                        further.entry(subject).or_default().push(seen.id.clone());
                    }
                    let ours = self.not_linked(resource_kind, seen, &namesakes);
                    if ours.is_none() && kind == ScimKind::User {
                        self.keep_orphan(seen, &mut ownerless);
                    }
                    differing.extend(ours.map(|row| (row, None)));
                    continue;
                }
            };
            match self.judge(row, seen, &links) {
                ResourceVerdict::InSync => {
                    if seen.active == Some(false) && row.off_evidence.is_none() {
                        off.push(row.subject.clone());
                    }
                    self.report.counts.in_sync += 1;
                    kept.extend(row.drift.as_ref().map(|_| row.subject.clone()));
                }
                ResourceVerdict::Busy => {
                    self.report.counts.busy += 1;
                    continue;
                }
                ResourceVerdict::Differs(what, observed) => {
                    for (path, id) in named_by(row, &what, &observed) {
                        self.listed.name(row, &path, &id);
                    }
                    let drift = ResourceDrift::found(row, &what, &observed);
                    let difference =
                        if drift.is_unkept(&what) { DifferenceKind::Unkept } else { DifferenceKind::Drifted };
                    match difference {
                        DifferenceKind::Unkept => self.report.counts.unkept += 1,
                        _ => self.report.counts.drifted += 1,
                    }
                    self.note(FoundDifference {
                        difference,
                        kind: resource_kind,
                        subject: Some(row.subject.clone()),
                        remote_id: Some(seen.id.clone()),
                        what,
                    });
                    if difference == DifferenceKind::Drifted {
                        differing.push((row.clone(), Some((observed, drift))));
                    }
                }
            }
            if kind == ScimKind::Group {
                groups.push(row.clone());
            }
        }
        let tx = self.begin().await?;
        self.mark_seen(&tx, resource_kind, linked.keys().cloned().collect()).await?;
        self.keep_evidence(&tx, &off).await?;
        if kind == ScimKind::User {
            let ids: Vec<String> = page.iter().map(|seen| seen.id.clone()).collect();
            other_accounts::keep_page(&tx, &self.target.name, &ids, ownerless).await?;
        }
        if !self.report.dry_run {
            self.forget_drift(&tx, resource_kind, &kept).await?;
        }
        let differ = differing.iter().map(|(row, _)| row.subject.clone());
        let subjects: Vec<String> = differ.chain(further.keys().cloned()).collect();
        let mut rows = load_resources(&tx, &self.target.name, resource_kind, &subjects, true).await?;
        rows.retain(|_, row| is_at_rest(row)); // not rows that were queued meanwhile
        for (row, observed) in differing {
            let Some((row, (observed, drift))) = rows.get_mut(&row.subject).zip(observed) else { continue };
            row.drift = Some(drift.to_json());
            if observed.get("active") == Some(&true.into()) {
                row.was_seen_on(micros(now()));
            }
            // The observed state is stored so that the guard counts together the access that would be taken away.
            row.set_applied(&observed);
            if let Ok(desired) = row.desired() {
                row.count_change(&desired);
            }
            row.planned = false;
        }
        for (subject, ids) in further {
            if let Some(row) = rows.get_mut(&subject) {
                row.set_duplicates(Some(&ids));
            }
        }
        self.enqueue(&tx, rows.into_values().chain(taken).collect()).await?;
        self.commit(tx).await?;
        for group in groups {
            self.members(&group).await?;
        }
        Ok(is_repeated)
    }

    /// Compares a linked resource with its row.
    fn judge(
        &self,
        row: &resource::Model,
        seen: &FoundResource,
        links: &HashMap<String, String>,
    ) -> ResourceVerdict {
        if !is_at_rest(row) {
            return ResourceVerdict::Busy;
        }
        let Ok(desired) = row.desired() else { return ResourceVerdict::Busy };
        let deletion = row.deletion(&desired, micros(now()), self.target.adopted_deletion);
        let Some(wanted) = WantedState::new(desired, links) else { return ResourceVerdict::Busy };
        let wanted = WantedState { deletion, ..wanted };
        let observed = scim::observe_resource(&seen.attributes, wanted.paths());
        let there = TargetState::Something { applied: &observed, surely_ours: true };
        match next_step(self.target.client.profile(), &wanted, there) {
            ConvergeStep::Rest { .. } | ConvergeStep::Forbidden { .. } | ConvergeStep::Create => {
                ResourceVerdict::InSync
            }
            ConvergeStep::Delete | ConvergeStep::SwitchOff => {
                ResourceVerdict::Differs(vec!["active".to_owned()], observed)
            }
            ConvergeStep::Write { ops, .. } => {
                ResourceVerdict::Differs(ops.iter().map(PatchOp::path).map(str::to_owned).collect(), observed)
            }
        }
    }

    /// Returns whether the account is an orphan by its externalId.
    fn is_nobodys(
        &self,
        kind: ResourceKind,
        seen: &FoundResource,
        namesakes: &HashMap<String, resource::Model>,
    ) -> bool {
        kind == ResourceKind::User && !seen.external_id.as_ref().is_some_and(|id| namesakes.contains_key(id))
    }

    /// Reports a resource that is there and not linked: ours with a lost link, a duplicate, or an orphan. Returns the row
    /// of a lost link.
    fn not_linked(
        &mut self,
        kind: ResourceKind,
        seen: &FoundResource,
        namesakes: &HashMap<String, resource::Model>,
    ) -> Option<resource::Model> {
        let ours = seen.external_id.as_ref().and_then(|id| namesakes.get(id));
        let (difference, what) = match ours {
            Some(row) if row.remote_id.is_none() && is_at_rest(row) => (DifferenceKind::Unlinked, Vec::new()),
            Some(resource::Model { remote_id: Some(linked), .. }) => {
                (DifferenceKind::Duplicate, vec![format!("linked to {linked}")])
            }
            _ => (DifferenceKind::Orphan, Vec::new()),
        };
        let counts = &mut self.report.counts;
        match difference {
            DifferenceKind::Unlinked => counts.unlinked += 1,
            DifferenceKind::Duplicate => counts.duplicates += 1,
            _ => counts.orphans += 1,
        }
        let subject = ours.filter(|_| difference != DifferenceKind::Orphan).map(|row| row.subject.clone());
        self.note(FoundDifference { difference, kind, subject, remote_id: Some(seen.id.clone()), what });
        ours.filter(|_| difference == DifferenceKind::Unlinked).cloned()
    }

    /// Returns rows by the id that they are linked to.
    async fn linked(
        &self,
        kind: ResourceKind,
        page: &[&FoundResource],
    ) -> Result<HashMap<String, resource::Model>, StoreError> {
        let mut found = HashMap::new();
        let ids: Vec<String> = page.iter().map(|seen| seen.id.clone()).collect();
        for ids in ids.chunks(ROWS_PER_STATEMENT_MAX) {
            let rows = resource::Entity::find()
                .filter(resource::Column::Target.eq(&self.target.name))
                .filter(resource::Column::Kind.eq(kind.as_str()))
                .filter(resource::Column::RemoteId.is_in(ids))
                .all(self.target.store.reader())
                .await
                .map_err(StoreError::statement("read what is linked"))?;
            found.extend(rows.into_iter().filter_map(|row| Some((row.remote_id.clone()?, row))));
        }
        Ok(found)
    }

    /// Returns rows whose key is the externalId of an unlinked resource on the page.
    async fn by_external_id(
        &self,
        kind: ResourceKind,
        page: &[&FoundResource],
        linked: &HashMap<String, resource::Model>,
    ) -> Result<HashMap<String, resource::Model>, StoreError> {
        let unlinked = page.iter().filter(|seen| !linked.contains_key(&seen.id));
        let keys: Vec<String> = unlinked.filter_map(|seen| seen.external_id.clone()).collect();
        let keys: Vec<String> = keys.into_iter().filter(|key| !key.contains('\0')).collect();
        load_resources(self.target.store.reader(), &self.target.name, kind, &keys, false).await
    }

    /// Loads the remote ids of the people that the rows refer to.
    async fn links_of_references(
        &self,
        rows: &HashMap<String, resource::Model>,
    ) -> Result<HashMap<String, String>, StoreError> {
        let desired: Vec<DesiredState> = rows.values().filter_map(|row| row.desired().ok()).collect();
        let mut people: Vec<String> = desired.iter().flat_map(WantedState::references).collect();
        people.sort();
        people.dedup();
        let reader = self.target.store.reader();
        let found = load_resources(reader, &self.target.name, ResourceKind::User, &people, false).await?;
        Ok(found.into_iter().filter_map(|(subject, row)| Some((subject, row.remote_id?))).collect())
    }

    /// Stores evidence for accounts that are shown as off, if there was none before.
    async fn keep_evidence(&self, tx: &DatabaseTransaction, subjects: &[String]) -> Result<(), StoreError> {
        if subjects.is_empty() {
            return Ok(());
        }
        let at = database_now(&self.target.store, tx).await?;
        for subjects in subjects.chunks(ROWS_PER_STATEMENT_MAX) {
            resource::Entity::update_many()
                .col_expr(resource::Column::OffEvidence, Expr::value(OffEvidence::ReadBack.as_str()))
                .col_expr(resource::Column::OffEvidenceAt, Expr::value(at))
                .filter(resource::Column::Target.eq(&self.target.name))
                .filter(resource::Column::Kind.eq(ResourceKind::User.as_str()))
                .filter(resource::Column::Subject.is_in(subjects))
                .filter(resource::Column::Status.eq(RowStatus::InSync))
                .filter(resource::Column::OffEvidence.is_null())
                .exec(tx)
                .await
                .map_err(StoreError::statement("keep what shows that accounts are off"))?;
        }
        Ok(())
    }

    /// Clears the drift of resources that are as desired again.
    async fn forget_drift(
        &self,
        tx: &DatabaseTransaction,
        kind: ResourceKind,
        subjects: &[String],
    ) -> Result<(), StoreError> {
        for subjects in subjects.chunks(ROWS_PER_STATEMENT_MAX) {
            resource::Entity::update_many()
                .col_expr(resource::Column::Drift, Expr::value(Option::<String>::None))
                .filter(resource::Column::Target.eq(&self.target.name))
                .filter(resource::Column::Kind.eq(kind.as_str()))
                .filter(resource::Column::Subject.is_in(subjects))
                .exec(tx)
                .await
                .map_err(StoreError::statement("forget how resources differed"))?;
        }
        Ok(())
    }

    /// Marks linked rows as seen by this reconciliation.
    async fn mark_seen(
        &self,
        tx: &DatabaseTransaction,
        kind: ResourceKind,
        ids: Vec<String>,
    ) -> Result<(), StoreError> {
        for ids in ids.chunks(ROWS_PER_STATEMENT_MAX) {
            resource::Entity::update_many()
                .col_expr(resource::Column::SeenAt, Expr::value(self.row.started_at))
                .filter(resource::Column::Target.eq(&self.target.name))
                .filter(resource::Column::Kind.eq(kind.as_str()))
                .filter(resource::Column::RemoteId.is_in(ids))
                .exec(tx)
                .await
                .map_err(StoreError::statement("mark what was seen"))?;
        }
        Ok(())
    }
}

/// Returns the person who must be off and has another account than this one, if this one is on.
fn further_account_of(seen: &FoundResource, namesakes: &HashMap<String, resource::Model>) -> Option<String> {
    let row = namesakes.get(seen.external_id.as_ref()?)?;
    let is_further = row.remote_id.is_some() && is_at_rest(row) && seen.active != Some(false);
    let must_be_off = row.desired().is_ok_and(|desired| takes_away(&desired));
    (is_further && must_be_off && row.kind() == ResourceKind::User).then(|| row.subject.clone())
}

/// Returns the references among the differing attributes, with the ids that are there.
fn named_by(row: &resource::Model, what: &[String], observed: &AttributeMap) -> Vec<(String, String)> {
    let Ok(DesiredState::User(account)) = row.desired() else { return Vec::new() };
    let referring = what.iter().filter(|path| account.references.contains_key(*path));
    referring.filter_map(|path| Some((path.clone(), observed.get(path)?.as_str()?.to_owned()))).collect()
}

/// Returns whether the row is neither queued nor left as it is by a decision.
fn is_at_rest(row: &resource::Model) -> bool {
    row.is_at_rest()
}
