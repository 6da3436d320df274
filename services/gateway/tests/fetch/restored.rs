//! The gateway's database is restored from an earlier backup.

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
    let backup = office.back_up().await;

    office.another().await;
    office.notice("changed", &["E-2"]).await;
    office.events(1).await;
    office.done("E-2").await;
    office.stop().await;

    office.another_on(&backup).await;
    // Records that were fetched just before the backup may be fetched again.
    let is_again = |asked: Vec<String>| asked.iter().filter(|key| *key == "E-2").count() == 2;
    let mut asked = 3;
    office.hr.was_asked(asked).await;
    while !is_again(office.hr.asked()) {
        asked += 1;
        office.hr.was_asked(asked).await;
    }
    let mark = office.world.bus.mark("gateway").await.unwrap();
    let mark = mark.read().unwrap();
    assert!(mark.notices[0].contains("the gateway's database comes from an older backup"), "{mark:?}");
}
