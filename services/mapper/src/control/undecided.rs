//! Counts, by index, of what was received but not decided.

use lifecycle::{FindingCounts, UndecidedCounts};
use sea_orm::{EntityTrait, PaginatorTrait, QueryFilter};
use store::{StoreError, quarantine};

use super::MapperControl;
use crate::SERVICE;
use crate::rows::feed_run;
use crate::rows::finding::finding_counts;

impl MapperControl {
    /// Returns the counts of what waits for an operator or a source.
    pub(super) async fn undecided(&self) -> Result<UndecidedCounts, StoreError> {
        let FindingCounts { contradictions, unread, unbuilt, refused_departures, .. } =
            finding_counts(self.parts.store.reader()).await?;
        let quarantined = quarantine::count_items(self.parts.store.reader(), SERVICE).await?;
        Ok(UndecidedCounts {
            unread,
            contradictions,
            unbuilt: unbuilt.values().sum(),
            refused_departures,
            record_conflicts: self.record_conflicts().await?,
            held_feeds: self.held_feeds().await?,
            quarantined: quarantined.items,
            quarantined_departures: quarantined.departures,
        })
    }

    /// Returns the number of runs of full feeds that are held.
    pub(super) async fn held_feeds(&self) -> Result<u64, StoreError> {
        let held = feed_run::Entity::find()
            .filter(feed_run::waits_for_operator())
            .count(self.parts.store.reader())
            .await;
        held.map_err(StoreError::statement("count held feeds"))
    }
}
