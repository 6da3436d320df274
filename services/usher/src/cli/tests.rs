use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<UsherCli, clap::Error> {
    UsherCli::try_parse_from(std::iter::once("usher").chain(line.split_whitespace()))
}

#[test]
fn the_command_line_is_consistent() {
    UsherCli::command().debug_assert();
}

#[test]
fn a_replay_needs_ids_or_a_target_and_a_reason() {
    assert!(parse("dead replay ded_1 ded_2 --why fixed").is_ok());
    assert!(parse("dead replay --target zia --why fixed").is_ok());
    for line in ["dead replay --why x", "dead replay ded_1", "dead replay ded_1 --target t --why x"] {
        let error = parse(line).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict),
            "{line}: {error}"
        );
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn every_operator_command_prints_json_on_request() {
    let lines = ["status", "trace E-1", "dead ls", "dead show ded_1", "dead replay ded_1 --why x"];
    let more = [
        "dead discard ded_1 --why x",
        "plan -f a.yaml",
        "apply -f a.yaml --why x",
        "export zia",
        "versions zia",
        "rollback zia --why x",
        "provision E-1 --target zia",
        "feed ls --feed hr",
        "feed show run_1",
        "feed accept run_1 --why x",
        "feed reject run_1 --why x",
        "schedule ls --person E-1 --until 2026-07-01",
        "people ls --status linked --source directory",
        "people conflicts ls",
        "people join E-9 --into E-1 --leave-accounts --why x",
        "people conflicts resolve directory u-1 --same E-1 --why x",
        "schedule cancel sch_1 E-2 --why x",
        "leavers --overdue --target zia --since 2026-07-01",
        "off E-1 --why x --until 2026-07-01",
        "off ls",
        "keep lift E-1 --why x",
    ];
    for line in lines.into_iter().chain(more) {
        assert!(parse(&format!("{line} --json")).is_ok(), "{line}");
    }
}

#[test]
fn a_service_needs_its_configuration() {
    assert!(parse("writer --config usher.yaml").is_ok());
    if std::env::var_os("USHER_CONFIG").is_none() {
        assert_eq!(parse("writer").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
    }
}

#[test]
fn a_policy_is_put_in_force_with_a_file_and_a_reason() {
    assert!(parse("apply -f zia.yaml --why x --yes --allow-deletes 600 --no-wait").is_ok());
    assert!(parse("rollback zia --to 3 --why x --yes").is_ok());
    for line in ["apply -f zia.yaml", "apply --why x", "rollback zia", "rollback --why x"] {
        assert_eq!(parse(line).unwrap_err().kind(), ErrorKind::MissingRequiredArgument, "{line}");
    }
    for line in ["rollback zia --to 0 --why x", "apply -f z --why x --allow-deletes many"] {
        assert_eq!(parse(line).unwrap_err().kind(), ErrorKind::ValueValidation, "{line}");
    }
}

#[test]
fn a_plan_takes_several_files_and_at_most_ten_thousand_changes() {
    let UsherCommand::Plan(args) =
        parse("plan -f a.yaml --file b.yaml --person E-1 --changes 0").unwrap().command
    else {
        panic!("that was no plan")
    };
    assert_eq!((args.files.len(), args.person.as_deref(), args.changes), (2, Some("E-1"), 0));
    assert_eq!(parse("plan").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
    assert_eq!(parse("plan -f a --changes 10001").unwrap_err().kind(), ErrorKind::ValueValidation);
}

#[test]
fn the_version_of_an_export_is_the_policys() {
    let UsherCommand::Export(args) = parse("export zia --version 3").unwrap().command else {
        panic!("that was no export")
    };
    assert_eq!(args.version, Some(3));
    assert_eq!(parse("plan --version").unwrap_err().kind(), ErrorKind::DisplayVersion);
}

#[test]
fn provisioning_needs_a_target() {
    assert!(parse("provision E-1 --target zia --dry-run").is_ok());
    assert!(parse("provision anna@x.org --target zia --why ticket").is_ok());
    assert_eq!(parse("provision E-1").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
}

#[test]
fn policy_files_are_checked_several_at_a_time() {
    assert!(parse("policy check a.yaml b.yaml --json").is_ok());
    for line in [
        "policy eval",
        "policy schema",
        "policy import-entra s.json --target zia --out .",
        "policy import-entra s.json --assigned Staff --assigned Guests",
        "policy import-entra s.json --all --json",
        "policy export-entra z",
    ] {
        assert!(parse(line).is_ok(), "{line}");
    }
    assert_eq!(parse("policy check").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
}
