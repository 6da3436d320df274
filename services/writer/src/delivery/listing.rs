//! Reads all accounts of a target as one list, where that is cheaper than many lookups.
//!
//! The cost of each way is counted in requests before one is chosen: one for each account to look for, or the number of
//! the target's pages (its first page tells how many there are). The list stays in memory while there are accounts to
//! look for. An entry in the list is handled like the result of a lookup. The absence of an entry is believed only if the
//! target itself refuses a second account, or if the list is fresh.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{Lane, ResourceKind};
use retry::retry_delay;
use scim::{FoundResource, ListPaging, ScimKind};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use store::StoreError;
use tokio::time::Instant;

use crate::delivery::call::{CallStop, CallSubject, OwnedTarget, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::delivery::pacer::RequestUrgency;
use crate::rows::access::RemovalConsent;
use crate::rows::resource;
use crate::rows::words::RowStatus;

/// The number of unlinked accounts below which each is looked up without a calculation.
pub(crate) const ACCOUNTS_MIN: usize = 100;
/// The factor by which the list must be cheaper: it may be read in vain if accounts are created meanwhile.
const CHEAPER: u64 = 2;
/// The maximum number of accounts in memory: about half a kilobyte each.
const ACCOUNTS_MAX: u64 = 250_000;
/// The age up to which no account can have been created unnoticed, at a target that does not refuse a second one.
const FRESH: Duration = Duration::from_secs(60);
/// The age at which a list is no longer used.
const USE_MAX: Duration = Duration::from_secs(6 * 60 * 60);
/// The time until the next calculation after a list was read or rejected.
const AGAIN_AFTER: Duration = Duration::from_secs(60 * 60);
const TRIES_MAX: u32 = 5;
const RETRY_INITIAL: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);
const DEFERRED_PAUSE: Duration = Duration::from_millis(500);
const EXTERNAL_ID: &str = "externalId";

/// The list of a target's accounts, if it was read.
#[derive(Debug, Default)]
pub(crate) struct TargetListing(std::sync::Mutex<ListingState>);

/// The state behind [`TargetListing`].
#[derive(Debug, Default)]
enum ListingState {
    #[default]
    Unknown,
    /// Accounts that need a lookup wait until the list is read.
    Reading,
    Known(Arc<AccountCatalogue>),
    /// Each account is looked up by itself.
    OneByOne {
        since: Instant,
    },
}

/// Every account of a target, indexed by the attributes that the policy matches on.
#[derive(Debug)]
pub(crate) struct AccountCatalogue {
    read_at: Instant,
    paths: Vec<String>,
    accounts: Vec<Box<str>>,
    /// The account numbers by path index and lower-case value.
    index: HashMap<(usize, Box<str>), Vec<u32>>,
}

/// The entry of a catalogue for one wanted account.
#[derive(Debug)]
pub(crate) enum CatalogueEntry {
    /// These accounts match at the path.
    There(String, Vec<FoundResource>),
    /// No account matches.
    Absent { is_fresh: bool },
}

impl AccountCatalogue {
    fn new(mut paths: Vec<String>) -> Self {
        paths.retain(|path| path != EXTERNAL_ID);
        paths.insert(0, EXTERNAL_ID.to_owned());
        Self { read_at: Instant::now(), paths, accounts: Vec::new(), index: HashMap::new() }
    }

    /// Adds an account under each of its indexed values.
    fn add(&mut self, found: &FoundResource) {
        let Ok(number) = u32::try_from(self.accounts.len()) else { return };
        for (at, path) in self.paths.iter().enumerate() {
            let value = match path.as_str() {
                EXTERNAL_ID => found.external_id.clone(),
                _ => scim::observe_resource(&found.attributes, std::iter::once(path))
                    .remove(path)
                    .and_then(|value| value.as_str().map(str::to_owned)),
            };
            if let Some(value) = value {
                self.index.entry((at, value.to_lowercase().into())).or_default().push(number);
            }
        }
        let json = serde_json::to_string(&found.attributes).expect("attributes are plain data");
        self.accounts.push(json.into());
    }

