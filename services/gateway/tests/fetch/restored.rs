//! The gateway's database comes back from an earlier moment.

use serde_json::json;

use crate::office::Office;

#[tokio::test]
async fn a_restored_database_fetches_again_whose_records_it_was_told_of_since() {
    let mut office = Office::start().await;
    office.hr.put("E-1", json!({"name": "Ann"}));
    office.hr.put("E-2", json!({"name": "Ben"}));
    office.notice("changed", &["E-1"]).await;
    office.events(1).await;
    office.done("E-1").await;
    office.stop().await;
    let file = office.database_file();
    let backup = file.with_extension("backup");
    std::fs::copy(&file, &backup).unwrap();

    office.another().await;
    office.notice("changed", &["E-2"]).await;
    office.events(1).await;
    office.done("E-2").await;
    office.stop().await;
    for suffix in ["db-wal", "db-shm"] {
        let _ = std::fs::remove_file(file.with_extension(suffix));
    }
    std::fs::copy(&backup, &file).unwrap();

    office.another().await;
    office.hr.was_asked(3).await;
    assert_eq!(office.hr.asked(), ["E-1", "E-2", "E-2"]);
    let mark = office.world.bus.mark("gateway").await.unwrap().unwrap();
    assert!(mark.notices[0].contains("the gateway's database is an older one"), "{mark:?}");
}
