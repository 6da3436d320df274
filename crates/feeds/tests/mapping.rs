//! The statements that a mapping makes of rows, and its errors.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use feeds::{CsvOptions, CsvReader, FeedMapping, RowError, RowState, RowStatements, RowTally};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::{date, datetime};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn mapping(yaml: &str) -> FeedMapping {
    serde_saphyr::from_str(yaml).unwrap()
}

fn say(yaml: &str, text: &str) -> Vec<Result<RowStatements, RowError>> {
    let compiled = mapping(yaml).compile().unwrap();
    let csv = CsvReader::open(text.as_bytes(), &CsvOptions::default()).unwrap();
    let bound = compiled.bind(csv.header()).unwrap();
    csv.map(|row| row.and_then(|row| bound.read(&row, NOW))).collect()
}

fn one(yaml: &str, text: &str) -> RowStatements {
    let mut rows = say(yaml, text);
    assert_eq!(rows.len(), 1);
    rows.remove(0).unwrap()
}

fn error(yaml: &str, text: &str) -> RowError {
    let mut rows = say(yaml, text);
    assert_eq!(rows.len(), 1);
    rows.remove(0).unwrap_err()
}

fn attributes(said: &RowStatements) -> Value {
    serde_json::to_value(&said.attributes).unwrap()
}

fn compile_faults(yaml: &str) -> String {
    mapping(yaml).compile().unwrap_err().to_string()
}

#[test]
fn without_attributes_each_column_is_one() {
    let said = one("key: Employee ID", "Employee ID,Given Name,mail\n worker/E-1 ,Ada ,\n");
    assert_eq!((said.key.as_str(), said.state, said.effective_at), ("E-1", RowState::Upsert, None));
    assert_eq!(attributes(&said), json!({"Employee ID": " worker/E-1 ", "Given Name": "Ada ", "mail": null}));
}

#[test]
fn expressions_look_at_columns() {
    let yaml = r#"
key: [Company, ID]
attributes:
  displayName: 'Join(" ", [Given Name], [Surname])'
  mail: '[E-Mail]'
  boss: 'IIF([Boss] = "", IgnoreAttributeFlow, [Boss])'
  full: 'CBool([FTE] = "100")'
  since: 'CDate([Since])'
  groups: 'Split([Groups], ",")'
active: 'CBool([Status] = "Active")'
effective_at: 'FormatDateTime([Since], , "dd.MM.yyyy", "yyyy-MM-dd")'
"#;
    let yaml = yaml.replace("'CDate([Since])'", "'CDate([US])'");
    let header = "Company;ID;Given Name;Surname;E-Mail;Boss;FTE;Since;US;Groups;Status\n";
    let said = one(&yaml, &format!("{header}01;E-1;Ada;Byron;;;100;16.03.2020;3/16/2020;a,b;Active\n"));
    assert_eq!((said.key.as_str(), said.state), ("01:E-1", RowState::Upsert));
    assert_eq!(said.effective_at, Some(readings::ReadDate::Day(date!(2020 - 03 - 16))));
    let expected = json!({"displayName": "Ada Byron", "mail": null, "full": true, "groups": ["a", "b"],
        "since": "2020-03-16T00:00:00Z"});
    assert_eq!(attributes(&said), expected);
}

#[test]
fn a_leaver_is_not_missed_because_of_the_rest_of_the_row() {
    let yaml = r#"
key: ID
attributes: { name: '[Name]', mail: 'Error("no mail")', boss: '[Boss]' }
active: '[Active]'
"#;
    let said = one(yaml, "ID,Name,Boss,Active\nE-1,Ada,,False\n");
    assert_eq!((said.state, attributes(&said)), (RowState::Inactive, json!({"name": "Ada"})));
    assert_eq!(
        error(yaml, "ID,Name,Boss,Active\nE-1,Ada,,1\n").what,
        "`attributes.mail` could not be computed: no mail"
    );
}

#[test]
fn operations_are_words_in_any_case() {
    let yaml = "{ key: ID, operation: { column: Op, upsert: [A, ''], deleted: [Löschen] } }";
    let text = "ID,Op,Name\n1, a ,x\n2,LEFT,\n3,löschen,x\n4,,x\n5,LÖSCHEN,x\n";
    let said: Vec<RowStatements> = say(yaml, text).into_iter().map(Result::unwrap).collect();
    use RowState::{Deleted, Left, Upsert};
    assert_eq!(
        said.iter().map(|said| said.state).collect::<Vec<_>>(),
        [Upsert, Left, Deleted, Upsert, Deleted]
    );
    assert_eq!(attributes(&said[1]), json!({"ID": "2", "Op": "LEFT"}));
    assert_eq!(attributes(&said[2]), json!({}));
    let defaults = "{ key: ID, operation: { column: Op }, active: '[Active]' }";
    let said = say(defaults, "ID,Op,Active\n1,Upsert,true\n2,update,0\n3,Terminated,true\n4,DELETE,\n");
    let states: Vec<RowState> = said.into_iter().map(|said| said.unwrap().state).collect();
    assert_eq!(states, [Upsert, RowState::Inactive, Left, Deleted]);
}

