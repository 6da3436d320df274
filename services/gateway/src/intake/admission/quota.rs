//! The share of EVENTS that one sender may occupy: events that it sent and that the mapper has not merged yet.
//!
//! Each replica counts the events that it stored itself. Merged events make room in the stream and no longer count, so a sender
//! reaches its share only while the mapper does not keep up with it. Departures are never refused: room is reserved for them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use edge::Problem;

/// The delay of `Retry-After` for a sender that is over its share.
const PAUSE: Duration = Duration::from_secs(30);
/// The size in bytes of the portions in which messages are counted.
const PORTION_BYTES: u64 = 1 << 20;

/// A run of messages that one sender stored in one stream.
#[derive(Debug)]
struct StreamPortion {
    stream: String,
    /// The sequence number of its newest message.
    sequence: u64,
    bytes: u64,
}

/// The unmerged messages of one sender.
#[derive(Debug, Default)]
struct SenderAccount {
    portions: VecDeque<StreamPortion>,
    /// The total of its portions, in bytes.
    bytes: u64,
    /// `true` once its excess has been logged.
    is_over: bool,
}

/// The bytes that each sender occupies in the streams.
#[derive(Debug)]
pub(crate) struct SenderQuota {
    /// The maximum number of unmerged bytes for each sender.
    bytes_max: u64,
    /// The accounts by sender.
    accounts: Mutex<HashMap<String, SenderAccount>>,
}

impl SenderQuota {
    /// Creates a quota of `percent` of `stream_bytes` for each sender. 100 percent means no limit.
    pub(crate) fn new(stream_bytes: u64, percent: u8) -> Self {
        let bytes_max = if percent >= 100 { u64::MAX } else { stream_bytes / 100 * u64::from(percent) };
        Self { bytes_max, accounts: Mutex::default() }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, SenderAccount>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a sender while it has too many bytes that are not merged.
    pub(crate) fn check(&self, sender: &str) -> Result<(), Problem> {
        let mut accounts = self.accounts();
        let Some(account) = accounts.get_mut(sender).filter(|account| account.bytes >= self.bytes_max) else {
            return Ok(());
        };
        if !std::mem::replace(&mut account.is_over, true) {
            tracing::warn!(sender, bytes = account.bytes, "a sender has taken its share of EVENTS");
        }
        let detail = format!(
            "this source has sent {} bytes that are not merged yet, which is its share of the storage; departures are still \
             accepted in requests of their own. Sending the same request later is safe",
            account.bytes
        );
        Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "sender_quota", detail).retry_after(PAUSE))
    }

    /// Counts a stored message.
    pub(crate) fn note_stored(&self, sender: &str, stream: &str, sequence: u64, bytes: u64) {
        let mut accounts = self.accounts();
        let account = match accounts.get_mut(sender) {
            Some(account) => account,
            None => accounts.entry(sender.to_owned()).or_default(),
        };
        account.bytes += bytes;
        match account.portions.back_mut() {
            Some(last) if last.stream == stream && last.bytes + bytes <= PORTION_BYTES => {
                last.sequence = last.sequence.max(sequence);
                last.bytes += bytes;
            }
            _ => account.portions.push_back(StreamPortion { stream: stream.to_owned(), sequence, bytes }),
        }
    }

    /// Records that the mapper has merged every message of the stream up to `sequence`.
    pub(crate) fn note_merged(&self, stream: &str, sequence: u64) {
        for account in self.accounts().values_mut() {
            account.portions.retain(|portion| portion.stream != stream || portion.sequence > sequence);
            account.bytes = account.portions.iter().map(|portion| portion.bytes).sum();
            account.is_over &= account.bytes >= self.bytes_max;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: &str = "EVENTS";

    #[test]
    fn one_sender_over_its_share_is_refused_until_what_it_sent_is_merged_and_no_other_is() {
        let quota = SenderQuota::new(10 << 20, 50);
        for sequence in 1..=5 {
            assert!(quota.check("hr").is_ok());
            quota.note_stored("hr", EVENTS, sequence, 1 << 20);
        }
        quota.note_stored("ad", EVENTS, 6, 100);
        let refused = quota.check("hr").unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code()), (429, "sender_quota"));
        assert!(quota.check("ad").is_ok());
        quota.note_merged("EVENTS_1", 100);
        assert!(quota.check("hr").is_err(), "of another stream");
        quota.note_merged(EVENTS, 1);
        assert!(quota.check("hr").is_ok());
    }

    #[test]
    fn small_messages_are_counted_in_few_portions_and_none_before_its_last_is_merged() {
        let quota = SenderQuota::new(1 << 30, 50);
        (1..=10_000).for_each(|sequence| quota.note_stored("hr", EVENTS, sequence, 1_000));
        quota.note_merged(EVENTS, 5_000);
        let accounts = quota.accounts();
        assert!(accounts["hr"].portions.len() < 10);
        assert!((5_000_000..6_100_000).contains(&accounts["hr"].bytes), "{}", accounts["hr"].bytes);
    }
}
