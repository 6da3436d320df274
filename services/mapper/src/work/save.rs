//! Writes the changes of a batch, and stores its outbox batch.

use bus::OutgoingMessage;
use lifecycle::Employment;
use relay::OutboxBatch;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel};
use serde::Serialize;
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::{BatchState, KnownPerson, KnownSubject, leavers, names, orders, values};
use crate::SERVICE;
use crate::rows::{SaveError, desired, edge, group, identity, inbox, match_value, record, save_rows};

/// # Errors
/// Returns [`SaveError::Overtaken`] if another replica changed a row in between.
pub(super) async fn save_work(
    tx: &DatabaseTransaction,
    work: BatchState<'_>,
) -> Result<Option<OutboxBatch>, SaveError> {
    let (with, now) = (work.policies.fingerprint().to_owned(), work.micros());
    let people_config = work.policies.people();
    let tells_apart = people_config.tells_apart();
    for chunk in work.merged.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = chunk.iter().map(|row| row.clone().into_active_model().reset_all());
        inbox::Entity::insert_many(rows)
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("write the inbox"))?;
    }
    names::save_logins(tx, &work).await?;
    let people = work.people.into_iter().filter(|(_, known)| known.touched.is_some() || known.is_guarded);
    let people = people.map(|(key, known)| {
        // A person who is only guarded was not decided about, and without statements there is nothing to decide. A person who is
        // only affected by changes of others must still be evaluated.
        let has_sources = tells_apart || known.state.has_sources();
        let is_evaluated = known.touched.is_some() && (known.is_ranked || !has_sources);
        let (revision, state, next_due_at) =
            (known.revision + 1, encode_state(&known.state), known.next_due_at);
        let KnownPerson { scheduled_at, evaluated_with: read, manager, matched, .. } = known;
        let evaluated_with = read.filter(|_| !is_evaluated).unwrap_or_else(|| with.clone());
        identity::Model { key, revision, state, next_due_at, scheduled_at, evaluated_with, manager, matched }
    });
    save_rows::<identity::Entity>(tx, people.collect(), &[identity::Column::Key], identity::Column::Revision)
        .await?;
    let records = work.records.into_values().filter(|known| known.touched.is_some()).map(|known| {
        let (mut row, state) = (known.row, known.state);
        row.revision += 1;
        let employment = state.view(&row.key, now).employment;
        let is_heard = people_config.employs(&row.source);
        row.departed = is_heard && matches!(employment, Employment::Left { .. } | Employment::Deleted { .. });
        (row.next_due_at, row.state) = (state.next_due(now), encode_state(&state));
        row.evaluated_with.clone_from(&with);
        row
    });
    let key = [record::Column::Source, record::Column::Key];
    save_rows::<record::Entity>(tx, records.collect(), &key, record::Column::Revision).await?;
    let key = [match_value::Column::Attribute, match_value::Column::Value];
    let values = values::changed_values(work.values);
    save_rows::<match_value::Entity>(tx, values, &key, match_value::Column::Revision).await?;
    let groups = work.groups.into_iter().filter(|(_, known)| known.touched.is_some()).map(|(key, known)| {
        let KnownSubject { revision, state, next_due_at, .. } = known;
        group::Model {
            key,
            revision: revision + 1,
            state: encode_state(&state),
            next_due_at,
            evaluated_with: with.clone(),
        }
    });
    save_rows::<group::Entity>(tx, groups.collect(), &[group::Column::Key], group::Column::Revision).await?;
    let edges = work.edges.into_values().filter(|known| known.touched).map(|known| {
        let mut row = known.row;
        row.version += 1;
        // A state that cannot be read stays as it is.
        if let Some(state) = &known.state {
            row.state = encode_state(state);
        }
        row
    });
    let key = [edge::Column::GroupKey, edge::Column::MemberKey];
    save_rows::<edge::Entity>(tx, edges.collect(), &key, edge::Column::Version).await?;
    let changed = work.desired.into_iter().filter(|(key, _)| work.changed_desired.contains(key));
    let key = [desired::Column::Target, desired::Column::Kind, desired::Column::Subject];
    let rows = changed.map(|(_, row)| row).collect();
    save_rows::<desired::Entity>(tx, rows, &key, desired::Column::Version).await?;
    leavers::save_obligations(tx, work.duties, now).await?;
    orders::save_orders(tx, work.orders).await?;
    work.findings.save(tx).await?;

    let mut messages: Vec<OutgoingMessage> =
        work.commands.iter().map(|(command, trace)| OutgoingMessage::command(command, *trace)).collect();
    messages.extend(OutgoingMessage::facts(SERVICE, &work.facts));
    Ok(relay::store_batch(tx, SERVICE, messages).await?)
}

fn encode_state(state: &impl Serialize) -> String {
    serde_json::to_string(state).expect("a state is plain data")
}
