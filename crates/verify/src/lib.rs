//! Whether a webhook notice comes from whom it says.
//!
//! [`NoticeVerifier`] is the configuration of one source: which scheme, which secrets. [`NoticeVerifier::check`] says what is wrong
//! with it, and [`NoticeVerifier::verify`] says of the headers and the raw body of one request whether whoever sent it knows a
//! secret: [`VerifiedNotice`], or a [`NoticeRefusal`].
//!
//! What it never does: I/O, reading a clock (the caller passes `now`), panicking on any input, stopping early because
//! of what a secret is, or repeating a secret, a signature or the value of a header. A verifier that [`NoticeVerifier::check`]
//! does not pass refuses everything.
//!
//! What is left to the caller: the body byte for byte as it came, a limit on its size, and remembering
//! [`VerifiedNotice::id`] (or a hash of the body, where the scheme signs no id) so that a notice counts once.
//!
//! To add a vendor: 1. a variant of [`NoticeVerifier`], 2. its settings in `preset.rs`, with their source, 3. a vector in
//! `tests/data` and the same settings written as `hmac` in `tests/it/presets.rs`.

#![forbid(unsafe_code)]

mod bearer;
mod hmac;
mod keys;
mod mistake;
mod preset;
mod refusal;
mod secret;
mod signature;
mod template;
mod timestamp;
mod verifier;

pub use bearer::BearerCheck;
pub use hmac::{HmacAlgorithm, HmacCheck, SignatureEncoding};
pub use keys::SecretEncoding;
pub use preset::VendorPreset;
pub use refusal::NoticeRefusal;
pub use secret::VendorSecret;
pub use timestamp::TimestampFormat;
pub use verifier::{NoticeVerifier, VerifiedNotice};

/// How far the time of a notice may be from ours unless the configuration says otherwise, in seconds. Finch and the
/// reference libraries of Standard Webhooks use the same.
pub const TOLERANCE_SECONDS: u64 = 300;
/// Greatest tolerance, in seconds: a day. More is most likely meant as milliseconds.
pub const TOLERANCE_SECONDS_MAX: u64 = 86_400;
/// Most secrets at the same time. A rotation needs two.
pub const SECRETS_MAX: usize = 8;
/// Longest secret, in bytes as it is written.
pub const SECRET_BYTES_MAX: usize = 4_096;
/// Most signatures in one header, of any version. Each may cost a reading of the whole body for each public key.
pub const SIGNATURES_MAX: usize = 8;
/// Longest value of a header that carries a signature or a token, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 8_192;
/// Longest id and longest time in a header, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;
/// Longest template, prefix and header name, in bytes.
pub const SETTING_BYTES_MAX: usize = 256;
