//! The RSA keys that sign a pool's tokens, and their public half as JWKs.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RsaKeyPair, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{errors, random};
use crate::wire::AwsError;

/// A pool has two: one signs its id tokens, the other its access tokens.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Keys {
    pub id: SigningKey,
    pub access: SigningKey,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SigningKey {
    kid: String,
    /// PKCS#8.
    pem: String,
    /// Modulus and exponent, base64url.
    n: String,
    e: String,
}

impl Keys {
    /// Generates both, side by side on threads that may block: a key takes a good part of a second.
    pub async fn generate() -> Result<Self, AwsError> {
        let one = || tokio::task::spawn_blocking(SigningKey::generate);
        let (id, access) = tokio::try_join!(one(), one()).map_err(errors::internal)?;
        Ok(Self { id: id?, access: access? })
    }

    pub fn jwks(&self) -> Value {
        json!({"keys": [self.id.jwk(), self.access.jwk()]})
    }

    /// The claims of a token that one of these keys signed; its times are not judged here.
    pub fn verified_claims(&self, token: &str) -> Option<Map<String, Value>> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let kid = header.kid?;
        let key = [&self.id, &self.access].into_iter().find(|key| key.kid == kid)?;
        let decoding = DecodingKey::from_rsa_components(&key.n, &key.e).ok()?;
        let mut validation = jsonwebtoken::Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Map<String, Value>>(token, &decoding, &validation).ok().map(|data| data.claims)
    }
}

impl SigningKey {
    fn generate() -> Result<Self, AwsError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| errors::internal("no RSA key"))?;
        let der: Pkcs8V1Der = pair.as_der().map_err(|_| errors::internal("the RSA key has no DER"))?;
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        Ok(Self {
            kid: STANDARD.encode(random::bytes::<32>()?),
            pem: pem(der.as_ref()),
            n: URL_SAFE_NO_PAD.encode(public.n),
            e: URL_SAFE_NO_PAD.encode(public.e),
        })
    }

    fn jwk(&self) -> Value {
        json!({"alg": "RS256", "e": self.e, "kid": self.kid, "kty": "RSA", "n": self.n, "use": "sig"})
    }

    /// Signs `claims`. The header has `kid` and `alg` alone, as Cognito's.
    pub fn sign(&self, claims: &Map<String, Value>) -> Result<String, AwsError> {
        let mut header = Header::new(Algorithm::RS256);
        header.typ = None;
        header.kid = Some(self.kid.clone());
        EncodingKey::from_rsa_pem(self.pem.as_bytes())
            .and_then(|key| jsonwebtoken::encode(&header, claims, &key))
            .map_err(errors::internal)
    }
}

/// RFC 7468: what the JWT library reads keys from.
fn pem(der: &[u8]) -> String {
    let mut text = "-----BEGIN PRIVATE KEY-----\n".to_owned();
    for (at, character) in STANDARD.encode(der).chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END PRIVATE KEY-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_key_signs_its_pool_verifies_and_another_pool_does_not() {
        let keys = Keys::generate().await.unwrap();
        let claims = json!({"sub": "someone"}).as_object().unwrap().clone();
        let token = keys.access.sign(&claims).unwrap();
        assert_eq!(keys.verified_claims(&token), Some(claims));
        assert_eq!(Keys::generate().await.unwrap().verified_claims(&token), None);
        let broken = format!("{}x", &token[..token.len() - 1]);
        assert_eq!(keys.verified_claims(&broken), None);
    }

    #[tokio::test]
    async fn a_token_without_signature_is_refused() {
        let keys = Keys::generate().await.unwrap();
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": keys.id.kid}).to_string());
        let token = format!("{header}.{}.", URL_SAFE_NO_PAD.encode("{\"sub\":\"someone\"}"));
        assert_eq!(keys.verified_claims(&token), None);
    }
}
