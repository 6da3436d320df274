//! Verb `join_people`: two keys that belong to one person, because the person came back under another key or HR had two.

use lifecycle::{JoinPeopleReply, JoinPeopleRequest, PersonRecord, ResourceKind};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use store::StoreError;

use super::{MapperControl, MapperRefusal, wrong_request};
use crate::rows::{decode_state, desired, identity, record};
use crate::work::BatchInput;

/// The maximum number of joins that are followed from a key to its person.
const STEPS_MAX: usize = 16;

impl MapperControl {
    /// Joins two keys. This takes no access away: where both have an account, the operator must confirm that the account of
    /// `other` is left alone.
    pub(super) async fn join_people(
        &self,
        request: &JoinPeopleRequest,
    ) -> Result<JoinPeopleReply, MapperRefusal> {
        let JoinPeopleRequest { person, other, leave_accounts, actor } = request;
        if person == other {
            return Err(wrong_request(format!("`{person}` cannot be joined with itself")));
        }
        for key in [person, other] {
            if let Some(whose) = self.moved_to(key).await? {
                return Err(wrong_request(format!("`{key}` is already a key of `{whose}`: use that key")));
            }
        }
        if self.identity(person).await?.is_none() {
            return Err(wrong_request(format!("no person has the key `{person}`")));
        }
        let records = record::Entity::find().filter(record::Column::Person.eq(other));
        if records.count(self.parts.store.reader()).await.map_err(StoreError::statement("count records"))? > 0
        {
            return Err(wrong_request(format!(
                "records of other sources are `{other}`'s: say of each that it is not (`usher people ls --status linked`, \
                 `usher people conflicts resolve SOURCE KEY --different {other}`), then join"
            )));
        }
        let left_at = self.accounts(other).await?;
        if !left_at.is_empty() && !leave_accounts {
            let theirs = self.accounts(person).await?;
            let turned = if theirs.is_empty() {
                format!(
                    "; `{person}` has none, so you may mean the other way round: `usher people join {person} --into {other}`"
                )
            } else {
                String::new()
            };
            return Err(wrong_request(format!(
                "`{other}` has accounts at {}: with --leave-accounts they are left as they are until `{person}` leaves\
                 {turned}",
                left_at.join(", ")
            )));
        }
        let join = BatchInput::Join { person: person.clone(), other: other.clone(), actor: actor.clone() };
        self.process(&[join]).await?;
        if self.moved_to(other).await?.as_ref() != Some(person) {
            return Err(wrong_request(
                "one of the two keys changed at the same time: check both and try again",
            ));
        }
        tracing::info!(person, other, who = actor.who, "two keys are one person");
        Ok(JoinPeopleReply { person: person.clone(), other: other.clone(), left_at })
    }

    /// Returns the key of the person who has this key, also through joins; `None` if there is no such person.
    pub(super) async fn who_is(&self, key: &str) -> Result<Option<String>, StoreError> {
        let mut key = key.to_owned();
        for _ in 0..STEPS_MAX {
            match self.moved_to(&key).await? {
                Some(person) => key = person,
                None => break,
            }
        }
        Ok(self.identity(&key).await?.map(|_| key))
    }

    /// Returns the key to which this key was joined, if any.
    async fn moved_to(&self, key: &str) -> Result<Option<String>, StoreError> {
        let row = identity::Entity::find_by_id(key).one(self.parts.store.reader()).await;
        let row = row.map_err(StoreError::statement("read a person"))?;
        let state = row.map(|row| decode_state::<PersonRecord>(&row.state, &row.key)).transpose()?;
        Ok(state.and_then(|state| state.moved_to().map(str::to_owned)))
    }

    /// Returns the targets at which the person's desired account is not deleted.
    async fn accounts(&self, key: &str) -> Result<Vec<String>, StoreError> {
        let mut targets: Vec<String> = desired::Entity::find()
            .select_only()
            .column(desired::Column::Target)
            .filter(desired::Column::Kind.eq(ResourceKind::User.as_str()))
            .filter(desired::Column::Subject.eq(key))
            .filter(desired::Column::State.ne("deleted"))
            .into_tuple()
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read desired states"))?;
        targets.sort();
        Ok(targets)
    }
}
