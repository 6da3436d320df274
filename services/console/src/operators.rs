//! The operators: who holds which token, and until when. The list is replaced while requests are served.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use edge::{CallerOrigin, CredentialGuard, Problem, TokenHash, TokenTable};
use time::OffsetDateTime;

use crate::config::{ConsoleOperator, TokenEnd};

/// The operator that a token belongs to, and the token's end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OperatorGrant {
    name: String,
    not_after: Option<TokenEnd>,
}

/// The tokens of all operators.
type OperatorTable = TokenTable<OperatorGrant>;

/// The tokens of each operator, with their ends.
type TokensByOperator = BTreeMap<String, Vec<(TokenHash, Option<TokenEnd>)>>;

/// The operators who may use the API now.
#[derive(Debug)]
pub(crate) struct OperatorDirectory {
    table: RwLock<Arc<OperatorTable>>,
    /// The tokens by operator, to describe what a reload changes.
    listed: RwLock<TokensByOperator>,
    pub(crate) guard: CredentialGuard,
}

impl OperatorDirectory {
    /// Returns the directory of the configured operators.
    pub(crate) fn new(operators: &[ConsoleOperator]) -> Self {
        let (table, listed) = build_table(operators);
        Self {
            table: RwLock::new(Arc::new(table)),
            listed: RwLock::new(listed),
            guard: CredentialGuard::new("console"),
        }
    }

    /// Returns the name of the operator whose token came with a request.
    ///
    /// # Errors
    /// Returns a 401 problem without a token, with an unknown one, and with one that has ended; 429 after too many of them.
    pub(crate) fn authenticate(
        &self,
        headers: &axum::http::HeaderMap,
        origin: Option<CallerOrigin>,
    ) -> Result<String, Problem> {
        let table = Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner));
        let grant = self.guard.authenticate(&table, headers, origin)?;
        match grant.not_after {
            Some(end) if end.is_over(OffsetDateTime::now_utc()) => {
                tracing::warn!(operator = grant.name, ended = %end, "a token that has ended was refused");
                Err(Problem::unauthorised("the token has ended: ask for a new one"))
            }
            _ => Ok(grant.name.clone()),
        }
    }

    /// Replaces the operators, and describes each change. Requests in work go on.
    pub(crate) fn replace(&self, operators: &[ConsoleOperator]) -> Vec<String> {
        let (table, listed) = build_table(operators);
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        let mut before = self.listed.write().unwrap_or_else(PoisonError::into_inner);
        let changes = describe_changes(&before, &listed);
        *before = listed;
        changes
    }
}

fn build_table(operators: &[ConsoleOperator]) -> (OperatorTable, TokensByOperator) {
    let mut listed = TokensByOperator::new();
    for operator in operators {
        listed.entry(operator.name.clone()).or_default().extend(operator.all_tokens());
    }
    let grants = listed.iter().flat_map(|(name, tokens)| {
        let grant = |(hash, not_after): &(TokenHash, Option<TokenEnd>)| {
            (*hash, OperatorGrant { name: name.clone(), not_after: *not_after })
        };
        tokens.iter().map(grant)
    });
    (TokenTable::new(grants.collect()), listed)
}

fn describe_changes(before: &TokensByOperator, after: &TokensByOperator) -> Vec<String> {
    let mut changes = Vec::new();
    for (name, tokens) in after {
        match before.get(name) {
            None => changes.push(format!("operator {name} was added")),
            Some(old) if old != tokens => {
                let added = tokens.iter().filter(|token| !old.contains(token)).count();
                let removed = old.iter().filter(|token| !tokens.contains(token)).count();
                changes.push(format!("operator {name}: {added} tokens added, {removed} removed"));
            }
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    changes.extend(gone.map(|name| format!("operator {name} was removed")));
    changes
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::AUTHORIZATION;
    use serde_json::json;

    use super::*;

    fn operators(list: serde_json::Value) -> Vec<ConsoleOperator> {
        serde_json::from_value(list).unwrap()
    }

    fn hash(token: &str) -> String {
        TokenHash::of(token).to_string()
    }

    fn who(directory: &OperatorDirectory, token: &str) -> Result<String, String> {
        let header = format!("Bearer {token}").parse().unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, header)]);
        directory.authenticate(&headers, None).map_err(|problem| problem.detail().to_owned())
    }

    #[test]
    fn an_operator_may_have_several_tokens_and_each_ends_by_itself() {
        let directory = OperatorDirectory::new(&operators(json!([
            {"name": "alice", "token": hash("old"), "not_after": "2020-01-01",
             "tokens": [{"token": hash("new")}, {"token": hash("later"), "not_after": "2999-12-31T12:00:00Z"}]},
        ])));
        assert_eq!(who(&directory, "new").unwrap(), "alice");
        assert_eq!(who(&directory, "later").unwrap(), "alice");
        assert!(who(&directory, "old").unwrap_err().contains("has ended"));
        assert_eq!(who(&directory, "guess").unwrap_err(), edge::UNKNOWN_TOKEN);
    }

    #[test]
    fn a_reload_admits_and_revokes_and_says_what_changed() {
        let directory = OperatorDirectory::new(&operators(json!([
            {"name": "alice", "token": hash("a1")}, {"name": "bob", "token": hash("b1")},
        ])));
        let fresh = operators(json!([
            {"name": "alice", "tokens": [{"token": hash("a1")}, {"token": hash("a2")}]},
            {"name": "carol", "token": hash("c1")},
        ]));
        let changes = directory.replace(&fresh);
        assert_eq!(
            changes,
            [
                "operator alice: 1 tokens added, 0 removed",
                "operator carol was added",
                "operator bob was removed"
            ]
        );
        assert_eq!(who(&directory, "a2").unwrap(), "alice");
        assert_eq!(who(&directory, "c1").unwrap(), "carol");
        assert!(who(&directory, "b1").is_err());
        assert!(directory.replace(&fresh).is_empty());
    }
}
