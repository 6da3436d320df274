//! Many accounts to look for are found cheaper by reading everything that the target has, once, than by asking for each.
//!
//! What each way would cost is counted in requests before it is chosen: one for each account to look for, or the target's pages
//! (its first one tells how many there are). What was read stays in memory for as long as there are accounts to look for.
//! "It is there" is decided as after a lookup, and "it is not there" is believed only where the target itself refuses a
//! second account, or what was read is fresh.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{Lane, ResourceKind};
use scim::{FoundResource, ListPaging, ScimKind};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use store::StoreError;
use tokio::time::Instant;

use crate::backoff;
use crate::call::{CallStop, CallSubject, OwnedTarget, RemovalConsent, TargetCall};
use crate::converge::WantedState;
use crate::pacer::RequestUrgency;
use crate::rows::{resource, status};

/// Fewer than these are looked for one by one without a thought.
pub(crate) const ACCOUNTS_MIN: usize = 100;
/// How much cheaper the list must be: it may be read in vain when accounts are created meanwhile.
const CHEAPER: u64 = 2;
/// More are not kept in memory: about half a kilobyte each.
const ACCOUNTS_MAX: u64 = 250_000;
/// For so long nobody can have created an account unnoticed, where the target would not refuse a second one.
const FRESH: Duration = Duration::from_secs(60);
/// What was read is of no use any more.
const USE_MAX: Duration = Duration::from_secs(6 * 60 * 60);
/// After reading, or deciding not to, it is not thought of again for so long.
const AGAIN_AFTER: Duration = Duration::from_secs(60 * 60);
const TRIES_MAX: u32 = 5;
const RETRY_INITIAL: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);
const DEFERRED_PAUSE: Duration = Duration::from_millis(500);
const EXTERNAL_ID: &str = "externalId";

/// What is known of a target from one reading.
#[derive(Debug, Default)]
pub(crate) struct TargetListing(std::sync::Mutex<ListingState>);

#[derive(Debug, Default)]
enum ListingState {
    #[default]
    Unknown,
    /// Accounts that would be looked for wait until it is read.
    Reading,
    Known(Arc<AccountCatalogue>),
    /// They are looked for one by one.
    OneByOne {
        since: Instant,
    },
}

/// Every account of a target, by what the policy matches on.
#[derive(Debug)]
pub(crate) struct AccountCatalogue {
    read_at: Instant,
    paths: Vec<String>,
    accounts: Vec<Box<str>>,
    /// By path and value in lower case.
    index: HashMap<(usize, Box<str>), Vec<u32>>,
}

/// What a catalogue says about somebody.
#[derive(Debug)]
pub(crate) enum CatalogueEntry {
    /// These fit a path.
    There(String, Vec<FoundResource>),
    /// None of its accounts fits.
    Absent { is_fresh: bool },
}

impl AccountCatalogue {
    fn new(mut paths: Vec<String>) -> Self {
        paths.retain(|path| path != EXTERNAL_ID);
        paths.insert(0, EXTERNAL_ID.to_owned());
        Self { read_at: Instant::now(), paths, accounts: Vec::new(), index: HashMap::new() }
    }

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

    /// What it says about `wanted`; none when it was not read by all that matters.
    pub(crate) fn look(&self, wanted: &WantedState) -> Option<CatalogueEntry> {
        let ours = wanted.external_id().map(|value| (EXTERNAL_ID, value));
        let others = wanted.match_on.iter().filter(|path| *path != EXTERNAL_ID);
        let others = others.filter_map(|path| Some((path.as_str(), wanted.text(path)?)));
        for (path, value) in ours.into_iter().chain(others) {
            let found = self.find(path, value)?;
            if !found.is_empty() {
                return Some(CatalogueEntry::There(path.to_owned(), found));
            }
        }
        Some(CatalogueEntry::Absent { is_fresh: self.read_at.elapsed() < FRESH })
    }
}

impl TargetListing {
    /// What was read, as long as it is of use.
    pub(crate) fn catalogue(&self) -> Option<Arc<AccountCatalogue>> {
        match &*self.state() {
            ListingState::Known(catalogue) if catalogue.read_at.elapsed() < USE_MAX => {
                Some(Arc::clone(catalogue))
            }
            _ => None,
        }
    }

    /// Whether accounts that would have to be looked for should wait.
    pub(crate) fn is_reading(&self) -> bool {
        matches!(*self.state(), ListingState::Reading)
    }

    /// Whether to think about reading now; then [`read_target`] is to be called.
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

    /// Whatever comes is looked for one by one.
    pub(crate) fn give_up(&self) {
        *self.state() = ListingState::OneByOne { since: Instant::now() };
    }

    /// Nobody is to be looked for any more.
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

/// How many accounts are to be looked for.
pub(crate) async fn count_unlinked(target: &OwnedTarget) -> Result<u64, StoreError> {
    resource::Entity::find()
        .filter(resource::Column::Target.eq(&target.name))
        .filter(resource::Column::Kind.eq(ResourceKind::User.as_str()))
        .filter(resource::Column::Queued.eq(true))
        .filter(resource::Column::Status.eq(status::PENDING))
        .filter(resource::Column::RemoteId.is_null())
        .count(target.store.reader())
        .await
        .map_err(StoreError::statement("count who is to be looked for"))
}

/// Reads the target if that is cheaper than looking for each; `paths` is what the policy matches on.
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

/// How many requests it takes to say of an account that it is not there.
fn lookups_each(profile: &scim::TargetProfile, paths: &[String]) -> u64 {
    let by_key = profile.can_filter(ScimKind::User, EXTERNAL_ID);
    let others = paths.iter().filter(|path| *path != EXTERNAL_ID);
    if by_key && others.clone().all(|path| profile.is_unique(ScimKind::User, path)) {
        return 1;
    }
    u64::from(by_key) + others.count() as u64
}

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
        // "There are no more" is believed when a further page has none that are new.
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
        };
        let permit = target.pacer.acquire(RequestUrgency::opening(Lane::Joiner)).await;
        let mut call = TargetCall::new(Arc::clone(target), about, permit);
        match call.send("list", async |client| client.list(ScimKind::User, start, before).await).await {
            Ok(page) => return Ok(page),
            Err(CallStop::Deferred) => tokio::time::sleep(DEFERRED_PAUSE).await,
            Err(CallStop::Postponed { trouble, .. }) => {
                failures += 1;
                if failures >= TRIES_MAX {
                    return Err(trouble.error);
                }
                tokio::time::sleep(backoff::retry_delay(failures, RETRY_INITIAL, RETRY_MAX)).await;
            }
            Err(CallStop::Failed(failed)) => {
                failures += 1;
                if failures >= TRIES_MAX || failed.class() == lifecycle::AttemptClass::Permanent {
                    return Err(failed.trouble.error);
                }
                tokio::time::sleep(backoff::retry_delay(failures, RETRY_INITIAL, RETRY_MAX)).await;
            }
        }
    }
}

/// Whether a list of the target can stand for lookups: some hide accounts that are off.
pub(crate) fn is_possible(profile: &scim::TargetProfile) -> bool {
    !profile.hides_disabled && (profile.paging != ListPaging::None || profile.page_size > 1)
}
