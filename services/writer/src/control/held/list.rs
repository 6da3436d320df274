//! Verb `held`: lists what waits for an operator.

use lifecycle::{
    ControlError, DesiredState, HELD_MAX, HeldBy, HeldReply, HeldRequest, HeldResource, HoldEffect, HoldId,
    ResourceKind,
};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use store::{StoreError, cut_to_limit};

use super::STATUSES;
use crate::control::{WriterControl, database_refusal};
use crate::moment_of;
use crate::rows::words::RowStatus;
use crate::rows::{edge, resource};

const PROFILE_HELP: &str = "it is sent by itself once the value is corrected at its source or in the policy; after the target's \
                            profile was corrected, `usher held approve --target TARGET --by profile --all --why TEXT` sends what was listed";
const TAKEN_HELP: &str =
    "it is sent by itself once the other account or group gives the value up, whose owner can change it";
const NEVER_HELP: &str = "no decision sends it: take the account or group off the never list of the target (or off `orphans.except` of its policy), or \
     correct who asks for it; a leaver's access has to be taken away at the target by hand";
const UNKNOWN_HELP: &str =
    "a newer version wrote it, and only that version can decide: see `usher quarantine ls`";
const GROUP_LIMIT_HELP: &str =
    "it is sent by itself once the person is out of another group: the owners of the groups can choose";

/// The position after a row: `true` for a membership, the time of the row, and its key.
type HeldPosition = (bool, i64, [String; 3]);

impl WriterControl {
    /// Lists a page of the resources and memberships that are held or wait, with their total number. Resources come first;
    /// each kind is ordered by time.
    ///
    /// # Errors
    /// If the cursor is wrong or the database fails.
    pub(in crate::control) async fn held(&self, request: &HeldRequest) -> Result<HeldReply, ControlError> {
        let wrong = |_| ControlError::wrong_cursor();
        let after = request.cursor.as_deref().map(serde_json::from_str).transpose().map_err(wrong)?;
        let page = read_page(self.store.reader(), request, after).await;
        page.map_err(|error| database_refusal(&error))
    }
}

async fn read_page(
    connection: &impl ConnectionTrait,
    request: &HeldRequest,
    after: Option<HeldPosition>,
) -> Result<HeldReply, StoreError> {
    let limit = request.limit.clamp(1, HELD_MAX);
    let target = request.target.as_deref();
    let (after_resource, after_membership) = match after {
        Some(position @ (true, ..)) => (None, Some(position)),
        resource => (resource, None),
    };
    let mut page: Vec<(HeldPosition, HeldResource)> = Vec::new();
    let total = count_held(connection, target).await?;
    if after_membership.is_none() {
        let rows = held_resources(connection, target, after_resource, limit + 1).await?;
        page.extend(rows.into_iter().map(|row| (resource_position(&row), held_resource(row))));
    }
    let room = (limit + 1).saturating_sub(page.len() as u64);
    if room > 0 {
        let rows = held_memberships(connection, target, after_membership, room).await?;
        page.extend(rows.into_iter().map(|row| (membership_position(&row), held_membership(row))));
    }
    let more = cut_to_limit(&mut page, limit);
    let cursor = |(position, _): &(HeldPosition, HeldResource)| serde_json::json!(position).to_string();
    let next_cursor = page.last().filter(|_| more).map(cursor);
    Ok(HeldReply { items: page.into_iter().map(|(_, held)| held).collect(), total, next_cursor })
}

async fn count_held(connection: &impl ConnectionTrait, target: Option<&str>) -> Result<u64, StoreError> {
    let failed = StoreError::statement("count what is held");
    let mut resources = resource::Entity::find().filter(resource::Column::Status.is_in(STATUSES));
    let mut memberships = edge::Entity::find().filter(edge::Column::Status.eq(RowStatus::Held));
    if let Some(target) = target {
        resources = resources.filter(resource::Column::Target.eq(target));
        memberships = memberships.filter(edge::Column::Target.eq(target));
    }
    let resources = resources.count(connection).await.map_err(&failed)?;
    Ok(resources + memberships.count(connection).await.map_err(&failed)?)
}

