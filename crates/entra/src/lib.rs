//! Converts rules from Microsoft Entra to policies, and policies to rules of Entra.
//!
//! [`import_schema()`] reads an exported Graph `synchronizationSchema` and writes one policy file per target. Each part
//! that cannot be converted is described in the file and in the notes. [`export_policy()`] converts a policy as far as
//! Entra can express it. Both use Entra's own texts: expressions are taken unchanged.
//!
//! The crate is pure: it performs no I/O. It never guesses who has access: a filter that cannot be converted admits no one.
//!
//! To convert another part: 1. its field in `graph.rs`, 2. its code in `import/` and `export/`, 3. a line in the table test
//! of `import/tests.rs`.

mod export;
mod graph;
mod import;
mod note;
mod scim;
mod yaml;

pub use export::{ExportResult, export_policy};
pub use import::{ImportError, ImportResult, ImportedPolicy, JobScope, import_schema};
pub use note::ConversionNote;