#[test]
fn a_row_that_says_nothing_keeps_its_person_present() {
    let yaml = r#"{ key: ID, attributes: { name: 'IIF([Type] = "Guest", IgnoreObjectFlow, [Name])' } }"#;
    let said = one(yaml, "ID,Type,Name\nE-1,Guest,Ada\n");
    assert_eq!((said.key.as_str(), said.state, attributes(&said)), ("E-1", RowState::Ignored, json!({})));
}

#[test]
fn now_is_the_time_that_is_passed_in() {
    let yaml = r#"{ key: ID, active: 'CBool([End] > Now())' }"#;
    assert_eq!(one(yaml, "ID,End\n1,2026-03-02\n").state, RowState::Upsert);
    assert_eq!(one(yaml, "ID,End\n1,2026-03-01\n").state, RowState::Inactive);
}

#[test]
fn each_row_error_names_line_and_column_and_no_value() {
    let long = "k".repeat(513);
    let table: [(&str, String, Option<&str>, &str); 13] = [
        ("key: ID", "ID,x\n ,1\n".into(), Some("ID"), "the key is empty"),
        ("key: ID", format!("ID,x\n{long},1\n"), Some("ID"), "the key has more than 512 characters"),
        ("key: ID", "ID,x\n\"SECRET\n1\",1\n".into(), Some("ID"), "the key has a line break"),
        ("key: [ID, x]", "ID,x\nSECRET:1,1\n".into(), Some("ID"), "the separator `:` in it"),
        ("key: [ID, x]", "ID,x\nSECRET,\n".into(), Some("x"), "the key is empty"),
        (
            "{ key: ID, active: '[x]' }",
            "ID,x\n1,SECRET\n".into(),
            Some("x"),
            "`active` gave no status that is known",
        ),
        (
            "{ key: ID, active: 'CBool([x])' }",
            "ID,x\n1,Yes\n".into(),
            Some("x"),
            "`active` could not be computed: this is neither true nor false",
        ),
        (
            "{ key: ID, active: '[x]' }",
            "ID,x\n1,\n".into(),
            Some("x"),
            "`active` gave no status that is known",
        ),
        (
            "{ key: ID, operation: { column: x } }",
            "ID,x\n1,SECRET\n".into(),
            Some("x"),
            "the operation is unknown",
        ),
        ("{ key: ID, effective_at: '[x]' }", "ID,x\n1,SECRET\n".into(), Some("x"), "gave no date"),
        ("{ key: ID, effective_at: '[x]' }", "ID,x\n1,1899-12-31\n".into(), Some("x"), "gave no date"),
        (
            "{ key: ID, attributes: { a: 'Error(\"no \" & [x] & [ID])' } }",
            "ID,x\n1,SECRET\n".into(),
            None,
            "`attributes.a` could not be computed: its own `Error` says so",
        ),
        (
            "{ key: ID, attributes: { a: 'CDate([x])' } }",
            "ID,x\n1,SECRET\n".into(),
            Some("x"),
            "this is not a date",
        ),
    ];
    for (yaml, text, column, expected) in table {
        let error = error(yaml, &text);
        assert!(error.what.contains(expected), "{error}");
        assert_eq!((error.line, error.column.as_deref()), (2, column), "{error}");
        assert!(!error.to_string().contains("SECRET") && !error.fix.is_empty(), "{error}");
    }
}

#[test]
fn what_a_row_becomes_is_bounded() {
    let long = "y".repeat(60_000);
    let all: Vec<String> = (0..20).map(|n| format!("a{n}: '[x]'")).collect();
    let yaml = format!("{{ key: ID, attributes: {{ {} }} }}", all.join(", "));
    assert!(error(&yaml, &format!("ID,x\n1,{long}\n")).what.contains("more than 1048576 bytes"));
}

