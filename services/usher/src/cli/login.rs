//! Arguments of `usher login` and `usher context`.

use clap::{Args, Subcommand};

/// Arguments of `usher login`.
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// Address of the console.
    #[arg(long, value_name = "URL", env = "USHER_CONSOLE_URL")]
    pub console: String,
    /// Name of the context; defaults to the host of the address.
    #[arg(long)]
    pub name: Option<String>,
    /// Let this context send the token over plain HTTP to another machine. Everybody on the way can read it.
    #[arg(long)]
    pub insecure_http: bool,
}

/// Subcommands of `usher context`.
#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// List the contexts.
    Ls,
    /// Choose the context of commands that name no console.
    Use {
        /// Name of the context.
        name: String,
    },
    /// Remove a context with its token.
    Rm {
        /// Name of the context.
        name: String,
    },
}
