//! Runs `usher login` and `usher context`.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use super::access::check_transport;
use super::client::OperatorClient;
use super::contexts::{BoundToken, ConsoleAddress, ConsoleContext, ContextFile};
use super::{CommandEnd, print_text};
use crate::cli::{ContextCommand, LoginArgs};
use crate::render::table::TextTable;

/// Runs `usher login`: checks a token at the console that it is for, and stores both.
///
/// # Errors
/// Returns an error if the console does not accept the token, or if the file cannot be written.
pub async fn run_login(args: &LoginArgs) -> anyhow::Result<CommandEnd> {
    let console: ConsoleAddress = args.console.parse()?;
    let unchecked =
        ConsoleContext { console, token: BoundToken(String::new()), insecure_http: args.insecure_http };
    check_transport(&unchecked)?; // before a person types the token
    let token = match std::env::var("USHER_TOKEN") {
        Ok(token) => token,
        Err(_) => read_token(&unchecked.console)?,
    };
    log_in(args.name.clone(), ConsoleContext { token: BoundToken(token), ..unchecked }, &contexts_path()?)
        .await
}

/// Checks the token of `context`, and stores it as the current one.
pub(super) async fn log_in(
    name: Option<String>,
    context: ConsoleContext,
    path: &std::path::Path,
) -> anyhow::Result<CommandEnd> {
    OperatorClient::with_access(&context)?.get(&["status"], &[]).await?;
    let mut file = ContextFile::read(path)?;
    let name = name.unwrap_or_else(|| context.console.host_and_port());
    let text = format!(
        "commands now speak to {} (context {name}); its token is in {}\n",
        context.console,
        path.display()
    );
    file.current = Some(name.clone());
    file.contexts.insert(name, context);
    file.write(path)?;
    print_text(&text)
}

/// Runs `usher context`.
///
/// # Errors
/// Returns an error if there is no such context, or if the file cannot be read or written.
pub fn run_context(command: &ContextCommand) -> anyhow::Result<CommandEnd> {
    let path = contexts_path()?;
    let mut file = ContextFile::read(&path)?;
    match command {
        ContextCommand::Ls => return print_text(&render_contexts(&file)),
        ContextCommand::Use { name } => {
            file.named(name)?;
            file.current = Some(name.clone());
        }
        ContextCommand::Rm { name } => {
            file.named(name)?;
            file.contexts.remove(name);
            file.current.take_if(|current| current == name);
        }
    }
    file.write(&path)?;
    print_text(&render_contexts(&file))
}

fn render_contexts(file: &ContextFile) -> String {
    if file.contexts.is_empty() {
        return "no contexts; `usher login --console URL` adds one\n".to_owned();
    }
    let mut table = TextTable::new(["CURRENT", "NAME", "CONSOLE", "NOTE"]);
    for (name, context) in &file.contexts {
        let current = if file.current.as_ref() == Some(name) { "*" } else { "" };
        let note =
            if context.console.is_exposed() { "plain HTTP: the token can be read in transit" } else { "" };
        table.row([current, name.as_str(), &context.console.to_string(), note]);
    }
    table.render()
}

fn contexts_path() -> anyhow::Result<PathBuf> {
    ContextFile::user_path().context("there is no folder for contexts: set HOME or XDG_CONFIG_HOME")
}

/// Reads a token from standard input; a terminal does not show it.
fn read_token(console: &ConsoleAddress) -> anyhow::Result<String> {
    let input = std::io::stdin();
    let hidden = if input.is_terminal() {
        eprint!("operator token for {console}: ");
        HiddenInput::begin()
    } else {
        None
    };
    let mut line = String::new();
    let read = input.lock().read_line(&mut line);
    if hidden.is_some() {
        eprintln!();
    }
    read.context("cannot read the token")?;
    ensure!(!line.trim().is_empty(), "no token was given: write it to standard input");
    Ok(line.trim().to_owned())
}

/// A terminal that does not show what is typed, until this value is dropped.
struct HiddenInput(Termios);

impl HiddenInput {
    fn begin() -> Option<Self> {
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, &hidden).ok()?;
        Some(Self(before))
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.0);
    }
}
