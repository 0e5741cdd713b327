//! Signatures and principals: who sends a request.

mod chunked;
mod sigv4;

use http::request::Parts;

pub use chunked::Chunked;
pub use sigv4::{hex, query_pairs, sha256};

use crate::cloud::{ACCOUNT, Cloud};
use crate::wire::AwsError;
use sigv4::Claim;

/// The administrator's key pair.
const ADMINISTRATOR: (&str, &str) = ("test", "test");
/// How far a request's time may be from ours, as AWS has it.
const SKEW: i64 = 15 * 60;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Principal {
    /// The key pair `test`/`test`: may do everything.
    Administrator,
    /// A session of a role (its own credentials, STS AssumeRole).
    Role { role_arn: String, role_name: String, session: String },
    /// An AWS service acting for a resource: `cognito-idp.amazonaws.com`.
    Service(String),
    /// Who an identity provider of the account vouches for, by the provider's ARN; only assumes roles.
    Federated(String),
    /// An unsigned request, legal for some operations of Cognito and the pages.
    Anonymous,
}

impl Principal {
    /// The ARN that GetCallerIdentity and refusals show.
    pub fn arn(&self) -> String {
        match self {
            Self::Administrator => format!("arn:aws:iam::{ACCOUNT}:user/test"),
            Self::Role { role_name, session, .. } => {
                format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role_name}/{session}")
            }
            Self::Service(name) | Self::Federated(name) => name.clone(),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }
}

/// What a signature proved.
#[derive(Debug, Clone)]
pub struct Identity {
    pub principal: Principal,
    /// Region and service of the credential scope.
    pub region: String,
    pub service: String,
}

/// The wire protocol of a service, as far as it decides how a refusal is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Json,
    RestJson,
    Query,
    S3,
}

impl Protocol {
    /// By the service's name in a credential scope.
    pub fn of_service(service: &str) -> Self {
        match service {
            "s3" => Self::S3,
            "cloudformation" | "iam" | "sts" => Self::Query,
            "lambda" | "apigateway" => Self::RestJson,
            _ => Self::Json,
        }
    }

    /// What a request that could not be authenticated claims to be for.
    pub fn of_request(parts: &Parts) -> Option<Self> {
        Claim::read(parts).ok().flatten().map(|claim| Self::of_service(&claim.service))
    }
}

/// Verifies SigV4 (header or presigned query). `Ok(None)` where the request is not signed at all.
/// Errors carry AWS's codes: SignatureDoesNotMatch, InvalidClientTokenId, ExpiredToken, …
pub fn authenticate(cloud: &Cloud, parts: &Parts, body: &[u8]) -> Result<Option<Identity>, AwsError> {
    let claim = match Claim::read(parts) {
        Ok(Some(claim)) => claim,
        Ok(None) => return Ok(None),
        Err(malformed) => return Err(AwsError::new(400, "IncompleteSignature", malformed.0)),
    };
    let refusal = Refusal(Protocol::of_service(&claim.service));
    check_time(&claim, &refusal, jiff::Timestamp::now())?;
    let (secret, principal, expired) = if claim.access_key_id == ADMINISTRATOR.0 {
        (ADMINISTRATOR.1.to_owned(), Principal::Administrator, false)
    } else {
        let session = cloud.iam.session(&claim.access_key_id).ok_or_else(|| refusal.unknown_key())?;
        if claim.token.as_deref() != Some(session.credentials.session_token.as_str()) {
            return Err(refusal.wrong_token());
        }
        let expired = session.credentials.expires_at <= jiff::Timestamp::now().as_millisecond();
        (session.credentials.secret_access_key, session.principal, expired)
    };
    let expected = claim.expected_signature(parts, body, &secret);
    if aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), claim.signature.as_bytes())
        .is_err()
    {
        return Err(refusal.wrong_signature());
    }
    if sigv4::has_signed_chunks(&parts.headers)
        && !Chunked::parse(body).is_some_and(|chunked| chunked.is_signed_by(&claim, &secret))
    {
        return Err(refusal.wrong_signature());
    }
    if expired {
        return Err(refusal.expired_token());
    }
    if !sigv4::payload_matches(&parts.headers, body) {
        return Err(AwsError::new(
            400,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ));
    }
    Ok(Some(Identity { principal, region: claim.region, service: claim.service }))
}

