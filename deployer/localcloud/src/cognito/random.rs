//! Names, codes and secrets drawn from the system's random source.

use aws_lc_rs::rand;

use super::errors;
use crate::wire::AwsError;

const LOWER: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const MIXED: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) fn bytes<const N: usize>() -> Result<[u8; N], AwsError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| errors::internal("the system has no random numbers"))?;
    Ok(bytes)
}

/// The nine characters after the region in a pool's id.
pub(super) fn pool_suffix() -> Result<String, AwsError> {
    pick(MIXED, 9)
}

/// An app client's id.
pub(super) fn client_id() -> Result<String, AwsError> {
    pick(LOWER, 26)
}

/// An app client's secret.
pub(super) fn client_secret() -> Result<String, AwsError> {
    pick(LOWER, 51)
}

/// An opaque token: refresh tokens, sessions, authorization codes.
pub(super) fn token(length: usize) -> Result<String, AwsError> {
    pick(MIXED, length)
}

/// Six digits, as every code that Cognito sends.
pub(super) fn code() -> Result<String, AwsError> {
    pick(b"0123456789", 6)
}

/// A password that meets any policy: `length` characters with all four kinds.
pub(super) fn password(length: usize) -> Result<String, AwsError> {
    Ok(format!("{}aB3!", pick(MIXED, length.max(8) - 4)?))
}

fn pick(alphabet: &[u8], length: usize) -> Result<String, AwsError> {
    // Bytes past the last whole multiple of the alphabet would favour its first letters.
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in bytes::<32>()? {
            let byte = usize::from(byte);
            if byte < fair && text.len() < length {
                text.push(char::from(alphabet[byte % alphabet.len()]));
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_six_digits() {
        let code = code().unwrap();
        assert_eq!(code.len(), 6);
        assert!(code.bytes().all(|byte| byte.is_ascii_digit()));
    }

    #[test]
    fn pool_suffixes_have_nine_characters() {
        assert_eq!(pool_suffix().unwrap().len(), 9);
    }
}
