//! Lists of resources. The database narrows the rows where the filter allows it; otherwise all rows are scanned page by page.

use std::collections::{HashMap, HashSet};

use scim_service::{
    ListQuery, MemberTerms, NarrowedFilter, ResourceTree, ResourceType, ScimFilter, ScimServiceError,
    SortKey, list_response,
};
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};
use serde_json::{Value, json};
use store::StoreError;

use super::answer::ScimOutcome;
use super::rows::{member, resource};
use super::{members, read};

/// The number of rows that are read in one query.
const SCAN_ROWS: u64 = 500;
/// The maximum number of rows that one request scans.
const SCAN_ROWS_MAX: usize = 200_000;
/// The placeholder for members that the filter does not name individually.
const SOMEBODY: &str = "*";

/// A list request.
pub(super) struct ListRequest<'a> {
    pub(super) connection: &'a DatabaseConnection,
    /// The name of the provider.
    pub(super) source: &'a str,
    pub(super) kind: ResourceType,
    /// The address of the service as the client sees it.
    pub(super) base: &'a str,
}

/// A page of resources as they are shown.
pub(super) struct ShownPage {
    /// The number of matching resources on all pages.
    pub(super) total: usize,
    pub(super) resources: Vec<ResourceTree>,
}

/// A page of rows, and the total number of rows on all pages.
struct ResourcePage {
    total: usize,
    rows: Vec<resource::Model>,
}

fn list_failed(error: sea_orm::DbErr) -> StoreError {
    StoreError::statement("read resources")(error)
}

