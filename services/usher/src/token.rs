//! Random bearer tokens, and their hashes in the form of the configuration.

use sha2::{Digest, Sha256};

/// Generates a token of 256 random bits. It cannot be guessed, so a plain hash at rest is enough.
pub fn random_token() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

/// Returns `sha256:<64 hex digits>` of `token`.
pub fn hash_of(token: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(token.as_bytes())))
}

/// Returns the output of `usher token`: the token, and the configuration line that accepts it.
pub fn lines_for(name: &str, token: &str) -> String {
    let name = serde_json::to_string(name).expect("a string is always JSON");
    format!("token:  {token}\nconfig: - {{ name: {name}, token: \"{}\" }}\n", hash_of(token))
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
