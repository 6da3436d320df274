//! The `usher` binary: see `usher --help`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use usher::cli::{AdminCommand, ConfigCommand, UsherCli, UsherCommand};
use usher::operator::CommandEnd;
use usher::serve::{self, ServiceRole};
use usher::{backup, broker_users, config, operator, private_file, render, streams, token, up};

/// Exit codes: 0: done; 1: failed, with the reason on stderr; 2: a usage error (from clap), or a plan with changes; 3 and 4: as
/// in docs/leavers.md.
fn main() -> ExitCode {
    private_file::set_private_umask();
    let cli = UsherCli::parse();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        unreachable!("nothing before this line installs a TLS provider");
    }
    match run_command(&cli.command) {
        Ok(ended) => ended.into(),
        Err(error) => {
            eprintln!("usher: {}", render::clean_lines(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn run_command(command: &UsherCommand) -> anyhow::Result<CommandEnd> {
    match command {
        UsherCommand::Up(args) => exit_done(up::run_up(args)),
        UsherCommand::Gateway(args) => exit_done(serve::run_service(ServiceRole::Gateway, &args.config)),
        UsherCommand::Mapper(args) => exit_done(serve::run_service(ServiceRole::Mapper, &args.config)),
        UsherCommand::Writer(args) => exit_done(serve::run_service(ServiceRole::Writer, &args.config)),
        UsherCommand::Console(args) => exit_done(serve::run_service(ServiceRole::Console, &args.config)),
        UsherCommand::Status(args) => wait_for(operator::run_status(args)),
        UsherCommand::Leavers(args) => wait_for(operator::run_leavers(args)),
        UsherCommand::Off(args) => wait_for(operator::run_order(lifecycle::AccessOrderKind::Off, args)),
        UsherCommand::Keep(args) => wait_for(operator::run_order(lifecycle::AccessOrderKind::Keep, args)),
        UsherCommand::Trace(args) => wait_for(operator::run_trace(args)),
        UsherCommand::Dead(command) => wait_for(operator::run_dead(command)),
        UsherCommand::Held(command) => wait_for(operator::run_held(command)),
        UsherCommand::Feed(command) => wait_for(operator::run_feed(command)),
        UsherCommand::Quarantine(command) => wait_for(operator::run_quarantine(command)),
        UsherCommand::People(command) => wait_for(operator::run_people(command)),
        UsherCommand::Schedule(command) => wait_for(operator::run_schedule(command)),
        UsherCommand::Outbox(command) => wait_for(operator::run_outbox(command)),
        UsherCommand::Conflicts(command) => wait_for(operator::run_conflicts(command)),
        UsherCommand::Target(command) => wait_for(operator::run_target(command)),
        UsherCommand::Reconcile(args) => wait_for(operator::run_reconcile(args)),
        UsherCommand::Verify(args) => wait_for(operator::run_verify(args)),
        UsherCommand::Policy(command) => operator::run_policy(command),
        UsherCommand::Plan(args) => wait_for(operator::run_plan(args)),
        UsherCommand::Apply(args) => wait_for(operator::apply_policies(args)),
        UsherCommand::Export(args) => wait_for(operator::export_policy(args)),
        UsherCommand::Versions(args) => wait_for(operator::list_versions(args)),
        UsherCommand::Rollback(args) => wait_for(operator::rollback_policy(args)),
        UsherCommand::Provision(args) => wait_for(operator::run_provision(args)),
        UsherCommand::Login(args) => wait_for(operator::run_login(args)),
        UsherCommand::Context(command) => operator::run_context(command),
        UsherCommand::Config(ConfigCommand::Check { file }) => {
            println!("{}", render::clean_lines(&config::check_config(file)?.to_string()));
            Ok(CommandEnd::Done)
        }
        UsherCommand::Backup(args) => wait_for(backup::take_backup(args)),
        UsherCommand::Restore(args) => wait_for(backup::restore_backup(args)),
        UsherCommand::Admin(AdminCommand::Restored(args)) => wait_for(backup::mark_restored(args)),
        UsherCommand::Admin(AdminCommand::Nats(args)) => {
            print!("{}", broker_users::write_users(args)?);
            Ok(CommandEnd::Done)
        }
        UsherCommand::Admin(AdminCommand::Streams(args)) => {
            exit_done(streams::run_streams(&args.config, args.watch))
        }
        UsherCommand::Healthcheck(args) => wait_for(operator::run_healthcheck(&args.admin)),
        UsherCommand::Token(args) => {
            print!("{}", token::lines_for(&args.name, &token::random_token()));
            Ok(CommandEnd::Done)
        }
    }
}

fn exit_done(result: anyhow::Result<()>) -> anyhow::Result<CommandEnd> {
    result.map(|()| CommandEnd::Done)
}

/// Runs an operator command on a single-threaded runtime, because it does one thing at a time.
fn wait_for(work: impl Future<Output = anyhow::Result<CommandEnd>>) -> anyhow::Result<CommandEnd> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the async runtime")?.block_on(work)
}
