//! Decides to which console a command speaks, and with which token.
//!
//! A token is sent to the address that it was made for and to no other, and never over plain HTTP to another machine unless the
//! operator says so.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::contexts::{BoundToken, ConsoleAddress, ConsoleContext, ContextFile};
use crate::cli::{DATA_FOLDER, OperatorArgs};
use crate::data_folder::{RunFile, TOKEN_BYTES_MAX, operator_token_file};
use crate::private_file::read_private;

/// The parts of the user's environment that name tokens.
#[derive(Debug, Default)]
pub(super) struct AccessEnvironment {
    /// `USHER_TOKEN`.
    pub(super) token: Option<BoundToken>,
    /// Path of the file with contexts.
    pub(super) contexts: Option<PathBuf>,
}

impl AccessEnvironment {
    /// Returns that of this process.
    pub(super) fn of_process() -> Self {
        Self { token: std::env::var("USHER_TOKEN").ok().map(BoundToken), contexts: ContextFile::user_path() }
    }

    fn read_contexts(&self) -> anyhow::Result<ContextFile> {
        self.contexts.as_deref().map_or_else(|| Ok(ContextFile::default()), ContextFile::read)
    }
}

/// Returns the console of a command with the token for it.
pub(super) fn resolve_access(
    args: &OperatorArgs,
    environment: &AccessEnvironment,
) -> anyhow::Result<ConsoleContext> {
    let mut access = find_access(args, environment)?;
    access.insecure_http |= args.insecure_http;
    check_transport(&access)?;
    Ok(access)
}

/// Refuses to send a token over plain HTTP to another machine.
pub(super) fn check_transport(access: &ConsoleContext) -> anyhow::Result<()> {
    if access.console.is_exposed() && !access.insecure_http {
        bail!(
            "{} is plain HTTP to another machine, which would show the token to everybody on the way: use https://, or a \
             tunnel (`ssh -L 8081:127.0.0.1:8081 HOST`, then http://127.0.0.1:8081), or add --insecure-http",
            access.console
        );
    }
    Ok(())
}

fn find_access(args: &OperatorArgs, environment: &AccessEnvironment) -> anyhow::Result<ConsoleContext> {
    let data = args.data.as_deref();
    match (&args.console, &args.context) {
        (Some(_), Some(_)) => bail!(
            "name either a console or a context (--console, USHER_CONSOLE_URL; --context, USHER_CONTEXT)"
        ),
        (None, Some(name)) => environment.read_contexts()?.named(name).cloned(),
        (Some(console), None) => {
            let console: ConsoleAddress = console.parse()?;
            match &environment.token {
                Some(token) => Ok(ConsoleContext { console, token: token.clone(), insecure_http: false }),
                None => find_token(console, data, environment),
            }
        }
        (None, None) if environment.token.is_some() => bail!(
            "USHER_TOKEN is set, but not the console that it is for: name it with --console or USHER_CONSOLE_URL, or unset \
             USHER_TOKEN"
        ),
        (None, None) => find_default(data, environment),
    }
}

/// Returns the context for an address: the running `usher up`, if that is its console, or the one that was stored.
fn find_token(
    console: ConsoleAddress,
    data: Option<&Path>,
    environment: &AccessEnvironment,
) -> anyhow::Result<ConsoleContext> {
    let folder = data.unwrap_or(Path::new(DATA_FOLDER));
    if local_console(folder).is_ok_and(|local| local == console) {
        return local_access(folder);
    }
    environment.read_contexts()?.of_address(&console).cloned().with_context(|| {
        let mut text = format!(
            "there is no token for {console}: run `usher login --console {console}`, or set USHER_TOKEN"
        );
        if let Ok(local) = local_console(folder) {
            text.push_str(&format!(" (the token in {} is for {local} only)", folder.display()));
        }
        text
    })
}

/// Returns the context of a command that names no console.
fn find_default(data: Option<&Path>, environment: &AccessEnvironment) -> anyhow::Result<ConsoleContext> {
    if let Some(folder) = data {
        return local_access(folder);
    }
    let contexts = environment.read_contexts()?;
    match &contexts.current {
        Some(name) => contexts.named(name).cloned(),
        None => local_access(Path::new(DATA_FOLDER)),
    }
}

/// Returns the console of the `usher up` that runs in `folder`.
fn local_console(folder: &Path) -> anyhow::Result<ConsoleAddress> {
    Ok(RunFile::read(folder)?.console.parse::<ConsoleAddress>()?.into_reachable())
}

fn local_access(folder: &Path) -> anyhow::Result<ConsoleContext> {
    let console = local_console(folder)?;
    let path = operator_token_file(folder);
    let text =
        read_private(&path, TOKEN_BYTES_MAX).with_context(|| format!("cannot use {}", path.display()))?;
    Ok(ConsoleContext { console, token: BoundToken(text.trim().to_owned()), insecure_http: false })
}

#[cfg(test)]
mod tests;
