//! Rules that were made in Microsoft Entra become policies, and go back.
//!
//! [`import_schema()`] reads an exported Graph `synchronizationSchema` and writes one policy file per target, with everything
//! that could not be taken over said plainly, in the file and in the notes. [`export_policy()`] goes back as far as Entra can
//! express it. The texts in between are Entra's own: expressions are taken as they are.
//!
//! Pure: no I/O. It never guesses about who has access: a filter that cannot be taken over lets nobody in.
//!
//! To take over something more: 1. its field in `graph.rs`, 2. its place in `import/` and `export/`, 3. a line in the
//! table test of `import/tests.rs`.

mod export;
mod graph;
mod import;
mod note;
mod scim;
mod yaml;

pub use export::{ExportResult, export_policy};
pub use import::{ImportError, ImportResult, ImportedPolicy, JobScope, import_schema};
pub use note::ConversionNote;
