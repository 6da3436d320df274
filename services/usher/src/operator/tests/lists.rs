//! Lists that take more than one page.

use super::*;

async fn list_quarantine(pages: Vec<(&'static str, Vec<Value>)>) -> CommandEnd {
    let fake = Fake::start(pages).await;
    let data = fake.data.path().display().to_string();
    let words = ["usher", "quarantine", "ls", "--limit", "3", "--console", &fake.url, "--data", &data];
    let UsherCommand::Quarantine(command) = UsherCli::try_parse_from(words).unwrap().command else {
        panic!("another command")
    };
    run_quarantine(&command).await.unwrap()
}

fn page(cursor: Option<&str>, unavailable: &[&str]) -> Value {
    let item = json!({
        "id": "writer:COMMANDS/1", "at": 1, "reason": "not_stored", "cause": "c", "subject": "E-1", "kind": "user",
        "departure": true,
    });
    json!({"items": [item], "total": 2, "departures": 2, "nextCursor": cursor, "unavailable": unavailable})
}

#[tokio::test]
async fn a_service_that_does_not_answer_at_a_later_page_is_not_passed_over() {
    let (first, second) = ("GET /v1/quarantine?limit=3", "GET /v1/quarantine?limit=2&cursor=c");
    let all = vec![(first, vec![page(Some("c"), &[])]), (second, vec![page(None, &[])])];
    assert!(matches!(list_quarantine(all).await, CommandEnd::Done));
    let silent = vec![(first, vec![page(Some("c"), &[])]), (second, vec![page(None, &["mapper"])])];
    assert!(matches!(list_quarantine(silent).await, CommandEnd::Failed));
    let empty = json!({"items": [], "total": 0, "departures": 0, "unavailable": ["mapper"]});
    assert!(matches!(list_quarantine(vec![(first, vec![empty])]).await, CommandEnd::Failed));
}
