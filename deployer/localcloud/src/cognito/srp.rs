//! The server's side of Cognito's SRP-6a, and the verifier that a password is kept as.
//!
//! Cognito differs from RFC 5054 in its hash (SHA-256 over hexadecimal numbers padded like signed
//! integers), in the identity (pool suffix and user name together) and in the last step: both sides
//! derive a 16-byte key by HKDF and the client signs the challenge with it. The reference is the client
//! that AWS publishes: `AuthenticationHelper.js` of amazon-cognito-identity-js.

use std::sync::LazyLock;

use aws_lc_rs::{constant_time, digest, hmac};
use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

use super::random;
use crate::wire::AwsError;

/// RFC 3526, group 15 (3072 bits); the generator is 2.
const PRIME: &str = "\
FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD\
EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F\
83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B\
E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510\
15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7\
ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C\
BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";
const KEY_INFO: &[u8] = b"Caldera Derived Key\x01";

static N: LazyLock<BigUint> =
    LazyLock::new(|| BigUint::parse_bytes(PRIME.as_bytes(), 16).unwrap_or_default());
static G: LazyLock<BigUint> = LazyLock::new(|| BigUint::from(2_u8));
/// The multiplier: the hash of the padded prime and the padded generator.
static K: LazyLock<BigUint> = LazyLock::new(|| hash_to_number(&[&padded(&N), &padded(&G)]));

/// A password as it is kept: it can be checked and nobody can read it back.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Verifier {
    /// Hexadecimal, as the challenge shows it.
    pub salt: String,
    verifier: String,
}

impl Verifier {
    /// `pool` is the pool's suffix, the part of its id after `_`.
    pub fn new(pool: &str, username: &str, password: &str) -> Result<Self, AwsError> {
        let salt = BigUint::from_bytes_be(&random::bytes::<16>()?);
        Ok(Self::with_salt(salt, pool, username, password))
    }

    fn with_salt(salt: BigUint, pool: &str, username: &str, password: &str) -> Self {
        let identity = digest::digest(&digest::SHA256, format!("{pool}{username}:{password}").as_bytes());
        let x = hash_to_number(&[&padded(&salt), identity.as_ref()]);
        Self { salt: salt.to_str_radix(16), verifier: G.modpow(&x, &N).to_str_radix(16) }
    }

    /// What an absent user's challenge is made from: the same salt at every try, and a verifier that no
    /// password has. `seed` is a secret of the pool, hashed with the name that was tried.
    pub fn simulated(seed: &[u8]) -> Self {
        let salt = BigUint::from_bytes_be(&seed[..seed.len().min(16)]);
        let x = BigUint::from_bytes_be(digest::digest(&digest::SHA256, seed).as_ref());
        Self { salt: salt.to_str_radix(16), verifier: G.modpow(&x, &N).to_str_radix(16) }
    }

    /// Whether `password` is the one.
    pub fn accepts(&self, pool: &str, username: &str, password: &str) -> bool {
        let Some(salt) = number(&self.salt) else { return false };
        let tried = Self::with_salt(salt, pool, username, password);
        constant_time::verify_slices_are_equal(tried.verifier.as_bytes(), self.verifier.as_bytes()).is_ok()
    }
}

/// One exchange: made at USER_SRP_AUTH, used up at PASSWORD_VERIFIER.
pub(super) struct Exchange {
    client_public: BigUint,
    server_secret: BigUint,
    server_public: BigUint,
    verifier: BigUint,
}

impl Exchange {
    /// `client_public` is SRP_A. `None` where it is no hexadecimal number, or zero modulo the prime,
    /// which would let anyone in.
    pub fn begin(client_public: &str, verifier: &Verifier) -> Result<Option<Self>, AwsError> {
        let (Some(client_public), Some(verifier)) = (number(client_public), number(&verifier.verifier))
        else {
            return Ok(None);
        };
        if &client_public % &*N == BigUint::ZERO {
            return Ok(None);
        }
        let server_secret = BigUint::from_bytes_be(&random::bytes::<32>()?);
        let server_public = (&*K * &verifier + G.modpow(&server_secret, &N)) % &*N;
        Ok(Some(Self { client_public, server_secret, server_public, verifier }))
    }

    /// SRP_B.
    pub fn server_public(&self) -> String {
        self.server_public.to_str_radix(16)
    }

    /// Whether the client's signature over `message` proves that it knows the password.
    pub fn proves(&self, message: &[u8], signature: &[u8]) -> bool {
        let u = hash_to_number(&[&padded(&self.client_public), &padded(&self.server_public)]);
        if u == BigUint::ZERO {
            return false;
        }
        let shared = (&self.client_public * self.verifier.modpow(&u, &N)).modpow(&self.server_secret, &N);
        let extract = hmac::Key::new(hmac::HMAC_SHA256, &padded(&u));
        let pseudo_random = hmac::sign(&extract, &padded(&shared));
        let expanded = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, pseudo_random.as_ref()), KEY_INFO);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &expanded.as_ref()[..16]);
        hmac::verify(&key, message, signature).is_ok()
    }
}

fn number(hexadecimal: &str) -> Option<BigUint> {
    // A sign or an underscore is not part of a number here, though the parser takes them.
    let plain = !hexadecimal.is_empty() && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| BigUint::parse_bytes(hexadecimal.as_bytes(), 16)).flatten()
}

/// Big-endian, with a zero byte before a set highest bit: the bytes of a signed integer.
fn padded(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    bytes
}

fn hash_to_number(parts: &[&[u8]]) -> BigUint {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    BigUint::from_bytes_be(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_the_3072_bit_one() {
        assert_eq!(N.bits(), 3072);
    }

    #[test]
    fn a_verifier_accepts_its_password_of_its_user_in_its_pool_alone() {
        let verifier = Verifier::new("AbCdEf123", "someone", "Correct-Horse-1").unwrap();
        assert!(verifier.accepts("AbCdEf123", "someone", "Correct-Horse-1"));
        assert!(!verifier.accepts("AbCdEf123", "someone", "Correct-Horse-2"));
        assert!(!verifier.accepts("AbCdEf123", "someoneelse", "Correct-Horse-1"));
        assert!(!verifier.accepts("Other1234", "someone", "Correct-Horse-1"));
    }

    #[test]
    fn a_client_value_of_zero_is_refused() {
        let verifier = Verifier::new("AbCdEf123", "someone", "Correct-Horse-1").unwrap();
        for value in ["0", PRIME, "", "xyz", "+1", "1_0"] {
            assert!(Exchange::begin(value, &verifier).unwrap().is_none(), "{value}");
        }
        assert!(Exchange::begin("2", &verifier).unwrap().is_some());
    }

    #[test]
    fn numbers_are_padded_like_signed_integers() {
        assert_eq!(padded(&BigUint::from(0x7f_u8)), [0x7f]);
        assert_eq!(padded(&BigUint::from(0x80_u8)), [0, 0x80]);
        assert_eq!(padded(&BigUint::from(0x123_u16)), [1, 0x23]);
    }

    #[test]
    fn an_absent_user_has_the_same_salt_at_every_try() {
        let seed = [7; 32];
        assert_eq!(Verifier::simulated(&seed).salt, Verifier::simulated(&seed).salt);
    }
}
