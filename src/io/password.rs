//! Passwords of the API's users: Argon2id hashes in the PHC string format (RFC 9106).

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base::Secret;

/// Memory of one hash in KiB, and passes over it: what OWASP advises for 12 MiB, some 20 ms on a small computer.
const MEMORY_KIB: u32 = 12 << 10;
const PASSES: u32 = 3;

/// Random bytes that keep equal passwords from having equal hashes (RFC 9106 §3.1).
pub type Salt = [u8; 16];

/// The hash of `password`, as the configuration file has it.
pub fn hash(password: &Secret, salt: Salt) -> Secret {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, None).expect("these parameters lie within Argon2's limits");
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password.expose().as_bytes(), &salt)
        .expect("a salt of 16 bytes and the default output length lie within Argon2's limits");
    Secret::new(hash.to_string())
}

/// Whether `hash` is one that [`fits`] can check.
pub fn is_hash(hash: &Secret) -> bool {
    PasswordHash::new(hash.expose()).is_ok_and(|hash| {
        let is_whole = hash.salt.is_some() && hash.hash.is_some();
        hash.algorithm.as_str() == "argon2id" && is_whole && Params::try_from(&hash).is_ok()
    })
}

/// Whether `password` is the one that `hash` was made of. Without a hash the answer is no, and takes as long: how
/// long it takes must not tell whether there is such a user.
pub fn fits(password: &Secret, hash: Option<&Secret>) -> bool {
    let Some(Ok(hash)) = hash.map(|hash| PasswordHash::new(hash.expose())) else {
        self::hash(password, Salt::default());
        return false;
    };
    Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_fits_its_hash() {
        let hash = hash(&"correct horse".into(), [7; 16]);
        assert!(hash.expose().starts_with("$argon2id$v=19$m=12288,t=3,p=1$"), "{}", hash.expose());
        assert!(is_hash(&hash));
        assert!(fits(&"correct horse".into(), Some(&hash)));
        assert!(!fits(&"correct horsf".into(), Some(&hash)));
        assert!(!fits(&"".into(), Some(&hash)));
    }

    #[test]
    fn nothing_fits_where_there_is_no_hash() {
        assert!(!fits(&"".into(), None));
        assert!(!fits(&"x".into(), Some(&"x".into())));
        let salted = "$argon2id$v=19$m=12288,t=3,p=1$CQkJCQkJCQkJCQkJCQkJCQ";
        let hash = format!("{salted}$IJSNyeVCCwwGxDC1vjNv8B+nMAJmV8mpPs7RT1BvZkw");
        assert!(is_hash(&hash.as_str().into()));
        let no_memory = hash.replace("m=12288", "m=1");
        for wrong in ["x", "$argon2id$", salted, &no_memory] {
            assert!(!is_hash(&wrong.into()), "{wrong}");
        }
    }
}
