//! Health checks of the server.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_secs(3);
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Maximum time unhealthy. A server that reads back a large store is unhealthy for a while; one whose disk was full, forever.
const UNHEALTHY_MAX: Duration = Duration::from_secs(15);
/// The server's error for a stream that stores nothing until the server is restarted.
const WRITE_ERROR: &str = "write error";
/// Minimum free disk space, in bytes, for a restart to help.
const ROOM_MIN_BYTES: u64 = 16 << 20;

/// Checks the server's monitoring port periodically.
pub(super) struct ServerHealth {
    address: SocketAddr,
    folder: PathBuf,
    looked: Instant,
    unhealthy_since: Option<Instant>,
    /// `true` if the server was healthy since its start.
    was_healthy: bool,
    /// `true` if the lack of disk space was already logged.
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

    /// Returns the server's health error if it has lasted for a long time and a restart can help.
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

    /// Returns whether its disk has no space, and logs that once. If the space cannot be read, the disk is not full.
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

    /// Requests the health over HTTP/1.0, so that the answer ends with the connection.
    fn ask(&self) -> io::Result<String> {
        let mut connection = TcpStream::connect_timeout(&self.address, ANSWER_MAX)?;
        connection.set_read_timeout(Some(ANSWER_MAX))?;
        connection.write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        connection.take(64 * 1_024).read_to_string(&mut answer)?;
        Ok(answer)
    }
}

/// Returns the bytes that can be written on the disk of the folder.
#[cfg_attr(
    target_os = "linux",
    expect(clippy::useless_conversion, reason = "other systems count in smaller numbers")
)]
fn room(folder: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    let (blocks, size): (u64, u64) = (disk.blocks_available().into(), disk.fragment_size().into());
    Some(blocks.saturating_mul(size))
}