#[test]
fn all_that_is_wrong_with_a_mapping_is_told_at_once() {
    let table = [
        ("key: []", "key: a column of the key has no name"),
        ("key: [a, ' a']", "key: names a column twice"),
        ("{ key: [a, b], key_separator: '' }", "nothing separates the parts"),
        ("{ key: a, attributes: { ' b': '[b]' } }", "has blanks around it"),
        ("{ key: a, attributes: { b: 'Jion([b])' } }", "attributes.b: "),
        ("{ key: a, active: '[b' }", "active: this attribute has no closing bracket"),
        ("{ key: a, active: '[b] = 1' }", "active: "),
        ("{ key: a, effective_at: 'Count([b]' }", "effective_at: "),
        ("{ key: a, attributes: { b: 'Guid()' } }", "does not give the same value"),
        ("{ key: a, operation: { column: b, left: [x], deleted: [X] } }", "`X` means two things"),
        ("{ key: a, operation: { column: b, upsert: [], left: [], deleted: [] } }", "no word means anything"),
    ];
    for (yaml, expected) in table {
        let said = compile_faults(yaml);
        assert!(said.contains(expected), "{said}");
    }
    let two = mapping("{ key: [], active: '[b' }").compile().unwrap_err();
    assert_eq!(two.faults.len(), 2);
    for wrong in
        ["{}", "key: { a: b }", "{ key: a, keys: b }", "{ key: a, operation: { column: b, hired: [x] } }"]
    {
        assert!(serde_saphyr::from_str::<FeedMapping>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn columns_that_the_file_does_not_have_are_told_with_those_it_has() {
    let compiled =
        mapping("{ key: id, attributes: { a: '[Nmae]' }, operation: { column: Op } }").compile().unwrap();
    let csv = CsvReader::open(&b"ID,Name\n"[..], &CsvOptions::default()).unwrap();
    let error = compiled.bind(csv.header()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "key: the file has no column `id`: write `ID`; \
         operation: the file has no column `Op`: the file has `ID`, `Name`; \
         attributes.a: the file has no column `Nmae`: the file has `ID`, `Name`"
    );
}

#[test]
fn a_row_of_another_file_is_refused() {
    let compiled = mapping("key: ID").compile().unwrap();
    let csv = CsvReader::open(&b"ID,x\n"[..], &CsvOptions::default()).unwrap();
    let bound = compiled.bind(csv.header()).unwrap();
    let mut other = CsvReader::open(&b"x,ID\n1,2\n"[..], &CsvOptions::default()).unwrap();
    let mut same = CsvReader::open(&b"ID,x\n1,2\n"[..], &CsvOptions::default()).unwrap();
    assert!(bound.read(&other.next().unwrap().unwrap(), NOW).is_err());
    assert!(bound.read(&same.next().unwrap().unwrap(), NOW).is_ok());
}

#[test]
fn a_mapping_is_the_same_after_yaml() {
    let all = mapping("{ key: [a, b], active: '[c]', operation: { column: d }, attributes: { x: '[e]' } }");
    let yaml = serde_saphyr::to_string(&all).unwrap();
    assert_eq!(mapping(&yaml), all);
}

#[test]
fn a_tally_counts_what_the_guard_judges() {
    let compiled = mapping("key: ID").compile().unwrap();
    let mut csv = CsvReader::open(&b"ID,x\n1,a\n1,b\n2\n3,c\n"[..], &CsvOptions::default()).unwrap();
    let bound = compiled.bind(&csv.header().clone()).unwrap();
    let mut tally = RowTally::default();
    let first: Vec<bool> =
        csv.by_ref().map(|row| tally.count(&row.and_then(|row| bound.read(&row, NOW)))).collect();
    assert_eq!(first, [true, false, false, true]);
    let end = csv.finish();
    let seen = tally.seen(&end, Some("00"));
    assert_eq!((seen.rows, seen.bad_rows, seen.keys_distinct), (4, 1, 2));
    assert_eq!((seen.complete, seen.trailer_count, seen.checksum_ok), (true, None, Some(false)));
    assert_eq!(tally.seen(&end, None).checksum_ok, None);
    assert!(!RowTally::default().seen(&end, None).complete, "rows were passed over");
}

#[test]
fn a_status_outweighs_a_date_that_cannot_be_read_and_no_date_is_not_now() {
    let yaml = "{ key: ID, active: '[Status]', effective_at: '[Day]', dates: { forms: [day_month_year] }, words: { ended: [T] } }";
    let of = |status: &str, day: &str| one(yaml, &format!("ID,Status,Day\nE-1,{status},{day}\n"));
    for (status, state) in [
        ("Active", RowState::Upsert),
        ("on leave", RowState::Upsert),
        ("pending", RowState::PreHire),
        ("t", RowState::Inactive),
    ] {
        let said = of(status, "31.12.2026");
        assert_eq!(
            (said.state, said.effective_at),
            (state, Some(readings::ReadDate::Day(date!(2026 - 12 - 31))))
        );
    }
    for day in ["soon", "9999-12-31", "12/31/2026"] {
        let said = of("T", day);
        assert_eq!(
            (said.state, said.effective_at, said.unread.len()),
            (RowState::Inactive, None, 1),
            "{day}"
        );
        assert!(error(yaml, &format!("ID,Status,Day\nE-1,Active,{day}\n")).what.contains("no date"), "{day}");
    }
    let notice = "{ key: ID, operation: { column: Op }, effective_at: '[Day]' }";
    let said = one(notice, "ID,Op,Day\nE-1,left,9999-12-31\n");
    assert_eq!((said.state, said.unread.len()), (RowState::Ignored, 1), "a departure on no day is none");
    assert_eq!(one(notice, "ID,Op,Day\nE-1,left,\n").state, RowState::Left, "an empty cell is now");
}
