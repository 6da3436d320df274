//! `usher`: see `usher --help`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use usher::cli::{AdminCommand, Cli, Command, ConfigCommand};
use usher::operator::Ended;
use usher::serve::{self, Role};
use usher::{backup, config, operator, streams, token, up};

/// 0: done; 1: failed, with the reason on stderr; 2: not understood (from clap), or a plan says that something changes; 3 and 4:
/// as docs/leavers.md says.
fn main() -> ExitCode {
    let cli = Cli::parse();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        unreachable!("nothing before this line installs a TLS provider");
    }
    match run(&cli.command) {
        Ok(ended) => ended.into(),
        Err(error) => {
            eprintln!("usher: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<Ended> {
    match command {
        Command::Up(args) => done(up::run(args)),
        Command::Gateway(args) => done(serve::run(Role::Gateway, &args.config)),
        Command::Mapper(args) => done(serve::run(Role::Mapper, &args.config)),
        Command::Writer(args) => done(serve::run(Role::Writer, &args.config)),
        Command::Console(args) => done(serve::run(Role::Console, &args.config)),
        Command::Status(args) => wait_for(operator::status(args)),
        Command::Leavers(args) => wait_for(operator::leavers(args)),
        Command::Off(args) => wait_for(operator::order(lifecycle::AccessOrderKind::Off, args)),
        Command::Keep(args) => wait_for(operator::order(lifecycle::AccessOrderKind::Keep, args)),
        Command::Trace(args) => wait_for(operator::trace(args)),
        Command::Dead(command) => wait_for(operator::dead(command)),
        Command::Held(command) => wait_for(operator::held(command)),
        Command::Feed(command) => wait_for(operator::feed(command)),
        Command::Quarantine(command) => wait_for(operator::quarantine(command)),
        Command::People(command) => wait_for(operator::people(command)),
        Command::Schedule(command) => wait_for(operator::schedule(command)),
        Command::Outbox(command) => wait_for(operator::outbox(command)),
        Command::Conflicts(command) => wait_for(operator::conflicts(command)),
        Command::Target(command) => wait_for(operator::target(command)),
        Command::Reconcile(args) => wait_for(operator::reconcile(args)),
        Command::Verify(args) => wait_for(operator::verify(args)),
        Command::Policy(command) => operator::policy(command),
        Command::Plan(args) => wait_for(operator::plan(args)),
        Command::Apply(args) => wait_for(operator::apply(args)),
        Command::Export(args) => wait_for(operator::export(args)),
        Command::Versions(args) => wait_for(operator::versions(args)),
        Command::Rollback(args) => wait_for(operator::rollback(args)),
        Command::Provision(args) => wait_for(operator::provision(args)),
        Command::Config(ConfigCommand::Check { file }) => {
            println!("{}", config::check(file)?);
            Ok(Ended::Done)
        }
        Command::Backup(args) => wait_for(backup::take(args)),
        Command::Restore(args) => wait_for(backup::restore(args)),
        Command::Admin(AdminCommand::Restored(args)) => wait_for(backup::mark_restored(args)),
        Command::Admin(AdminCommand::Streams(args)) => done(streams::run(&args.config, args.watch)),
        Command::Healthcheck(args) => wait_for(operator::healthcheck(&args.admin)),
        Command::Token(args) => {
            print!("{}", token::lines_for(&args.name, &token::random_token()));
            Ok(Ended::Done)
        }
    }
}

fn done(result: anyhow::Result<()>) -> anyhow::Result<Ended> {
    result.map(|()| Ended::Done)
}

/// Operator commands do one thing at a time.
fn wait_for(work: impl Future<Output = anyhow::Result<Ended>>) -> anyhow::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the async runtime")?.block_on(work)
}
