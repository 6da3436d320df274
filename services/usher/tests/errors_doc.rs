//! Checks that docs/errors.md matches the code: `UPDATE_ERRORS=1 cargo test -p usher --test errors_doc` writes it.

use std::path::Path;

use lifecycle::ErrorCode;

const HEAD: &str = "\
# Errors

Made from the code; what each error says of itself is more precise than this page.

## Dead letters

What Usher could not make right at a target waits in a dead letter. `usher dead groups` counts them by kind, `usher dead show ID`
shows one with its requests and answers, `usher dead replay` tries again, `usher dead discard` lets it rest. Nothing waits here because
a target was down, throttled or refused the credential as a whole: then the target waits, and goes on by itself.
";

const DOORS: &str = "
## Answers of the doors

The gateway and the console say no with a problem document (RFC 9457). Its `code` is one of these; `errors` names each wrong field with a
JSON Pointer. Its `type` is an address of the same server, `/v1/errors/` and the code, where the server explains the code as plain text,
without a token. Requests that were answered with 429 or 503 may be sent again as they are.

| code | status | |
|---|---|---|
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for code in ErrorCode::ALL {
        page.push_str(&format!("\n### {code}\n\n{}\n\n", code.meaning()));
        page.push_str(&format!("What to do: {}. Then replay.\n", code.remedy()));
    }
    page.push_str(DOORS);
    for (code, status, meaning) in edge::CODES {
        page.push_str(&format!("| `{code}` | {status} | {meaning} |\n"));
    }
    page
}

#[test]
fn the_catalogue_of_errors_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    if std::env::var_os("UPDATE_ERRORS").is_some() {
        std::fs::write(&file, page()).expect("docs can be written");
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        stored == page(),
        "docs/errors.md is stale: UPDATE_ERRORS=1 cargo test -p usher --test errors_doc"
    );
}
