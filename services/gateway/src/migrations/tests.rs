use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use sea_orm_migration::MigratorTrait as _;
use store::Store;
use store::testing::test_databases;

use super::GatewayMigrator;

/// The tables by name, each with the name and the type of its columns.
type TableColumns = BTreeMap<String, BTreeMap<String, String>>;

/// Returns the gateway's tables, without the list of the migrations that were applied.
async fn read_tables(store: &Store) -> TableColumns {
    let sql = match store.backend() {
        DbBackend::Sqlite => {
            "SELECT tables.name AS name, columns.name AS part, columns.type AS kind FROM sqlite_master tables \
             JOIN pragma_table_info(tables.name) columns WHERE tables.type = 'table'"
        }
        _ => {
            "SELECT table_name::text AS name, column_name::text AS part, data_type::text AS kind \
             FROM information_schema.columns WHERE table_schema = 'public'"
        }
    };
    let rows = store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await.unwrap();
    let mut tables = TableColumns::new();
    for row in rows {
        let text = |column: &str| row.try_get::<String>("", column).unwrap();
        if text("name").starts_with("gateway_") && text("name") != "gateway_migrations" {
            tables.entry(text("name")).or_default().insert(text("part"), text("kind").to_lowercase());
        }
    }
    tables
}

/// Returns a literal that fits a column of the type.
fn literal_of(kind: &str) -> &'static str {
    match kind {
        kind if kind.contains("bool") => "TRUE",
        kind if kind.contains("int") => "1",
        kind if kind.contains("text") || kind.contains("char") => "'1'",
        other => panic!("no value of the type {other}"),
    }
}

#[tokio::test]
async fn all_migrations_go_down_with_a_row_in_each_table_and_up_again() {
    for database in test_databases() {
        let store = Store::open::<GatewayMigrator>(&database.url).await.unwrap();
        let tables = read_tables(&store).await;
        assert!(tables.contains_key("gateway_outbox") && tables.contains_key("gateway_positions"));
        for (table, columns) in &tables {
            let names: Vec<String> = columns.keys().map(|name| format!("\"{name}\"")).collect();
            let values: Vec<&str> = columns.values().map(|kind| literal_of(kind)).collect();
            let sql = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "));
            store.writer().execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        GatewayMigrator::down(store.writer(), None).await.unwrap();
        assert_eq!(read_tables(&store).await, TableColumns::new(), "{}: nothing is left", database.name);
        GatewayMigrator::up(store.writer(), None).await.unwrap();
        assert_eq!(read_tables(&store).await, tables, "{}: the same again", database.name);
    }
}
