//! Any text as an export: importing never panics, and every policy that comes of it can be used.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let assigned = entra::JobScope::Assigned(vec![text.chars().take(20).collect()]);
    for job in [entra::JobScope::NotSaid, entra::JobScope::Everybody, assigned] {
        let Ok(imported) = entra::import_schema(text, None, &job) else { continue };
        for made in imported.policies {
            if let Err(error) = policy::Policy::parse(&made.yaml, "imported.yaml") {
                panic!("{error}\n{}", made.yaml);
            }
        }
    }
});
