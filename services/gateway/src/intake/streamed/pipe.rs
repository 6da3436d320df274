//! Passes a request's body from the asynchronous connection to a blocking reader.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use edge::{BodyPace, Problem};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

/// The maximum number of pieces that wait to be read. A piece is the result of one read from the socket.
const PIECES_MAX: usize = 8;

/// A piece of the body. The end is explicit: a sender that is gone without it has not sent everything.
enum BodyPiece {
    Bytes(Bytes),
    /// The body is complete.
    End,
}

/// The reading end of the pipe.
pub(crate) struct BodyReader {
    pieces: mpsc::Receiver<BodyPiece>,
    /// The unread part of the last piece.
    rest: Bytes,
    /// `true` after the end of the body.
    over: bool,
}

/// The writing end of the pipe.
pub(crate) struct BodyWriter(mpsc::Sender<BodyPiece>);

/// Creates both ends.
pub(crate) fn body_pipe() -> (BodyWriter, BodyReader) {
    let (inlet, pieces) = mpsc::channel(PIECES_MAX);
    (BodyWriter(inlet), BodyReader { pieces, rest: Bytes::new(), over: false })
}

impl Read for BodyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() && !self.over {
            match self.pieces.blocking_recv() {
                Some(BodyPiece::Bytes(bytes)) => self.rest = bytes,
                Some(BodyPiece::End) => self.over = true,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = self.rest.len().min(into.len());
        into[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

impl BodyWriter {
    /// Writes the whole body: at most `bytes_max`, no piece later than `pause_max` after the one before, and not slower than the
    /// minimum pace.
    ///
    /// # Errors
    /// `too_large` if the body is longer, 408 if it stops arriving, 400 if it breaks off. The reader then finds no end either.
    pub(crate) async fn pour(
        self,
        body: Body,
        bytes_max: u64,
        pause_max: Duration,
        too_large: impl Fn() -> Problem,
    ) -> Result<(), Problem> {
        let mut stream = body.into_data_stream();
        let (mut bytes, mut pace) = (0_u64, BodyPace::new(pause_max));
        let late = |detail: String| Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail);
        loop {
            let next = tokio::time::timeout(pause_max, pace.next(stream.next(), piece_length)).await;
            let next = next.map_err(|_| late(format!("nothing came for {} s", pause_max.as_secs())))?;
            let next = next.map_err(|slow| late(slow.to_string()))?;
            let Some(piece) = next else { break };
            let piece = piece.map_err(|_| Problem::bad_request("body_broken", "the body broke off"))?;
            bytes += piece.len() as u64;
            if bytes > bytes_max {
                return Err(too_large());
            }
            if self.0.send(BodyPiece::Bytes(piece)).await.is_err() {
                return Ok(()); // the reader has all that it needs, or reports its own failure
            }
        }
        _ = self.0.send(BodyPiece::End).await;
        Ok(())
    }
}

fn piece_length(piece: &Option<Result<Bytes, axum::Error>>) -> usize {
    piece.as_ref().and_then(|piece| piece.as_ref().ok()).map_or(0, Bytes::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn poured(body: Body, bytes_max: u64) -> (Result<(), u16>, io::Result<Vec<u8>>) {
        let (inlet, mut outlet) = body_pipe();
        let reading = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            outlet.read_to_end(&mut all).map(|_| all)
        });
        let too_large = || Problem::too_large("long");
        let poured = inlet.pour(body, bytes_max, Duration::from_secs(5), too_large).await;
        (poured.map_err(|problem| problem.status().as_u16()), reading.await.unwrap())
    }

    #[tokio::test]
    async fn what_is_poured_in_comes_out_to_its_end() {
        let (poured, read) = poured(Body::from("a,b\n1,2\n"), 100).await;
        assert_eq!((poured, read.unwrap()), (Ok(()), b"a,b\n1,2\n".to_vec()));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_or_is_too_long_has_no_end() {
        let broken = futures_util::stream::iter([Ok(Bytes::from("a,b\n")), Err(io::Error::other("cut"))]);
        let (poured_broken, read) = poured(Body::from_stream(broken), 100).await;
        assert_eq!(poured_broken, Err(400));
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let (poured_long, read) = poured(Body::from("123456"), 5).await;
        assert_eq!((poured_long, read.is_err()), (Err(413), true));
    }
}
