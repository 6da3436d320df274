//! Verification of the sender of a webhook notice.
//!
//! [`NoticeVerifier`] is the configuration of one source: the scheme and the secrets. [`NoticeVerifier::check`] returns
//! the faults of the configuration. [`NoticeVerifier::verify`] takes the headers and the raw body of one request and
//! checks whether its sender knows a secret. The result is [`VerifiedNotice`], or a [`NoticeRefusal`].
//!
//! This crate never does I/O or reads a clock (the caller passes `now`). It never panics on any input, never stops
//! early depending on a secret, and never repeats a secret, a signature or the value of a header. A verifier that
//! [`NoticeVerifier::check`] does not accept refuses everything.
//!
//! The caller must pass the body byte for byte as it was received, limit its size, and remember [`VerifiedNotice::id`]
//! (or a hash of the body, if the scheme signs no id) so that a notice counts once.
//!
//! To add a vendor: 1. a variant of [`NoticeVerifier`], 2. its settings in `preset.rs`, with their source, 3. a vector in
//! `tests/data` and the same settings written as `hmac` in `tests/it/presets.rs`.

#![forbid(unsafe_code)]

mod bearer;
mod freshness;
mod headers;
mod hmac;
mod keys;
mod mistake;
mod notice;
mod preset;
mod refusal;
mod secret;
mod signature;
mod template;
mod timestamp;
mod verifier;

pub use bearer::BearerCheck;
pub use hmac::{HmacAlgorithm, HmacCheck};
pub use keys::SecretEncoding;
pub use notice::VerifiedNotice;
pub use preset::VendorPreset;
pub use refusal::NoticeRefusal;
pub use secret::VendorSecret;
pub use signature::SignatureEncoding;
pub use timestamp::TimestampFormat;
pub use verifier::NoticeVerifier;

/// The default tolerance for the time of a notice, in seconds. Finch and the reference libraries of Standard Webhooks
/// use the same value.
pub const TOLERANCE_SECONDS: u64 = 300;
/// The greatest tolerance, in seconds: one day. A larger value is most likely meant as milliseconds.
pub const TOLERANCE_SECONDS_MAX: u64 = 86_400;
/// The maximum number of secrets at the same time. A rotation needs two.
pub const SECRETS_MAX: usize = 8;
/// The maximum length of a secret, in bytes as it is written.
pub const SECRET_BYTES_MAX: usize = 4_096;
/// The maximum number of signatures in one header, of any version. Each may require a pass over the whole body for each public key.
pub const SIGNATURES_MAX: usize = 8;
/// The maximum length of a header that carries a signature or a token, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 8_192;
/// The maximum length of an id and of a time in a header, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;
/// The maximum length of a template, a prefix and a header name, in bytes.
pub const SETTING_BYTES_MAX: usize = 256;
