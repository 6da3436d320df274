//! What the functions of the language do, apart from how they get their arguments. Everything here is pure and total.

pub(crate) mod date_styles;
pub(crate) mod dates;
pub(crate) mod dotnet_format;
pub(crate) mod random;
pub(crate) mod text;
