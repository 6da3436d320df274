//! Reading facts back from JOURNAL, once and without a durable consumer.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use futures_util::StreamExt;
use lifecycle::FactRecord;

use crate::feed::subject_token;
use crate::position::made_at;
use crate::{Bus, BusError, FactBatch, StreamName, wire};

/// The number of messages that one request fetches.
const FETCH_MAX: usize = 200;
/// The time for which the server waits for further messages.
const FETCH_EXPIRES: Duration = Duration::from_secs(5);
/// The number of requests in a row without a message after which reading fails.
const EMPTY_MAX: u32 = 6;
/// The time after which the server removes a reader that is gone.
const READER_EXPIRES: Duration = Duration::from_secs(60);

/// The range of messages that JOURNAL holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalExtent {
    /// The time at which the stream was created, in microseconds since the Unix epoch. Another time means another stream.
    pub made_at: i64,
    /// The sequence of the oldest message that the stream holds (or will hold, if it is empty).
    pub first_sequence: u64,
    /// The sequence of the newest message that was stored; 0 if there never was one.
    pub last_sequence: u64,
}

/// The facts that were read back from JOURNAL.
#[derive(Debug, Default)]
pub struct JournalReading {
    /// The facts, in the order of the stream.
    pub facts: Vec<FactRecord>,
    /// The number of messages that could not be read.
    pub unreadable: u64,
}

impl Bus {
    /// Returns the range of messages that JOURNAL holds now.
    ///
    /// # Errors
    /// Returns an error if the stream is missing or the server does not answer.
    pub async fn journal_extent(&self) -> Result<JournalExtent, BusError> {
        let stream = self.jetstream().get_stream(journal_stream()).await.map_err(journal_error)?;
        let info = stream.cached_info();
        Ok(JournalExtent {
            made_at: made_at(info),
            first_sequence: info.state.first_sequence,
            last_sequence: info.state.last_sequence,
        })
    }

    /// Returns the facts of `service` with one of `names` that JOURNAL holds after the sequence `after`, as far as `keep`
    /// accepts them.
    ///
    /// # Errors
    /// Returns an error if the stream is missing or the server does not answer.
    pub async fn journal_facts(
        &self,
        service: &str,
        names: &[&str],
        after: u64,
        keep: impl Fn(&FactRecord) -> bool,
    ) -> Result<JournalReading, BusError> {
        let subject = |name: &&str| format!("usher.journal.{}.{name}", subject_token(service));
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
            ack_policy: AckPolicy::None,
            filter_subjects: names.iter().map(subject).collect(),
            inactive_threshold: READER_EXPIRES,
            ..pull::Config::default()
        };
        let reader: PullConsumer = self
            .jetstream()
            .create_consumer_on_stream(config, journal_stream())
            .await
            .map_err(journal_error)?;
        let mut reading = JournalReading::default();
        let (mut pending, mut empty) = (reader.cached_info().num_pending, 0);
        while pending > 0 {
            let fetch = reader.fetch().max_messages(FETCH_MAX).expires(FETCH_EXPIRES);
            let mut batch = fetch.messages().await.map_err(journal_error)?;
            empty += 1;
            while let Some(message) = batch.next().await {
                let message = message.map_err(|source| BusError::Journal { source })?;
                (pending, empty) = (message.info().map_or(pending, |info| info.pending), 0);
                match wire::unwrap_body::<FactBatch>(&message.payload) {
                    Ok(facts) => reading.facts.extend(facts.into_iter().filter(&keep)),
                    Err(_) => reading.unreadable += 1,
                }
            }
            if empty > EMPTY_MAX {
                return Err(BusError::Journal { source: "the server sends no further messages".into() });
            }
        }
        Ok(reading)
    }
}

/// Returns the name of the stream.
fn journal_stream() -> String {
    StreamName::Journal.streams(1).swap_remove(0)
}

fn journal_error(source: impl std::error::Error + Send + Sync + 'static) -> BusError {
    BusError::Journal { source: Box::new(source) }
}
