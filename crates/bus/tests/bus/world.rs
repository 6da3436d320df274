//! A server, a connection and numbered events.

use bus::testing::TestServer;
use bus::{Bus, BusConfig, Consumer, OutgoingMessage, PublishError, PublishedMessage, StreamName};
use lifecycle::{Event, EventId, EventKind, TraceContext};
use time::OffsetDateTime;

pub struct World {
    pub server: TestServer,
    pub bus: Bus,
}

impl World {
    pub async fn new(adjust: impl FnOnce(&mut BusConfig)) -> Self {
        let server = TestServer::start();
        let mut config = server.config();
        config.publish_timeout_ms = 60_000; // a busy machine restarts a server slowly
        config.ack_wait_seconds = 2;
        adjust(&mut config);
        let bus = Bus::connect(&config, "test").await.unwrap();
        bus.ensure_streams().await.unwrap();
        Self { server, bus }
    }

    pub async fn publish(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<PublishedMessage> {
        let results = self.bus.publish(numbers.into_iter().map(outgoing).collect()).await;
        results.into_iter().map(Result::unwrap).collect()
    }

    pub async fn consumer(&self) -> Consumer<Event> {
        self.bus.consume(StreamName::Events, "mapper").await.unwrap()
    }

    pub fn restart(&mut self) {
        self.server.restart();
    }
}

pub fn event(n: usize) -> Event {
    let at = OffsetDateTime::UNIX_EPOCH;
    Event {
        id: EventId::of("hr", &n.to_string()),
        source: "hr".to_owned(),
        source_event_id: n.to_string(),
        kind: EventKind::WorkerChanged,
        subject: format!("E-{n}"),
        time: at,
        effective_at: at,
        accepted_at: at,
        sender: String::new(),
        dated: None,
        attributes: [("department".to_owned(), "x".repeat(600).into())].into(),
        members: None,
        feed: None,
        withdraws: false,
        unread: Vec::new(),
    }
}

pub fn outgoing(n: usize) -> OutgoingMessage {
    OutgoingMessage::event(&event(n), TraceContext::root())
}

pub fn stored(sequence: u64) -> PublishedMessage {
    PublishedMessage { sequence, duplicate: false }
}

pub fn duplicate(sequence: u64) -> PublishedMessage {
    PublishedMessage { sequence, duplicate: true }
}

pub fn is_full(result: &Result<PublishedMessage, PublishError>) -> bool {
    matches!(result, Err(PublishError::Full { .. }))
}
