//! Exit codes of `usher leavers`, `usher status` and `usher status --check`, checked against the table of docs/leavers.md.

use super::*;

const COMMANDS: [&str; 3] = ["leavers", "status --check", "status"];

/// Returns the codes of [`COMMANDS`] in the row that begins with `what`.
fn documented(what: &str) -> [String; 3] {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/leavers.md");
    let text = std::fs::read_to_string(page).unwrap();
    let row = text.lines().find(|line| line.starts_with(&format!("| {what} |"))).expect(what);
    let mut cells = row.trim_matches('|').split('|').skip(1).map(|cell| cell.trim().to_owned());
    std::array::from_fn(|_| cells.next().unwrap())
}

fn code(ended: CommandEnd) -> String {
    let number = match ended {
        CommandEnd::Done => 0,
        CommandEnd::Failed => 1,
        CommandEnd::SomethingChanges => 2,
        CommandEnd::NotKnown | CommandEnd::Paused => 3,
        CommandEnd::Undecided => 4,
    };
    assert_eq!(format!("{:?}", ExitCode::from(ended)), format!("{:?}", ExitCode::from(number)));
    number.to_string()
}

async fn run(fake: &Fake, line: &str) -> CommandEnd {
    let words = ["--console", fake.url.as_str(), "--data", fake.data.path().to_str().unwrap()];
    let words = std::iter::once("usher").chain(line.split_whitespace()).chain(words);
    match UsherCli::try_parse_from(words).unwrap().command {
        UsherCommand::Status(args) => run_status(&args).await.unwrap(),
        UsherCommand::Leavers(args) => run_leavers(&args).await.unwrap(),
        _ => panic!("no such command here"),
    }
}

async fn holds(what: &str, fake: Fake) {
    let mut ends = Vec::new();
    for command in COMMANDS {
        ends.push(code(run(&fake, command).await));
    }
    assert_eq!(ends, documented(what), "{what}: {COMMANDS:?}");
}

/// Starts a console whose mapper reports these counts.
async fn console(counts: Value, silent: &[&str]) -> Fake {
    let mut status = json!({"targets": [], "lag": {"events": 0, "commands": 0, "journal": 0}});
    let is_silent = |service: &str| silent.contains(&service);
    status["unavailable"] = silent
        .iter()
        .map(|service| json!({"service": service, "code": "not_running", "detail": "it is not running"}))
        .collect();
    let problem = json!({"title": "Service Unavailable", "status": 503, "code": "mapper_not_running"});
    let leavers = if is_silent("mapper") { problem } else { json!({"leavers": [], "counts": counts}) };
    if !is_silent("mapper") {
        status["mapper"] = serde_json::to_value(lifecycle::MapperStatus {
            leavers: serde_json::from_value(counts).unwrap(),
            ..lifecycle::MapperStatus::default()
        })
        .unwrap();
    }
    Fake::start(vec![("GET /v1/status", vec![status]), ("GET /v1/leavers?limit=1000", vec![leavers])]).await
}

#[tokio::test]
async fn each_failure_has_the_exit_code_of_the_page() {
    let none = json!({"withAccess": 2, "overdue": 0});
    holds("nothing is overdue", console(none.clone(), &[]).await).await;
    holds("an account of a leaver is overdue", console(json!({"withAccess": 2, "overdue": 1}), &[]).await)
        .await;
    let both = json!({"withAccess": 2, "overdue": 1, "undecided": 1});
    // If several apply, the first of 1, 3 and 4 is used.
    let all = console(both, &["writer"]).await;
    assert_eq!(run(&all, "status --check").await, CommandEnd::Failed);
    let two = console(json!({"undecided": 1}), &["writer"]).await;
    assert_eq!(run(&two, "status --check").await, CommandEnd::NotKnown);
    holds("a departure is not decided yet", console(json!({"undecided": 1}), &[]).await).await;
    holds("the mapper does not answer", console(none.clone(), &["mapper"]).await).await;
    holds("the writer does not answer", console(none.clone(), &["writer"]).await).await;

    let refusal =
        json!({"title": "Unauthorized", "status": 401, "code": "unauthorized", "detail": "no valid token"});
    let refusing =
        vec![("GET /v1/status", vec![refusal.clone()]), ("GET /v1/leavers?limit=1000", vec![refusal])];
    holds("the console refuses the token", Fake::start(refusing).await).await;

    let mut unreachable = console(none, &[]).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    unreachable.url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    holds("the console cannot be reached", unreachable).await;
    let usage = UsherCli::try_parse_from(["usher", "leavers", "--overdu"]).unwrap_err();
    let code = usage.exit_code().to_string();
    assert_eq!([code.clone(), code.clone(), code], documented("the command line is not understood"));
}