impl ListRequest<'_> {
    /// Returns the SCIM response to `query`.
    pub(super) async fn answer(&self, query: &ListQuery) -> ScimOutcome<ResourceTree> {
        let page = self.page(query).await?;
        Ok(list_response(page.total, query.start_index, page.resources))
    }

    /// Returns the page that `query` asks for.
    pub(super) async fn page(&self, query: &ListQuery) -> ScimOutcome<ShownPage> {
        let page = match (&query.filter, &query.sort_by) {
            (None, None) => self.plain(query).await?,
            (filter, None) => self.filtered(query, filter.as_ref()).await?,
            (filter, Some(path)) => {
                let mut found: Vec<(SortKey, String)> = Vec::new();
                self.scan(filter.as_ref(), |row, tree| {
                    found.push((SortKey::of(self.kind, path, tree), row.id.clone()));
                })
                .await?;
                self.sorted(query, found).await?
            }
        };
        let mut shown = Vec::with_capacity(page.rows.len());
        let members = self.members(query, &page.rows).await?;
        for row in &page.rows {
            let whole = read::whole_resource(row, members.get(&row.id).map(Vec::as_slice), self.base)?;
            shown.push(query.projection.apply(whole));
        }
        Ok(ShownPage { total: page.total, resources: shown })
    }

    /// Selects all resources of the provider and type.
    fn all(&self) -> Select<resource::Entity> {
        resource::Entity::find()
            .filter(resource::Column::Source.eq(self.source))
            .filter(resource::Column::Kind.eq(self.kind.name()))
    }

    /// Returns a page of all resources.
    async fn plain(&self, query: &ListQuery) -> ScimOutcome<ResourcePage> {
        let total = self.all().count(self.connection).await.map_err(list_failed)?;
        let rows = self
            .all()
            .order_by_asc(resource::Column::Id)
            .offset(query.start_index.saturating_sub(1) as u64)
            .limit(query.count as u64);
        let rows = rows.all(self.connection).await.map_err(list_failed)?;
        Ok(ResourcePage { total: usize::try_from(total).unwrap_or(usize::MAX), rows })
    }

    /// Returns a page of the resources that match the filter, in order of creation.
    async fn filtered(&self, query: &ListQuery, filter: Option<&ScimFilter>) -> ScimOutcome<ResourcePage> {
        let (mut total, mut rows) = (0, Vec::new());
        let first = query.start_index - 1;
        self.scan(filter, |row, _| {
            if total >= first && rows.len() < query.count {
                rows.push(row.clone());
            }
            total += 1;
        })
        .await?;
        Ok(ResourcePage { total, rows })
    }

    /// Calls `found` with each resource that matches the filter.
    async fn scan(
        &self,
        filter: Option<&ScimFilter>,
        mut found: impl FnMut(&resource::Model, &ResourceTree),
    ) -> ScimOutcome<()> {
        let terms = filter.map(|filter| filter.member_terms(self.kind)).transpose()?.unwrap_or_default();
        let select = self.narrowed(filter);
        let (mut after, mut seen) = (String::new(), 0);
        loop {
            let page = select.clone().filter(resource::Column::Id.gt(after.as_str()));
            let page = page.order_by_asc(resource::Column::Id).limit(SCAN_ROWS);
            let rows = page.all(self.connection).await.map_err(list_failed)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id.clone();
            seen += rows.len();
            if seen > SCAN_ROWS_MAX {
                let detail = format!(
                    "more than {SCAN_ROWS_MAX} resources would have to be scanned; filter by a name or id"
                );
                return Err(ScimServiceError::too_many(detail).into());
            }
            let members = self.asked_members(&terms, &rows).await?;
            for row in &rows {
                let mut tree = read::whole_resource(row, None, self.base)?;
                if let Some(members) = members.get(&row.id) {
                    let list = members.iter().map(|id| json!({"value": id}));
                    tree.insert("members".to_owned(), Value::Array(list.collect()));
                }
                if filter.is_none_or(|filter| filter.matches(self.kind, &tree)) {
                    found(row, &tree);
                }
            }
        }
    }

    /// Narrows the rows as far as the database can evaluate the filter.
    fn narrowed(&self, filter: Option<&ScimFilter>) -> Select<resource::Entity> {
        let all = self.all();
        match filter.and_then(|filter| filter.narrowed(self.kind)) {
            None => all,
            Some(NarrowedFilter::Id(id)) => all.filter(resource::Column::Id.eq(id)),
            Some(NarrowedFilter::Name(name)) => {
                all.filter(resource::Column::Name.eq(resource::fold_name(&name)))
            }
            Some(NarrowedFilter::ExternalId(id)) => all.filter(resource::Column::ExternalId.eq(id)),
            Some(NarrowedFilter::Member(id)) => {
                let groups = member::Entity::find()
                    .select_only()
                    .column(member::Column::GroupId)
                    .filter(member::Column::MemberId.eq(id))
                    .into_query();
                all.filter(resource::Column::Id.in_subquery(groups))
            }
        }
    }

    /// Returns, by group, the members that the filter names.
    async fn asked_members(
        &self,
        terms: &MemberTerms,
        rows: &[resource::Model],
    ) -> ScimOutcome<HashMap<String, HashSet<String>>> {
        let mut found: HashMap<String, HashSet<String>> = HashMap::new();
        let of_rows = || {
            member::Entity::find()
                .select_only()
                .column(member::Column::GroupId)
                .filter(member::Column::GroupId.is_in(rows.iter().map(|row| row.id.as_str())))
        };
        for values in terms.values.chunks(store::ROWS_PER_STATEMENT_MAX) {
            let select = of_rows().column(member::Column::MemberId);
            let select = select.filter(member::Column::MemberId.is_in(values));
            let pairs: Vec<(String, String)> =
                select.into_tuple().all(self.connection).await.map_err(list_failed)?;
            for (group, member) in pairs {
                found.entry(group).or_default().insert(member);
            }
        }
        if terms.any {
            let groups: Vec<String> =
                of_rows().distinct().into_tuple().all(self.connection).await.map_err(list_failed)?;
            for group in groups {
                found.entry(group).or_default().insert(SOMEBODY.to_owned());
            }
        }
        Ok(found)
    }

    /// Returns a page of the found resources in the requested order.
    async fn sorted(
        &self,
        query: &ListQuery,
        mut found: Vec<(SortKey, String)>,
    ) -> ScimOutcome<ResourcePage> {
        found.sort();
        if query.descending {
            found.reverse();
        }
        let total = found.len();
        let ids: Vec<String> =
            found.into_iter().skip(query.start_index - 1).take(query.count).map(|(_, id)| id).collect();
        let mut rows = Vec::with_capacity(ids.len());
        for some in ids.chunks(store::ROWS_PER_STATEMENT_MAX) {
            let select = self.all().filter(resource::Column::Id.is_in(some));
            rows.extend(select.all(self.connection).await.map_err(list_failed)?);
        }
        let place: HashMap<&String, usize> = ids.iter().enumerate().map(|(at, id)| (id, at)).collect();
        rows.sort_by_key(|row| place.get(&row.id).copied());
        Ok(ResourcePage { total, rows })
    }

    /// Returns, by group, the members to show.
    async fn members(
        &self,
        query: &ListQuery,
        rows: &[resource::Model],
    ) -> ScimOutcome<HashMap<String, Vec<scim_service::GroupMember>>> {
        let mut found = HashMap::new();
        if self.kind == ResourceType::User || !query.projection.wants_members() || rows.is_empty() {
            return Ok(found);
        }
        read::check_members(self.connection, rows).await?;
        for row in rows {
            found.insert(
                row.id.clone(),
                members::show_members(members::of_group(self.connection, &row.id).await?),
            );
        }
        Ok(found)
    }
}
