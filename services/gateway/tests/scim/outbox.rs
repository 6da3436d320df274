//! The outbox of the gateway, as operators see it.

use std::time::Duration;

use lifecycle::{Actor, DiscardSetAsideRequest, OutboxReply, OutboxRequest, RetrySetAsideRequest, verbs};
use store::Store;
use store::outbox::{OutboxLane, OutboxRow, put_aside};

use crate::provider::Provider;

const PATIENCE: Duration = Duration::from_secs(20);

impl Provider {
    /// Sets a message aside that no version can read, as if the broker had refused it.
    async fn set_aside(&self, id: &str, lane: OutboxLane) {
        let store = Store::connect(&self.database.url).await.unwrap();
        let tx = store.begin().await.unwrap();
        let row = OutboxRow { id: id.to_owned(), created_at: 1, messages: "unreadable".to_owned() };
        put_aside(&tx, "gateway", lane, &row, "too large").await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn outbox(&self) -> OutboxReply {
        self.world.bus.ask::<verbs::GatewayOutboxVerb>(&OutboxRequest::default(), PATIENCE).await.unwrap()
    }
}

fn listed(reply: &OutboxReply) -> Vec<&str> {
    reply.set_aside.iter().map(|message| message.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_refuses_of_a_provider_is_listed_tried_again_and_given_up_but_never_a_departure() {
    let provider = Provider::start().await;
    provider.set_aside("a", OutboxLane::Commands).await;
    provider.set_aside("b", OutboxLane::Departures).await;
    let reply = provider.outbox().await;
    assert_eq!((reply.status.service.as_str(), reply.status.set_aside), ("gateway", 2));
    assert_eq!(listed(&reply), ["a", "b"]);
    let actor = Actor { who: "alice".to_owned(), why: "a test".to_owned() };
    let bus = &provider.world.bus;
    let retry = RetrySetAsideRequest { id: "b".to_owned(), actor: actor.clone() };
    let retried = bus.ask::<verbs::GatewayRetrySetAsideVerb>(&retry, PATIENCE).await.unwrap();
    assert_eq!(listed(&retried), ["b", "a"], "it is refused again");
    let discard = async |id: &str| {
        let request = DiscardSetAsideRequest { id: id.to_owned(), actor: actor.clone() };
        bus.ask::<verbs::GatewayDiscardSetAsideVerb>(&request, PATIENCE).await
    };
    assert_eq!(listed(&discard("a").await.unwrap()), ["b"]);
    let refused = discard("b").await.unwrap_err().to_string();
    assert!(refused.contains("takes access away"), "{refused}");
    let unknown = discard("c").await.unwrap_err().to_string();
    assert!(unknown.contains("no message `c` is set aside"), "{unknown}");
}
