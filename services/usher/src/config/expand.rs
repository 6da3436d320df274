//! Expands `${NAME}` and `${file:/path}` in configuration strings. Values never appear in an error.

use std::path::Path;

use crate::private_file::read_private;

/// Maximum size of a file named by `${file:...}`. It holds one secret; a larger file is a mistake.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The error of a reference that cannot be expanded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExpandError {
    /// The environment has no variable with this name.
    #[error("environment variable `{name}` is not set; set it, or replace `${{{name}}}` in the file")]
    NotSet {
        /// Name of the variable.
        name: String,
    },
    /// The file cannot be used.
    #[error("`${{file:{path}}}` cannot be used: {problem}")]
    File {
        /// Path as written.
        path: String,
        /// Description of the error.
        problem: String,
    },
    /// The reference has no known form.
    #[error("`${{` must be followed by NAME}} or file:/path}}; write `$${{` where a literal `${{` is meant")]
    Malformed,
}

/// A source of variables.
pub(crate) trait VariableSource {
    /// Returns the value of `name`, if it has one.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The process environment.
pub(crate) struct ProcessEnvironment;

impl VariableSource for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Returns whether `text` may contain a reference, so that [`expand_text`] is needed.
pub(crate) fn has_reference(text: &str) -> bool {
    text.contains("${")
}

/// Replaces every reference in `text`; `$${` stands for a literal `${`.
pub(crate) fn expand_text(text: &str, variables: &dyn VariableSource) -> Result<String, ExpandError> {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            done.push_str(before);
            done.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        done.push_str(&rest[..at]);
        let (reference, after) = rest[at + 2..].split_once('}').ok_or(ExpandError::Malformed)?;
        done.push_str(&resolve_reference(reference, variables)?);
        rest = after;
    }
    done.push_str(rest);
    Ok(done)
}

fn resolve_reference(reference: &str, variables: &dyn VariableSource) -> Result<String, ExpandError> {
    if let Some(path) = reference.strip_prefix("file:") {
        return read_secret(path);
    }
    let named = !reference.is_empty()
        && !reference.starts_with(|c: char| c.is_ascii_digit())
        && reference.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !named {
        return Err(ExpandError::Malformed);
    }
    variables.variable(reference).ok_or_else(|| ExpandError::NotSet { name: reference.to_owned() })
}

/// Returns the content of a secret file without the line end that editors add.
fn read_secret(path: &str) -> Result<String, ExpandError> {
    let text = read_private(Path::new(path), FILE_BYTES_MAX);
    let text =
        text.map_err(|error| ExpandError::File { path: path.to_owned(), problem: format!("{error:#}") })?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;
    impl VariableSource for One {
        fn variable(&self, name: &str) -> Option<String> {
            (name == "TOKEN").then(|| "s3cret: #x".to_owned())
        }
    }

    #[test]
    fn references_are_replaced_and_escapes_are_kept() {
        assert_eq!(expand_text("a ${TOKEN}b", &One).unwrap(), "a s3cret: #xb");
        assert_eq!(expand_text("$${TOKEN} $5", &One).unwrap(), "${TOKEN} $5");
        assert_eq!(expand_text("plain", &One).unwrap(), "plain");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = expand_text("${TOKEN} ${OTHER}", &One).unwrap_err().to_string();
        assert!(error.contains("`OTHER` is not set") && !error.contains("s3cret"), "{error}");
        assert!(
            expand_text("${file:/no/such/file}", &One).unwrap_err().to_string().contains("/no/such/file")
        );
        for malformed in ["${", "${}", "${a b}", "${1}"] {
            assert!(matches!(expand_text(malformed, &One), Err(ExpandError::Malformed)), "{malformed}");
        }
    }

    #[test]
    fn a_secret_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "hunter2").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = expand_text(&format!("${{file:{}}}", path.display()), &One).unwrap_err().to_string();
        assert!(refused.contains("chmod 600") && !refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn a_file_loses_its_last_line_end_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        crate::private_file::write_private(&path, "a\nb\n").unwrap();
        assert_eq!(expand_text(&format!("${{file:{}}}", path.display()), &One).unwrap(), "a\nb");
    }
}
