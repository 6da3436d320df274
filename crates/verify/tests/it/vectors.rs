//! The notices that vendors send are accepted.

use crate::request::{at, vectors, verifier};

#[test]
fn every_vector_passes_the_check_and_verifies_with_its_id_and_time() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 11);
    for request in vectors {
        assert_eq!(verifier(&request.verifier).check(), Ok(()), "{}", request.name);
        let verified = request.verify().unwrap_or_else(|refusal| panic!("{}: {refusal}", request.name));
        assert_eq!(verified.id, request.id, "{}", request.name);
        let has_time = request.headers.keys().any(|header| header.contains("time"));
        assert_eq!(verified.at.is_some(), has_time, "{}", request.name);
        if let Some(at_) = verified.at {
            assert_eq!(at_.replace_nanosecond(0), Ok(at(request.now)), "{}", request.name);
        }
    }
}

#[test]
fn no_vector_verifies_for_another_source() {
    let vectors = vectors();
    for sender in vectors {
        for receiver in vectors.iter().filter(|other| other.verifier != sender.verifier) {
            let mut request = sender.clone();
            request.verifier = receiver.verifier.clone();
            // Also with the receiver's own names for the headers.
            request = request.with(&receiver.signature_header, sender.signature());
            assert!(request.verify().is_err(), "{} to {}", sender.name, receiver.name);
        }
    }
}
