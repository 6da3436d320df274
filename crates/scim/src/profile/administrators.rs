//! Marks of administrators: the values by which a target shows that an account administers it.

use serde::{Deserialize, Serialize};

/// An attribute that marks administrators, and the values that do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdministratorMark {
    /// The name of an attribute of accounts, such as `roles`, `entitlements`, `groups` or `userType`.
    pub attribute: String,
    /// The values that mark an administrator. `*` stands for any text, and case does not matter.
    pub values: Vec<String>,
}
