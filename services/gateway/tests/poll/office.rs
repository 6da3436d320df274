//! A gateway that polls a list.

use std::collections::HashSet;
use std::time::Duration;

use bus::Consumer;
use lifecycle::{Event, EventId, SourceProblem};
use serde_json::{Value, json};
use store::testing::TestDatabase;
use telemetry::{Readiness, Shutdown};

use crate::people::People;
use crate::world::World;

const SOON: Duration = Duration::from_secs(40);

pub struct Office {
    pub people: People,
    world: World,
    stream: Consumer<Event>,
    changes: Value,
    seen: HashSet<EventId>,
    _database: TestDatabase,
}

/// Returns a row in the format of this source.
pub fn row(key: &str, department: &str) -> Value {
    json!({"id": key, "team": department, "hired": "2020-02-03", "last_day": null})
}

impl Office {
    /// Starts the gateway with `changes` to the settings of the list.
    pub async fn start(rows: &[Value], changes: Value) -> Self {
        Self::on(store::testing::sqlite_database(), rows, changes).await
    }

    pub async fn on(database: TestDatabase, rows: &[Value], changes: Value) -> Self {
        let people = People::start().await;
        people.list(rows);
        let mut poll = json!({
            "name": "workday", "url": format!("{}/people?since={{since}}", people.url), "rows": "/rows", "total": "/total",
            "paging": {"kind": "next_link", "at": "/next"}, "every_seconds": 1, "overlap_seconds": 60, "key": "/id",
            "attributes": {"department": "/team", "startDate": "/hired", "endDate": "/last_day"}, "time_zone": "Europe/Berlin",
            "requests_per_second_max": 1000, "retry": {"initial_ms": 10, "max_ms": 50},
        });
        for (name, value) in changes.as_object().unwrap() {
            poll[name] = value.clone();
        }
        if poll["full"] == true {
            poll["url"] = json!(format!("{}/people", people.url));
        }
        let changes = json!({"database": database.url, "polls": [poll]});
        let world = World::start(changes.clone()).await;
        let stream = world.stored().await;
        Self { people, world, stream, changes, seen: HashSet::new(), _database: database }
    }

    /// Returns the next events, exactly `count` of them.
    pub async fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            let batch = tokio::time::timeout(SOON, self.stream.next_batch(1_000)).await;
            for delivery in
                batch.unwrap_or_else(|_| panic!("{} of {count} events came", events.len())).unwrap()
            {
                let event = delivery.body.as_ref().unwrap().clone();
                if self.seen.insert(event.id.clone()) {
                    events.push(event);
                }
                delivery.ack().await;
            }
        }
        let said: Vec<_> =
            events.iter().map(|event| (event.kind, &event.subject, &event.attributes)).collect();
        assert_eq!(events.len(), count, "{said:?}");
        events
    }

    /// Returns the problems of the list in the status, once `check` accepts them.
    pub async fn problems(&self, check: impl Fn(&[SourceProblem]) -> bool) -> Vec<SourceProblem> {
        let mut seen = Vec::new();
        let level = async {
            loop {
                seen = self.world.bus.source_problems(0).await.unwrap().problems;
                if check(&seen) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let came = tokio::time::timeout(SOON, level).await;
        assert!(came.is_ok(), "the problems stay {seen:?}");
        seen
    }

    pub async fn restart(&mut self) {
        self.world.shutdown.soft.cancel();
        (&mut self.world.run).await.unwrap().unwrap();
        self.another().await;
    }

    /// Starts another gateway on the same database.
    pub async fn another(&mut self) {
        let mut config = self.changes.clone();
        config["listen"] = json!("127.0.0.1:0");
        let config: gateway::GatewayConfig = serde_json::from_value(config).unwrap();
        let app = gateway::build_gateway(config, self.world.bus.clone(), Readiness::default()).await.unwrap();
        self.world.shutdown = Shutdown::default();
        tokio::spawn(std::mem::replace(
            &mut self.world.run,
            tokio::spawn(app.run(self.world.shutdown.clone())),
        ));
    }
}
