//! A progress line on stderr that is overwritten in place; nothing is printed if stderr is not a terminal.

use std::io::{IsTerminal as _, Write as _};

/// A progress line. It is erased on drop.
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
            // A failed write of progress does not stop the command.
            let _ = write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush());
        }
    }
}

impl Drop for TerminalProgress {
    fn drop(&mut self) {
        self.show("");
    }
}
