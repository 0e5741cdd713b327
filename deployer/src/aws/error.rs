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

    /// A change set, or the stack that it belongs to, is not there any more.
    pub fn says_gone(&self) -> bool {
        self.is_rejected("ChangeSetNotFound") || self.says_absent()
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
            let bare = service.raw().body().bytes().is_none_or(<[u8]>::is_empty);
            return of_service(service.err(), service.raw().status().as_u16(), bare);
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

/// `bare`: the answer had no body, as a refused HEAD has none.
fn of_service(error: &impl ProvideErrorMetadata, status: u16, bare: bool) -> Error {
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
    } else if code.is_empty() && message.is_empty() && !bare {
        // Something on the way answered in AWS's place.
        Error::Garbled(format!("status {status} with a body that is not AWS's"))
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

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::operation::describe_stacks::DescribeStacksError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    type Sdk = SdkError<DescribeStacksError, HttpResponse>;

    fn raw(status: u16) -> HttpResponse {
        HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty())
    }

    /// What becomes of a service's answer with this status, code and message.
    fn said(status: u16, code: &str, message: &str) -> Error {
        let told = ErrorMetadata::builder().code(code).message(message).build();
        Error::from(Sdk::service_error(DescribeStacksError::generic(told), raw(status)))
    }

    #[test]
    fn each_code_of_a_throttle_is_one_and_so_is_429() {
        for code in THROTTLES {
            assert_eq!(said(400, code, "slow"), Error::Throttled("slow".to_owned()));
        }
        assert_eq!(said(429, "Other", "slow"), Error::Throttled("slow".to_owned()));
    }

    #[test]
    fn credentials_and_rights_are_told_apart_from_refusals() {
        for code in BAD_CREDENTIALS {
            assert_eq!(said(403, code, "no"), Error::Credentials(format!("{code}: no")));
        }
        for code in DENIALS {
            assert_eq!(said(403, code, "no"), Error::Denied("no".to_owned()));
        }
        let (code, message) = ("ValidationError".to_owned(), "no".to_owned());
        assert_eq!(said(400, "ValidationError", "no"), Error::Rejected { code, message });
    }

    #[test]
    fn a_server_error_may_have_done_the_work_and_501_has_not() {
        let lost = said(500, "InternalFailure", "oh");
        assert_eq!(lost, Error::Garbled("status 500 InternalFailure oh".to_owned()));
        assert_eq!(said(503, "", ""), Error::Garbled("status 503".to_owned()));
        assert!(matches!(said(501, "NotImplemented", "this"), Error::Rejected { .. }));
        assert!(matches!(said(499, "Odd", "this"), Error::Rejected { .. }));
        let message = "without an explanation".to_owned();
        assert_eq!(said(404, "", ""), Error::Rejected { code: "HTTP 404".to_owned(), message });
        assert!(said(404, "", "words").is_rejected(""));
        assert!(said(404, "Code", "").is_rejected("Code"));
    }

    #[test]
    fn a_body_without_code_and_message_is_not_awss_answer() {
        let told = ErrorMetadata::builder().build();
        let page = HttpResponse::new(StatusCode::try_from(403).unwrap(), SdkBody::from("<html>"));
        let error = Error::from(Sdk::service_error(DescribeStacksError::generic(told), page));
        assert_eq!(error, Error::Garbled("status 403 with a body that is not AWS's".to_owned()));
    }

    #[test]
    fn no_answer_is_unreachable_an_unreadable_one_is_garbled_and_an_unsent_one_was_refused() {
        let broken = || std::io::Error::other("connection refused");
        let dispatched = Sdk::dispatch_failure(ConnectorError::io(broken().into()));
        assert_eq!(Error::from(dispatched), Error::Unreachable("connection refused".to_owned()));
        assert!(matches!(Error::from(Sdk::timeout_error(broken())), Error::Unreachable(_)));
        let unreadable = Error::from(Sdk::response_error(broken(), raw(200)));
        assert_eq!(unreadable, Error::Garbled("connection refused".to_owned()));
        let unsent = Error::from(Sdk::construction_failure(broken()));
        let (code, message) = ("InvalidRequest".to_owned(), "connection refused".to_owned());
        assert_eq!(unsent, Error::Rejected { code, message });
    }

    #[test]
    fn absent_credentials_are_told_in_all_their_words_once() {
        let cause = std::io::Error::other("the profile is unknown");
        let found = Error::from(Sdk::construction_failure(CredentialsError::provider_error(cause)));
        let Error::Credentials(words) = &found else { panic!("{found:?}") };
        assert!(words.contains(": the profile is unknown"), "{words}");
        assert_eq!(words.matches("the profile is unknown").count(), 1, "{words}");
    }

    #[test]
    fn only_what_got_no_answer_may_have_happened_and_only_that_and_throttles_pass() {
        let told = || "why".to_owned();
        let rejected = Error::Rejected { code: told(), message: told() };
        for error in [Error::Unreachable(told()), Error::Garbled(told())] {
            assert!(error.answer_lost() && error.passing());
        }
        let throttled = Error::Throttled(told());
        assert!(throttled.passing() && !throttled.answer_lost());
        for error in [Error::NoRegion, Error::Credentials(told()), Error::Denied(told()), rejected] {
            assert!(!error.passing() && !error.answer_lost(), "{error:?}");
        }
        assert!(!Error::Denied(told()).is_rejected("why"));
        assert!(!said(400, "Code", "").is_rejected("Other"));
    }

    #[test]
    fn absent_is_only_a_validation_error_that_says_so() {
        assert!(said(400, "ValidationError", "Stack with id a does not exist").says_absent());
        assert!(!said(400, "ValidationError", "Template format error").says_absent());
        let set = said(400, "ChangeSetNotFound", "ChangeSet [a] does not exist");
        assert!(!set.says_absent() && set.says_gone());
        assert!(said(400, "ValidationError", "Stack [a] does not exist").says_gone());
        assert!(!said(400, "ValidationError", "Template format error").says_gone());
    }
}
