//! How far something is, in one line on stderr that is written over; nothing when stderr is no terminal.

use std::io::{IsTerminal as _, Write as _};

/// One line of progress. It is wiped out when this is dropped.
#[derive(Debug)]
pub(super) struct TerminalProgress {
    terminal: bool,
}

impl TerminalProgress {
    pub(super) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal() }
    }

    pub(super) fn show(&self, text: &str) {
        if self.terminal {
            let mut stderr = std::io::stderr();
            // Progress that cannot be shown is no reason to stop.
            let _ = write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush());
        }
    }
}

impl Drop for TerminalProgress {
    fn drop(&mut self) {
        self.show("");
    }
}
