//! Whether the server says that it is healthy.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_secs(3);
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// A server that reads back a large store is not healthy for a while; one whose disk was full, for ever.
const UNHEALTHY_MAX: Duration = Duration::from_secs(15);
/// What the server says of a stream that it stores nothing in any more until it is started again.
const WRITE_ERROR: &str = "write error";
/// With less room than this on its disk, starting it again would not help.
const ROOM_MIN_BYTES: u64 = 16 << 20;

/// Asks the server's monitoring port now and again.
pub(super) struct ServerHealth {
    address: SocketAddr,
    folder: PathBuf,
    looked: Instant,
    unhealthy_since: Option<Instant>,
    /// It was healthy once since it was started.
    was_healthy: bool,
    /// It was said that there is no room.
    said_full: bool,
}

impl ServerHealth {
    pub(super) fn new(port: u16, folder: &Path) -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            folder: folder.to_owned(),
            looked: Instant::now(),
            unhealthy_since: None,
            was_healthy: false,
            said_full: false,
        }
    }

    /// What the server says of itself, once it has said for long that it is not healthy and starting it again can help.
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
        let why = answer.ok()?.lines().last().unwrap_or_default().to_owned();
        let is_for_ever = self.was_healthy || why.contains(WRITE_ERROR);
        if !is_for_ever || since.elapsed() < UNHEALTHY_MAX || self.is_full(&why) {
            return None;
        }
        self.unhealthy_since = None;
        Some(why)
    }

    /// Whether its disk has no room; said once. Where that cannot be seen, it has.
    fn is_full(&mut self, why: &str) -> bool {
        let room = room(&self.folder);
        let is_full = room.is_some_and(|bytes| bytes < ROOM_MIN_BYTES);
        if is_full && !self.said_full {
            let folder = self.folder.display();
            tracing::error!(%folder, room, %why, "the disk is full: nats-server is restarted once there is room");
        }
        self.said_full = is_full;
        is_full
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

/// Bytes that can be written on the disk of the folder.
#[cfg_attr(
    target_os = "linux",
    expect(clippy::useless_conversion, reason = "other systems count in smaller numbers")
)]
fn room(folder: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    let (blocks, size): (u64, u64) = (disk.blocks_available().into(), disk.fragment_size().into());
    Some(blocks.saturating_mul(size))
}
