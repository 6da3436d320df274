//! Ends the lists of feeds that another one replaces, when a run of that one is accepted.

use std::collections::HashMap;

use lifecycle::FeedRunId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use store::StoreError;

use super::absent::{PAGE, left_input};
use super::{RunJudge, query};
use crate::rows::{feed_person, feed_run};
use crate::work::{BatchInput, forget_people};

const REPLACED: &str = "the list of a feed that another one replaces";

impl RunJudge {
    /// Merges for each person whom a replaced feed listed that this list does not have them any more, said a moment before the
    /// run: whom the run lists stays, and everyone else has left. It is said in the name of the list's own sender, which may be
    /// one whose statements about employment count by themselves.
    pub(super) async fn end_replaced_lists(
        &self,
        row: &feed_run::Model,
        run: &FeedRunId,
    ) -> Result<(), StoreError> {
        loop {
            let page = query::replaced_people(row).limit(PAGE).all(self.parts.store.reader()).await;
            let page = page.map_err(StoreError::statement("read the people of a replaced feed"))?;
            if page.is_empty() {
                return Ok(());
            }
            let (employed, gone): (Vec<_>, Vec<_>) = page.into_iter().partition(|person| person.employed);
            self.forget(row, &gone).await?;
            let keys: Vec<&str> = employed.iter().map(|person| person.key.as_str()).collect();
            let listed = query::listed_keys(self.parts.store.reader(), row, &keys).await?;
            let senders = self.senders(&employed).await?;
            let inputs: Vec<BatchInput> = employed
                .iter()
                .map(|person| {
                    let unknown = || format!("feeds/{}", person.feed);
                    let list = feed_run::Model {
                        feed: person.feed.clone(),
                        sender: Some(senders.get(&person.run).cloned().flatten().unwrap_or_else(unknown)),
                        run_at: row.run_at - 1,
                        ..row.clone()
                    };
                    // Those who stay count as no departure of the run.
                    let own = person.run.parse().ok().filter(|_| listed.contains(&person.key));
                    left_input(person, &list, own.as_ref().unwrap_or(run))
                })
                .collect();
            let Some(refused) = self.process(&inputs, REPLACED).await else {
                return Ok(()); // another replica was faster: the next tick tries again
            };
            // They are in the quarantine, with the departure.
            let refused: Vec<_> = refused.into_iter().map(|index| employed[index].clone()).collect();
            self.forget(row, &refused).await?;
        }
    }

    /// Removes people from the lists of replaced feeds.
    async fn forget(&self, row: &feed_run::Model, people: &[feed_person::Model]) -> Result<(), StoreError> {
        for person in people {
            let keys = [person.key.clone()];
            forget_people(self.parts.store.writer(), &person.feed, row.run_at, &keys).await?;
        }
        Ok(())
    }

    /// Returns the senders of the runs that list these people.
    async fn senders(
        &self,
        people: &[feed_person::Model],
    ) -> Result<HashMap<String, Option<String>>, StoreError> {
        let rows: Vec<(String, Option<String>)> = feed_run::Entity::find()
            .select_only()
            .columns([feed_run::Column::Run, feed_run::Column::Sender])
            .filter(feed_run::Column::Run.is_in(people.iter().map(|person| person.run.as_str())))
            .into_tuple()
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read the senders of feeds"))?;
        Ok(rows.into_iter().collect())
    }
}
