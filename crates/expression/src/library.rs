//! The implementations of the language's functions, separate from argument handling. All of them are pure and total.

pub(crate) mod date_styles;
pub(crate) mod dates;
pub(crate) mod dotnet_format;
pub(crate) mod random;
pub(crate) mod text;
