//! Errors of AWS calls, sorted by what they mean for the caller.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither the stage nor the user's AWS settings name a region.
    #[error("no AWS region is set")]
    NoRegion,
    /// Absent, expired or invalid credentials.
    #[error("the AWS credentials do not work: {0}")]
    Credentials(String),
    #[error("AWS refused: {0}")]
    Denied(String),
    /// Too many requests, after the SDK's own retries.
    #[error("AWS throttles: {0}")]
    Throttled(String),
    /// No answer: the work may have been done.
    #[error("no answer from AWS: {0}")]
    Unreachable(String),
    /// An answer that cannot be understood, or a server error: the work may have been done.
    #[error("AWS answered with an error of its own: {0}")]
    Garbled(String),
    /// A clear no. Nothing was done.
    #[error("{code}: {message}")]
    Rejected { code: String, message: String },
}

impl Error {
    /// Whether a mutation that ended so may have happened all the same.
    pub fn answer_lost(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Garbled(_))
    }

    /// Whether the same read may answer later.
    pub fn passing(&self) -> bool {
        self.answer_lost() || matches!(self, Self::Throttled(_))
    }

    pub fn is_rejected(&self, wanted: &str) -> bool {
        matches!(self, Self::Rejected { code, .. } if code == wanted)
    }

    /// CloudFormation says "absent" by a ValidationError about this very id; any other
    /// ValidationError says something else.
    pub(super) fn says_absent(&self) -> bool {
        matches!(self, Self::Rejected { code, message }
            if code == "ValidationError" && message.contains("does not exist"))
    }
}

/// An endpoint other than AWS's own says so about what it does not have: a clear no.
const NOT_IMPLEMENTED: u16 = 501;

/// Codes of the services used here for "too many requests".
const THROTTLES: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "SlowDown",
    "PriorRequestNotComplete",
];

const BAD_CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "MissingAuthenticationToken",
    "InvalidSignatureException",
];

const DENIALS: &[&str] = &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"];

impl<E> From<SdkError<E, HttpResponse>> for Error
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        if let SdkError::ServiceError(service) = &error {
            return of_service(service.err(), service.raw().status().as_u16());
        }
        if let Some(credentials) = find::<CredentialsError>(&error) {
            return Self::Credentials(words(credentials));
        }
        let text = innermost(&error);
        match error {
            SdkError::ResponseError(_) => Self::Garbled(text),
            // A request that could not even be made is a fault of its input.
            SdkError::ConstructionFailure(_) => {
                Self::Rejected { code: "InvalidRequest".to_owned(), message: text }
            }
            _ => Self::Unreachable(text),
        }
    }
}

fn of_service(error: &impl ProvideErrorMetadata, status: u16) -> Error {
    let code = error.code().unwrap_or_default();
    let message = error.message().unwrap_or_default().to_owned();
    if THROTTLES.contains(&code) || status == 429 {
        Error::Throttled(message)
    } else if BAD_CREDENTIALS.contains(&code) {
        Error::Credentials(format!("{code}: {message}"))
    } else if DENIALS.contains(&code) {
        Error::Denied(message)
    } else if status >= 500 && status != NOT_IMPLEMENTED {
        Error::Garbled(format!("status {status} {code} {message}").trim_end().to_owned())
    } else if code.is_empty() && message.is_empty() {
        Error::Rejected { code: format!("HTTP {status}"), message: "without an explanation".to_owned() }
    } else {
        Error::Rejected { code: code.to_owned(), message }
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref::<T>())
}

/// Each cause of a chain in its own words, without what it repeats of the one before.
fn words(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    for cause in chain(error).skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// The last cause of a chain says what happened ("connection refused"); the first ones only where.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}
