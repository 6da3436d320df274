//! Makes links unique: one account or group at a target belongs to one subject.

use sea_orm_migration::prelude::*;

pub(super) struct KeepLinksUnique;

const INDEX: &str = "writer_resources_one_link";
/// The condition for rows of subjects. Orphans have rows of their own until a person takes their place.
const OF_SUBJECTS: &str = "remote_id IS NOT NULL AND substr(subject, 1, 7) <> 'orphan:'";

/// Returns the condition that another row with the same link exists and fulfils `which`.
fn another(which: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM writer_resources AS o WHERE o.target = writer_resources.target \
         AND o.kind = writer_resources.kind AND o.remote_id = writer_resources.remote_id \
         AND o.subject <> writer_resources.subject AND substr(o.subject, 1, 7) <> 'orphan:' AND {which})"
    )
}

/// Returns the condition that the other row keeps the link: the row that created the account comes first, then the one
/// that was decided on first.
fn is_older() -> String {
    let rank = |row: &str| {
        format!(
            "(CASE WHEN {row}.origin = 'created' THEN 0 ELSE 1 END, {row}.desired_revision, {row}.subject)"
        )
    };
    format!("{} < {}", rank("o"), rank("writer_resources"))
}

impl MigrationName for KeepLinksUnique {
    fn name(&self) -> &str {
        "m0026_keep_links_unique"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepLinksUnique {
    /// Queues both rows again. The row that keeps the link is read back. The other is searched for, and becomes a
    /// conflict if only that account is found.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let at_rest = "status IN ('in_sync', 'pending', 'retrying', 'waiting')";
        let queue = "status = 'pending', queued = TRUE, next_attempt_at = 0, attempts = 0, held = NULL, held_at = NULL, \
                     waits_for = NULL";
        let both = another("1 = 1");
        let statements = [
            format!("UPDATE writer_resources SET in_doubt = TRUE WHERE {OF_SUBJECTS} AND {both}"),
            format!("UPDATE writer_resources SET {queue} WHERE {OF_SUBJECTS} AND {at_rest} AND {both}"),
            format!(
                "UPDATE writer_resources SET remote_id = NULL, applied = NULL, origin = NULL, off_evidence = NULL, \
                 off_evidence_at = NULL, name_key = NULL, mail_key = NULL, delete_at = NULL \
                 WHERE {OF_SUBJECTS} AND {}",
                another(&is_older())
            ),
            format!(
                "CREATE UNIQUE INDEX {INDEX} ON writer_resources (target, kind, remote_id) WHERE {OF_SUBJECTS}"
            ),
        ];
        for statement in statements {
            connection.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table(Alias::new("writer_resources")).to_owned()).await
    }
}