    fn find(&self, path: &str, value: &str) -> Option<Vec<FoundResource>> {
        let at = self.paths.iter().position(|known| known == path)?;
        let numbers = self.index.get(&(at, value.to_lowercase().into())).map_or(&[][..], Vec::as_slice);
        let read = |number: &u32| FoundResource::read(&self.accounts[*number as usize]);
        Some(numbers.iter().filter_map(read).filter(|found| found.fits(path, value)).collect())
    }

    /// Returns the entry for an account with these values by path, or `None` if the catalogue has no index for one of
    /// the paths.
    pub(crate) fn look<'a>(&self, keys: impl Iterator<Item = (&'a str, &'a str)>) -> Option<CatalogueEntry> {
        for (path, value) in keys {
            let found = self.find(path, value)?;
            if !found.is_empty() {
                return Some(CatalogueEntry::There(path.to_owned(), found));
            }
        }
        Some(CatalogueEntry::Absent { is_fresh: self.read_at.elapsed() < FRESH })
    }
}

impl TargetListing {
    /// Returns the catalogue, as long as it can be used.
    pub(crate) fn catalogue(&self) -> Option<Arc<AccountCatalogue>> {
        match &*self.state() {
            ListingState::Known(catalogue) if catalogue.read_at.elapsed() < USE_MAX => {
                Some(Arc::clone(catalogue))
            }
            _ => None,
        }
    }

    /// Returns whether accounts that need a lookup must wait.
    pub(crate) fn is_reading(&self) -> bool {
        matches!(*self.state(), ListingState::Reading)
    }

    /// Returns whether the list is due. If so, the caller must call [`read_target`].
    pub(crate) fn begin(&self) -> bool {
        let mut state = self.state();
        let is_due = match &*state {
            ListingState::Unknown => true,
            ListingState::Reading => false,
            ListingState::Known(catalogue) => catalogue.read_at.elapsed() > USE_MAX,
            ListingState::OneByOne { since } => since.elapsed() > AGAIN_AFTER,
        };
        if is_due {
            *state = ListingState::Reading;
        }
        is_due
    }

    /// Switches to looking up each account by itself.
    pub(crate) fn give_up(&self) {
        *self.state() = ListingState::OneByOne { since: Instant::now() };
    }

    /// Drops the list once no account needs a lookup.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        if matches!(*state, ListingState::Known(_)) {
            *state = ListingState::OneByOne { since: Instant::now() };
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, ListingState> {
        self.0.lock().expect("nothing panics while holding it")
    }
}

/// Returns the number of accounts that need a lookup.
pub(crate) async fn count_unlinked(target: &OwnedTarget) -> Result<u64, StoreError> {
    resource::Entity::find()
        .filter(resource::Column::Target.eq(&target.name))
        .filter(resource::Column::Kind.eq(ResourceKind::User.as_str()))
        .filter(resource::Column::Queued.eq(true))
        .filter(resource::Column::Status.eq(RowStatus::Pending))
        .filter(resource::Column::RemoteId.is_null())
        .count(target.store.reader())
        .await
        .map_err(StoreError::statement("count accounts that need a lookup"))
}

/// Reads the list of the target if that is cheaper than a lookup of each account. `paths` are the attributes that the
/// policy matches on.
pub(crate) async fn read_target(target: Arc<OwnedTarget>, paths: Vec<String>) {
    let catalogue = match count_unlinked(&target).await {
        Ok(unlinked) => {
            let lookups = unlinked.saturating_mul(lookups_each(target.client.profile(), &paths));
            read_pages(&target, paths, lookups).await
        }
        Err(error) => Err(error.to_string()),
    };
    let state = match catalogue {
        Ok(catalogue) => {
            tracing::info!(target_name = %target.name, accounts = catalogue.accounts.len(), "the target was read as a whole");
            ListingState::Known(Arc::new(catalogue))
        }
        Err(why) => {
            tracing::info!(target_name = %target.name, why, "accounts are looked for one by one");
            ListingState::OneByOne { since: Instant::now() }
        }
    };
    *target.listing.state() = state;
}

/// Returns the number of requests that it takes to find that an account is not there.
fn lookups_each(profile: &scim::TargetProfile, paths: &[String]) -> u64 {
    let by_key = profile.can_filter(ScimKind::User, EXTERNAL_ID);
    let others = paths.iter().filter(|path| *path != EXTERNAL_ID);
    if by_key && others.clone().all(|path| profile.is_unique(ScimKind::User, path)) {
        return 1;
    }
    u64::from(by_key) + others.count() as u64
}

