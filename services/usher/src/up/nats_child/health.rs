//! Whether the server says that it is healthy.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_secs(3);
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// A server that reads back a large store is not healthy for a while; one whose disk was full, for ever.
const UNHEALTHY_MAX: Duration = Duration::from_secs(15);

/// Asks the server's monitoring port now and again.
pub(super) struct Health {
    address: SocketAddr,
    looked: Instant,
    unhealthy_since: Option<Instant>,
    /// It was healthy once since it was started.
    was_healthy: bool,
}

impl Health {
    pub(super) fn new(port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { address, looked: Instant::now(), unhealthy_since: None, was_healthy: false }
    }

    /// What the server says of itself, once it has said for long that it is not healthy.
    pub(super) fn look(&mut self) -> Option<String> {
        if self.looked.elapsed() < LOOK_EVERY {
            return None;
        }
        self.looked = Instant::now();
        let answer = self.ask();
        let is_unhealthy = answer.as_ref().is_ok_and(|answer| !answer.starts_with("HTTP/1.0 200"));
        if !is_unhealthy {
            // A server that does not answer may be busy, or paused.
            self.was_healthy |= answer.is_ok();
            self.unhealthy_since = None;
            return None;
        }
        let since = *self.unhealthy_since.get_or_insert_with(Instant::now);
        if !self.was_healthy || since.elapsed() < UNHEALTHY_MAX {
            return None;
        }
        self.unhealthy_since = None;
        answer.ok().map(|answer| answer.lines().last().unwrap_or_default().to_owned())
    }

    /// HTTP/1.0, so that the answer ends where the connection does.
    fn ask(&self) -> io::Result<String> {
        let mut connection = TcpStream::connect_timeout(&self.address, ANSWER_MAX)?;
        connection.set_read_timeout(Some(ANSWER_MAX))?;
        connection.write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        connection.take(64 * 1_024).read_to_string(&mut answer)?;
        Ok(answer)
    }
}