fn check_time(claim: &Claim, refusal: &Refusal, now: jiff::Timestamp) -> Result<(), AwsError> {
    let Some(signed_at) = seconds_of(&claim.timestamp) else {
        return Err(AwsError::new(
            400,
            "IncompleteSignature",
            format!("Date must be in ISO-8601 'basic format'. Got '{}'.", claim.timestamp),
        ));
    };
    if !claim.timestamp.starts_with(&claim.date) {
        return Err(AwsError::new(
            403,
            "SignatureDoesNotMatch",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP",
        ));
    }
    let now = now.as_second();
    match claim.expires {
        Some(expires) if now > signed_at + expires => {
            Err(AwsError::new(403, "AccessDenied", "Request has expired"))
        }
        None if now > signed_at + SKEW => Err(refusal.skewed(&format!(
            "Signature expired: {} is now earlier than {} ({} - 15 min.)",
            claim.timestamp,
            basic(now - SKEW),
            basic(now)
        ))),
        _ if signed_at > now + SKEW => Err(refusal.skewed(&format!(
            "Signature not yet current: {} is still later than {} ({} + 15 min.)",
            claim.timestamp,
            basic(now + SKEW),
            basic(now)
        ))),
        _ => Ok(()),
    }
}

fn seconds_of(basic: &str) -> Option<i64> {
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", basic)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp().as_second())
}

fn basic(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|time| time.strftime("%Y%m%dT%H%M%SZ").to_string())
        .unwrap_or_default()
}

/// The same refusal has another code and status in each protocol.
struct Refusal(Protocol);

impl Refusal {
    fn unknown_key(&self) -> AwsError {
        match self.0 {
            Protocol::S3 => AwsError::new(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            Protocol::Query | Protocol::Json | Protocol::RestJson => self.wrong_token(),
        }
    }

    fn wrong_token(&self) -> AwsError {
        let text = "The security token included in the request is invalid.";
        match self.0 {
            Protocol::S3 => {
                AwsError::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
            }
            Protocol::Query => AwsError::new(403, "InvalidClientTokenId", text),
            Protocol::Json => AwsError::new(400, "UnrecognizedClientException", text),
            Protocol::RestJson => AwsError::new(403, "UnrecognizedClientException", text),
        }
    }

    fn expired_token(&self) -> AwsError {
        let text = "The security token included in the request is expired";
        match self.0 {
            Protocol::S3 => AwsError::new(400, "ExpiredToken", "The provided token has expired."),
            Protocol::Query => AwsError::new(403, "ExpiredToken", text),
            Protocol::Json => AwsError::new(400, "ExpiredTokenException", text),
            Protocol::RestJson => AwsError::new(403, "ExpiredTokenException", text),
        }
    }

    fn wrong_signature(&self) -> AwsError {
        self.signature(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        )
    }

    fn skewed(&self, text: &str) -> AwsError {
        match self.0 {
            Protocol::S3 => AwsError::new(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
            Protocol::Query | Protocol::Json | Protocol::RestJson => self.signature(text),
        }
    }

    fn signature(&self, text: &str) -> AwsError {
        match self.0 {
            Protocol::S3 | Protocol::Query => AwsError::new(403, "SignatureDoesNotMatch", text),
            Protocol::Json => AwsError::new(400, "InvalidSignatureException", text),
            Protocol::RestJson => AwsError::new(403, "InvalidSignatureException", text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(timestamp: &str, expires: Option<i64>) -> Claim {
        Claim {
            access_key_id: "test".to_owned(),
            date: timestamp[..8].to_owned(),
            region: "us-east-1".to_owned(),
            service: "s3".to_owned(),
            signed_headers: Vec::new(),
            signature: String::new(),
            timestamp: timestamp.to_owned(),
            token: None,
            expires,
        }
    }

    fn code(claim: &Claim, protocol: Protocol) -> Option<String> {
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        check_time(claim, &Refusal(protocol), now).err().map(|error| error.code)
    }

    #[test]
    fn a_request_may_be_a_quarter_of_an_hour_old_or_ahead() {
        assert_eq!(code(&claim("20260101T114500Z", None), Protocol::S3), None);
        assert_eq!(code(&claim("20260101T121500Z", None), Protocol::S3), None);
        assert_eq!(
            code(&claim("20260101T114459Z", None), Protocol::S3).as_deref(),
            Some("RequestTimeTooSkewed")
        );
        assert_eq!(
            code(&claim("20260101T121501Z", None), Protocol::Json).as_deref(),
            Some("InvalidSignatureException")
        );
        assert_eq!(
            code(&claim("20260101T114459Z", None), Protocol::Query).as_deref(),
            Some("SignatureDoesNotMatch")
        );
    }

    #[test]
    fn a_presigned_address_is_good_for_its_own_time() {
        assert_eq!(code(&claim("20260101T110000Z", Some(3600)), Protocol::S3), None);
        assert_eq!(
            code(&claim("20260101T110000Z", Some(3599)), Protocol::S3).as_deref(),
            Some("AccessDenied")
        );
    }
}
