//! Random bearer tokens, and their hashes in the form of the configuration.

use sha2::{Digest, Sha256};

/// Generates a token of 256 random bits. It cannot be guessed, so a plain hash at rest is enough.
pub fn random_token() -> String {
    to_hex(&rand::random::<[u8; 32]>())
}

/// Returns `sha256:<64 hex digits>` of `token`.
pub fn hash_of(token: &str) -> String {
    format!("sha256:{}", to_hex(&Sha256::digest(token.as_bytes())))
}

/// Returns the output of `usher token`: the token, and the configuration line that accepts it.
pub fn lines_for(name: &str, token: &str) -> String {
    let name = serde_json::to_string(name).expect("a string is always JSON");
    format!("token:  {token}\nconfig: - {{ name: {name}, token: \"{}\" }}\n", hash_of(token))
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String never fails");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_sha256_of_the_token_alone() {
        assert_eq!(hash_of("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_ne!(random_token(), random_token());
        assert!(lines_for("a\"b", "abc").contains(r#"name: "a\"b""#));
    }
}