/// Reads all pages, unless `lookups` requests are cheaper. Returns the reason if the list cannot be used.
async fn read_pages(
    target: &Arc<OwnedTarget>,
    paths: Vec<String>,
    lookups: u64,
) -> Result<AccountCatalogue, String> {
    let page_size = u64::from(target.client.profile().page_size.max(1));
    let mut catalogue = AccountCatalogue::new(paths);
    let mut seen = std::collections::HashSet::new();
    let (mut start, mut before, mut requests) = (None, 0, 0);
    loop {
        let page = read_page(target, start.as_ref(), before).await?;
        requests += 1;
        let total = page.total.unwrap_or(before + page.entries);
        let list = requests + total.saturating_sub(before + page.entries).div_ceil(page_size);
        if page.next.is_some() && list.saturating_mul(CHEAPER) > lookups {
            return Err(format!("{lookups} lookups are cheaper than {list} pages"));
        }
        if total > ACCOUNTS_MAX {
            return Err(format!("{total} accounts are too many to keep in memory"));
        }
        if page.next.is_none() && page.entries > 0 && total > before + page.entries {
            return Err("the target lists fewer accounts than it counts".to_owned());
        }
        if page.next.is_some() && (page.entries == 0 || page.next == start) {
            return Err("the target repeats a page".to_owned());
        }
        if u64::try_from(page.resources.len()).unwrap_or(0) < page.entries {
            return Err("some of the accounts that it lists cannot be read".to_owned());
        }
        let news: Vec<&FoundResource> =
            page.resources.iter().filter(|found| seen.insert(found.id.clone())).collect();
        news.iter().for_each(|found| catalogue.add(found));
        // The end of the list is believed only when a further page has no new accounts.
        let further = page.further(target.client.profile().paging, before).filter(|_| !news.is_empty());
        before += page.entries;
        match page.next.or(further) {
            Some(next) => start = Some(next),
            None => {
                tracing::info!(target_name = %target.name, pages = requests, lookups, "reading the target as a whole was cheaper");
                return Ok(catalogue);
            }
        }
    }
}

/// Reads one page. Retries failures, and waits while the target must not be asked.
async fn read_page(
    target: &Arc<OwnedTarget>,
    start: Option<&scim::PageStart>,
    before: u64,
) -> Result<scim::ListedPage, String> {
    let mut failures = 0;
    loop {
        let about = CallSubject {
            kind: ResourceKind::User,
            subject: format!("target:{}", target.name),
            revision: 0,
            lane: Lane::Joiner,
            trace: None,
            attempts: 0,
            consent: RemovalConsent::Unknown,
            only_switch_offs: false,
            known: None,
        };
        let permit = target.pacer.acquire(RequestUrgency::opening(Lane::Joiner)).await;
        let mut call = TargetCall::new(Arc::clone(target), about, permit);
        match call
            .send(ScimOperation::List, async |client| client.list(ScimKind::User, start, before).await)
            .await
        {
            Ok(page) => return Ok(page),
            Err(CallStop::Deferred) => tokio::time::sleep(DEFERRED_PAUSE).await,
            Err(CallStop::Never(why)) => return Err(why),
            Err(CallStop::Postponed { trouble, .. }) => {
                failures += 1;
                if failures >= TRIES_MAX {
                    return Err(trouble.error);
                }
                tokio::time::sleep(retry_delay(failures, RETRY_INITIAL, RETRY_MAX)).await;
            }
            Err(CallStop::Failed(failed)) => {
                failures += 1;
                if failures >= TRIES_MAX || failed.class() == lifecycle::AttemptClass::Permanent {
                    return Err(failed.trouble.error);
                }
                tokio::time::sleep(retry_delay(failures, RETRY_INITIAL, RETRY_MAX)).await;
            }
        }
    }
}

/// Returns whether a list of the target can replace lookups: some targets hide accounts that are off.
pub(crate) fn is_possible(profile: &scim::TargetProfile) -> bool {
    !profile.hides_disabled && (profile.paging != ListPaging::None || profile.page_size > 1)
}
