//! The migrations of the writer's tables.

mod m0001;
mod m0002;
mod m0003;
mod m0004;
mod m0005;
mod m0006;
mod m0007;
mod m0008;
mod m0009;
mod m0010;
mod m0011;
mod m0015;
mod m0016;
mod m0017;
mod m0018;
mod m0019;
mod m0020;
mod m0021;
mod m0025;
mod m0026;
mod m0027;
mod m0028;
mod m0029;
mod m0030;

use sea_orm_migration::prelude::*;

/// Migrates the writer's tables to the current version.
pub struct WriterMigrator;

#[async_trait::async_trait]
impl MigratorTrait for WriterMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001::CreateWriterTables),
            Box::new(m0002::AddSafety),
            Box::new(m0003::AddReconcile),
            Box::new(m0004::AddUnseen),
            Box::new(m0005::AddReplays),
            Box::new(m0006::AddNested),
            Box::new(m0007::AddPermissions),
            Box::new(m0008::AddClaims),
            Box::new(m0009::AddReferences),
            Box::new(m0010::AddWriterOutboxLanes),
            Box::new(m0011::CreateWriterQuarantine),
            Box::new(m0015::AddVigilance),
            Box::new(m0016::AddVerifications),
            Box::new(m0017::AddSecondLooks),
            Box::new(m0018::AddCircuit),
            Box::new(m0019::AddLooks),
            Box::new(m0020::KeepOrphans),
            Box::new(m0021::AddWriterGeneration),
            Box::new(m0025::KeepHeartbeat),
            Box::new(m0026::KeepLinksUnique),
            Box::new(m0027::KeepDisproofs),
            Box::new(m0028::KeepAddress),
            Box::new(m0029::KeepRestores),
            Box::new(m0030::KeepMatches),
        ]
    }

    fn migration_table_name() -> DynIden {
        "writer_migrations".into_iden()
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DbBackend, Statement};
    use store::Store;

    use super::*;
    use crate::migrations::m0001::TABLES;

    #[tokio::test]
    async fn migrations_go_up_down_and_up_again_on_every_database() {
        for database in store::testing::test_databases() {
            let store = Store::open::<WriterMigrator>(&database.url).await.unwrap();
            WriterMigrator::down(store.writer(), None).await.unwrap();
            for table in TABLES {
                let there = SchemaManager::new(store.writer()).has_table(table).await.unwrap();
                assert!(!there, "{}: {table} is left", database.name);
            }
            WriterMigrator::up(store.writer(), None).await.unwrap();
            assert!(SchemaManager::new(store.writer()).has_table(TABLES[0]).await.unwrap());
        }
    }

    /// Returns the tables of the writer's database, without the list of migrations.
    async fn tables(store: &Store) -> Vec<String> {
        let sql = match store.backend() {
            DbBackend::Postgres => {
                "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()"
            }
            _ => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        };
        let rows = store.writer().query_all_raw(Statement::from_string(store.backend(), sql)).await.unwrap();
        let names = rows.iter().map(|row| row.try_get::<String>("", "name").unwrap());
        names.filter(|name| name != "writer_migrations").collect()
    }

    /// Puts a row into the table: the smallest value of its type into each column.
    async fn fill(store: &Store, table: &str) {
        let sql = match store.backend() {
            DbBackend::Postgres => format!(
                "SELECT column_name AS name, data_type AS type FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = '{table}'"
            ),
            _ => format!("SELECT name, type FROM pragma_table_info('{table}')"),
        };
        let rows = store.writer().query_all_raw(Statement::from_string(store.backend(), sql)).await.unwrap();
        let columns = rows.iter().map(|row| {
            let get = |name: &str| row.try_get::<String>("", name).unwrap();
            (format!("\"{}\"", get("name")), smallest_value(&get("type").to_lowercase()))
        });
        let (names, values): (Vec<String>, Vec<&str>) = columns.unzip();
        let sql = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "));
        store.writer().execute_unprepared(&sql).await.unwrap();
    }

    fn smallest_value(kind: &str) -> &'static str {
        match kind {
            _ if kind.contains("bool") => "FALSE",
            _ if kind.contains("int") || kind.contains("real") || kind.contains("double") => "0",
            "bytea" => "'\\x00'",
            _ if kind.contains("blob") => "x'00'",
            _ if kind.contains("text") || kind.contains("char") => "'{}'",
            other => panic!("a column of type {other}"),
        }
    }

    #[tokio::test]
    async fn every_table_with_a_row_in_it_goes_down_and_comes_up_again_on_every_database() {
        for database in store::testing::test_databases() {
            let store = Store::open::<WriterMigrator>(&database.url).await.unwrap();
            let before = tables(&store).await;
            assert!(before.len() >= TABLES.len(), "{}: {before:?}", database.name);
            for table in &before {
                fill(&store, table).await;
            }
            for _ in WriterMigrator::migrations() {
                WriterMigrator::down(store.writer(), Some(1)).await.unwrap();
            }
            assert_eq!(tables(&store).await, Vec::<String>::new(), "{}", database.name);
            WriterMigrator::up(store.writer(), None).await.unwrap();
            let mut after = tables(&store).await;
            after.sort();
            let mut before = before;
            before.sort();
            assert_eq!(after, before, "{}", database.name);
        }
    }

    /// Returns the number of migrations from this one on.
    fn steps_from(name: &str) -> u32 {
        let names: Vec<String> = WriterMigrator::migrations().iter().map(|it| it.name().to_owned()).collect();
        let at = names.iter().position(|it| it == name).unwrap();
        (names.len() - at).try_into().unwrap()
    }

    #[tokio::test]
    async fn of_accounts_that_were_linked_twice_the_older_link_is_kept_and_the_other_looked_for_again() {
        for database in store::testing::test_databases() {
            let store = Store::open::<WriterMigrator>(&database.url).await.unwrap();
            let connection = store.writer();
            WriterMigrator::down(connection, Some(steps_from("m0026_keep_links_unique"))).await.unwrap();
            let rows = [
                ("E-1", 20, "created", "a"),
                ("E-2", 10, "adopted", "a"),
                ("E-3", 30, "adopted", "a"),
                ("E-4", 10, "created", "b"),
                ("orphan:a", 1, "adopted", "a"),
            ];
            for (subject, revision, origin, id) in rows {
                let sql = format!(
                    "INSERT INTO writer_resources (target, kind, subject, status, queued, lane, next_attempt_at, attempts, desired, \
                     desired_revision, applied, applied_revision, remote_id, in_doubt, accepted_at, planned, removal, \
                     approved_revision, origin) VALUES ('crm', 'user', '{subject}', 'in_sync', FALSE, 0, 0, 0, '{{}}', {revision}, \
                     '{{}}', 1, '{id}', FALSE, 0, FALSE, FALSE, 0, '{origin}')"
                );
                connection.execute_unprepared(&sql).await.unwrap();
            }
            WriterMigrator::up(connection, None).await.unwrap();
            let sql = "SELECT subject, remote_id, status FROM writer_resources ORDER BY subject";
            let found = connection.query_all_raw(Statement::from_string(store.backend(), sql)).await.unwrap();
            let found: Vec<(String, Option<String>, String)> = found
                .iter()
                .map(|row| {
                    let get = |name: &str| row.try_get::<Option<String>>("", name).unwrap();
                    (get("subject").unwrap(), get("remote_id"), get("status").unwrap())
                })
                .collect();
            let expected = [
                ("E-1", Some("a"), "pending"),
                ("E-2", None, "pending"),
                ("E-3", None, "pending"),
                ("E-4", Some("b"), "in_sync"),
                ("orphan:a", Some("a"), "in_sync"),
            ];
            let expected = expected
                .map(|(subject, id, status)| (subject.to_owned(), id.map(str::to_owned), status.to_owned()));
            assert_eq!(found, expected, "{}", database.name);
            let twice = "UPDATE writer_resources SET remote_id = 'a' WHERE subject = 'E-2'";
            assert!(connection.execute_unprepared(twice).await.is_err(), "{}", database.name);
        }
    }
}
