//! `usher`: see `usher --help`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use usher::cli::{Cli, Command, ConfigCommand};
use usher::serve::{self, Role};
use usher::{config, operator, token, up};

/// 0: done; 1: failed, with the reason on stderr; 2: not understood (from clap).
fn main() -> ExitCode {
    let cli = Cli::parse();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        unreachable!("nothing before this line installs a TLS provider");
    }
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("usher: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Up(args) => up::run(args),
        Command::Gateway(args) => serve::run(Role::Gateway, &args.config),
        Command::Mapper(args) => serve::run(Role::Mapper, &args.config),
        Command::Writer(args) => serve::run(Role::Writer, &args.config),
        Command::Console(args) => serve::run(Role::Console, &args.config),
        Command::Status(args) => wait_for(operator::status(args)),
        Command::Trace(args) => wait_for(operator::trace(args)),
        Command::Dead(command) => wait_for(operator::dead(command)),
        Command::Config(ConfigCommand::Check { file }) => {
            println!("{}", config::check(file)?);
            Ok(())
        }
        Command::Healthcheck(args) => wait_for(operator::healthcheck(&args.admin)),
        Command::Token(args) => {
            print!("{}", token::lines_for(&args.name, &token::random_token()));
            Ok(())
        }
    }
}

/// Operator commands do one thing at a time.
fn wait_for(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the async runtime")?.block_on(work)
}