async fn held_resources(
    connection: &impl ConnectionTrait,
    target: Option<&str>,
    after: Option<HeldPosition>,
    limit: u64,
) -> Result<Vec<resource::Model>, StoreError> {
    use resource::Column::{HeldAt, Kind, Status, Subject, Target};
    let since = || Expr::from(Func::coalesce([Expr::col(HeldAt), Expr::value(0_i64)]));
    let mut query = resource::Entity::find().filter(Status.is_in(STATUSES));
    if let Some(target) = target {
        query = query.filter(Target.eq(target));
    }
    if let Some((_, at, [subject, target, kind])) = after {
        let here = Expr::tuple([since(), Expr::col(Subject), Expr::col(Target), Expr::col(Kind)]);
        let last = [Expr::value(at), Expr::value(subject), Expr::value(target), Expr::value(kind)];
        query = query.filter(here.gt(Expr::tuple(last)));
    }
    let rows = query
        .order_by(since(), Order::Asc)
        .order_by_asc(Subject)
        .order_by_asc(Target)
        .order_by_asc(Kind)
        .limit(limit)
        .all(connection)
        .await;
    rows.map_err(StoreError::statement("read what is held"))
}

async fn held_memberships(
    connection: &impl ConnectionTrait,
    target: Option<&str>,
    after: Option<HeldPosition>,
    limit: u64,
) -> Result<Vec<edge::Model>, StoreError> {
    use edge::Column::{AcceptedAt, GroupSubject, MemberSubject, Status, Target};
    let mut query = edge::Entity::find().filter(Status.eq(RowStatus::Held));
    if let Some(target) = target {
        query = query.filter(Target.eq(target));
    }
    if let Some((_, at, key)) = after {
        let here = [AcceptedAt, MemberSubject, Target, GroupSubject].map(Expr::col);
        let [member, target, group] = key.map(Expr::value);
        query = query.filter(Expr::tuple(here).gt(Expr::tuple([Expr::value(at), member, target, group])));
    }
    let rows = query
        .order_by_asc(AcceptedAt)
        .order_by_asc(MemberSubject)
        .order_by_asc(Target)
        .order_by_asc(GroupSubject)
        .limit(limit)
        .all(connection)
        .await;
    rows.map_err(StoreError::statement("read held memberships"))
}

fn resource_position(row: &resource::Model) -> HeldPosition {
    let key = [row.subject.clone(), row.target.clone(), row.kind.clone()];
    (false, row.held_since(), key)
}

fn membership_position(row: &edge::Model) -> HeldPosition {
    (true, row.accepted_at, [row.member_subject.clone(), row.target.clone(), row.group_subject.clone()])
}

fn held_membership(row: edge::Model) -> HeldResource {
    HeldResource {
        kind: ResourceKind::Membership,
        revision: row.revision,
        hold: HoldId::default(),
        effect: HoldEffect::Join,
        wanted: format!("member of {}", row.group_subject),
        by: row.hold_reason(),
        since: moment_of(row.next_attempt_at),
        decisions: Vec::new(),
        help: Some(if row.hold_reason() == HeldBy::Never { NEVER_HELP } else { GROUP_LIMIT_HELP }.to_owned()),
        reason: row.last_error.unwrap_or_default(),
        target: row.target,
        subject: row.member_subject,
    }
}

fn held_resource(row: resource::Model) -> HeldResource {
    let wanted = match row.desired() {
        Ok(DesiredState::User(account)) => account.state.as_str(),
        Ok(DesiredState::Group(group)) if group.exists => "exists",
        Ok(DesiredState::Group(_)) => "absent",
        Ok(DesiredState::Membership { .. }) | Err(_) => "unknown",
    };
    // What only a newer version knows is in the quarantine, and no decision of this version ends it.
    let is_unknown = row.unknown_word().is_some();
    let (by, since) = (row.held_by(), moment_of(row.held_since()));
    HeldResource {
        kind: row.kind(),
        revision: row.desired_revision,
        hold: row.hold_id(),
        effect: row.hold_effect(),
        wanted: wanted.to_owned(),
        by,
        decisions: if is_unknown { Vec::new() } else { by.decisions() },
        help: if is_unknown { Some(UNKNOWN_HELP) } else { help_for(by) }.map(str::to_owned),
        reason: row.last_error.unwrap_or_default(),
        since,
        target: row.target,
        subject: row.subject,
    }
}

/// Returns the event that ends a hold which cannot be approved, and the person who can bring it about.
fn help_for(by: HeldBy) -> Option<&'static str> {
    match by {
        HeldBy::Guard | HeldBy::Protected | HeldBy::Outdated | HeldBy::Restored => None,
        HeldBy::Profile => Some(PROFILE_HELP),
        HeldBy::Taken => Some(TAKEN_HELP),
        HeldBy::Never => Some(NEVER_HELP),
        HeldBy::Adoption => None,
    }
}
