//! How a token comes from the head node without anybody on the way being able to use it: the
//! node gets a fresh public key and answers only what this process can open.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};

/// A key pair that lives as long as one request. RSA-2048 with OAEP holds 190 bytes, and a Slurm
/// token with a user name of 32 characters, the most that Linux takes, has 183.
#[derive(Debug)]
pub(super) struct SealingKey(PrivateDecryptingKey);

impl SealingKey {
    pub(super) fn generate() -> Result<SealingKey> {
        PrivateDecryptingKey::generate(KeySize::Rsa2048)
            .map(SealingKey)
            .map_err(|_| Error::failed("cannot make a key to seal the token with"))
    }

    /// Returns the public half: DER SubjectPublicKeyInfo in base64.
    pub(super) fn public_key(&self) -> Result<String> {
        self.0
            .public_key()
            .as_der()
            .map(|der| STANDARD.encode(der.as_ref()))
            .map_err(|_| Error::failed("cannot write the key to seal the token with"))
    }

    /// Returns what was sealed with the public half (base64 of RSA-OAEP with SHA-256).
    pub(super) fn open(self, sealed: &str) -> Result<String> {
        let damaged = || Error::failed("the head node's answer cannot be opened with our key");
        let sealed = STANDARD
            .decode(sealed)
            .map_err(|error| damaged().because(error))?;
        let key = OaepPrivateDecryptingKey::new(self.0).map_err(|_| damaged())?;
        let mut buffer = vec![0; key.min_output_size()];
        let opened = key
            .decrypt(&OAEP_SHA256_MGF1SHA256, &sealed, &mut buffer, None)
            .map_err(|_| damaged())?;
        String::from_utf8(opened.to_vec()).map_err(|_| damaged())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};

    use super::*;

    #[test]
    fn only_the_key_that_was_sent_opens_the_answer() {
        let (ours, other) = (
            SealingKey::generate().unwrap(),
            SealingKey::generate().unwrap(),
        );
        let public = STANDARD.decode(ours.public_key().unwrap()).unwrap();
        let public = PublicEncryptingKey::from_der(&public).unwrap();
        let public = OaepPublicEncryptingKey::new(public).unwrap();
        let mut sealed = vec![0; public.ciphertext_size()];
        let token = "x".repeat(190);
        let sealed = public
            .encrypt(&OAEP_SHA256_MGF1SHA256, token.as_bytes(), &mut sealed, None)
            .unwrap();
        let sealed = STANDARD.encode(sealed);
        assert!(other.open(&sealed).is_err());
        assert_eq!(ours.open(&sealed).unwrap(), token);
    }
}
