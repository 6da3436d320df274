//! The pace at which a body must arrive.

use std::time::Duration;

use tokio::time::Instant;

/// The minimum pace of a body, in bytes per second, after [`BodyPace::new`]'s grace. The slowest modem is faster.
const BYTES_PER_SECOND_MIN: u64 = 500;

/// Counts how long a body may still keep its reader waiting: a grace at the beginning, and longer for each byte that came. The time
/// in which the reader does not wait does not count.
#[derive(Debug, Clone, Copy)]
pub struct BodyPace {
    credit: Duration,
}

impl BodyPace {
    /// Returns the pace of a body that may take `grace` before the minimum applies.
    pub fn new(grace: Duration) -> Self {
        Self { credit: grace }
    }

    /// Waits for the next piece, whose length `length` tells.
    ///
    /// # Errors
    /// Returns an error if the body is too slow.
    pub async fn next<T>(
        &mut self,
        piece: impl Future<Output = T>,
        length: impl FnOnce(&T) -> usize,
    ) -> Result<T, BodyTooSlow> {
        let begun = Instant::now();
        let piece = tokio::time::timeout(self.credit, piece).await.map_err(|_| BodyTooSlow)?;
        let earned = Duration::from_secs_f64(length(&piece) as f64 / BYTES_PER_SECOND_MIN as f64);
        self.credit = self.credit.saturating_sub(begun.elapsed()).saturating_add(earned);
        Ok(piece)
    }
}

/// A body arrives at less than the minimum pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body comes too slowly: at least {BYTES_PER_SECOND_MIN} bytes per second are needed")]
pub struct BodyTooSlow;

#[cfg(test)]
mod tests {
    use super::*;

    async fn wait(pace: &mut BodyPace, seconds: u64, bytes: usize) -> bool {
        let piece = async {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            bytes
        };
        pace.next(piece, |bytes| *bytes).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_ends_after_the_grace_and_a_steady_one_does_not() {
        let mut dripping = BodyPace::new(Duration::from_secs(5));
        let mut seconds = 0;
        while wait(&mut dripping, 1, 1).await {
            seconds += 1;
        }
        assert_eq!(seconds, 5);
        let mut steady = BodyPace::new(Duration::from_secs(5));
        for _ in 0..1_000 {
            assert!(wait(&mut steady, 1, 500).await);
        }
        assert!(!wait(&mut steady, 6, 500).await);
    }
}
