//! Single values of the environment files that have a rule, so that an error names their line.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use schemars::JsonSchema;
use serde::Deserialize;

use super::NameError;
use super::names::name;

name!(
    /// Where the hosted pages may send a browser. Cognito asks for HTTPS except on localhost
    /// ("CallbackURLs" in the API reference of CreateUserPoolClient).
    RedirectUrl,
    "a redirect address",
    "an absolute https:// address (http:// only for localhost), without fragment, at most 1024",
    |text| {
        let host_follows = |rest: &str| !rest.is_empty() && !rest.starts_with(['/', ':', '?']);
        text.len() <= 1024
            && is_printable(text)
            && !text.contains(['#', '*', '"', '<', '>', '\\', ' '])
            && (text.strip_prefix("https://").is_some_and(host_follows)
                || text.strip_prefix("http://localhost").is_some_and(is_end_of_host))
    }
);
name!(
    /// An origin of a browser front end.
    Origin,
    "an origin",
    "scheme, host and port alone, such as https://app.example.com; never *",
    |text| {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        host.is_some_and(|host| {
            let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:".contains(c);
            !host.is_empty() && host.len() <= 253 && host.chars().all(valid)
        })
    }
);
name!(
    /// A role that CloudFormation works as; a name is one of the stage's account.
    ServiceRole,
    "a role",
    "a role's name (letters, digits and _ + = , . @ -, at most 64), or its whole ARN",
    |text| is_iam(text, "role", 64)
);
name!(
    /// A managed policy that limits roles; a name is one of the stage's account.
    BoundaryPolicy,
    "a managed policy",
    "a policy's name (letters, digits and _ + = , . @ -, at most 128), or its whole ARN",
    |text| is_iam(text, "policy", 128)
);
name!(
    /// A CloudFormation endpoint other than AWS's.
    Endpoint,
    "an endpoint",
    "an http:// or https:// address",
    |text| is_printable(text)
        && !text.contains(' ')
        && text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).is_some_and(|host| !host.is_empty())
);
name!(
    /// A DynamoDB attribute that is a key. 255 bytes is the limit of key attributes.
    AttributeName,
    "an attribute's name",
    "1 to 255 letters, digits, _, - or .",
    |text| text.len() <= 255 && is_identifier(text, "_-.")
);
name!(
    /// A DynamoDB index.
    IndexName,
    "an index's name",
    "3 to 255 letters, digits, _, - or .",
    |text| (3..=255).contains(&text.len()) && is_identifier(text, "_-.")
);
name!(
    /// A tag's key, as every tagging service accepts it.
    TagKey,
    "a tag's key",
    "1 to 128 letters, digits, spaces or _ . : / = + - @, not starting with aws: or deployer:",
    |text| (1..=128).contains(&text.chars().count())
        && is_tag_text(text)
        && !["aws:", "deployer:"].iter().any(|prefix| text.to_ascii_lowercase().starts_with(prefix))
);
name!(
    /// A tag's value, as every tagging service accepts it.
    TagValue,
    "a tag's value",
    "at most 256 letters, digits, spaces or _ . : / = + - @",
    |text| text.chars().count() <= 256 && is_tag_text(text)
);
name!(
    /// A function's environment variable. Lambda reserves `AWS_*` and `_*` for itself; tables,
    /// the pool and the database come from the grants; secrets belong into Secrets Manager.
    VariableName,
    "a variable for a function",
    "letters, digits and _, a letter first; not AWS_*, TABLE_*, USER_POOL_ID, DATABASE_* or LAMBDA_*; no name of a \
     secret (PASSWORD, SECRET, TOKEN, CREDENTIAL, API_KEY, PRIVATE_KEY): keep secrets in Secrets Manager",
    |text| {
        let upper = text.to_ascii_uppercase();
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && is_identifier(text, "_")
            && !["AWS_", "TABLE_", "DATABASE_", "LAMBDA_"].iter().any(|prefix| upper.starts_with(prefix))
            && upper != "USER_POOL_ID"
            && !["PASSWORD", "PASSWD", "SECRET", "TOKEN", "CREDENTIAL", "API_KEY", "APIKEY", "PRIVATE_KEY"]
                .iter()
                .any(|word| upper.contains(word))
    }
);
name!(
    /// Why a finding may stay.
    Reason,
    "a waiver's reason",
    "words that say why the finding may stay, at most 500 characters",
    |text| !text.trim().is_empty() && text.chars().count() <= 500
);
name!(
    /// The names that a family of stages has.
    StagePattern,
    "a pattern of stages",
    "a stage's name that ends in *, such as pr-*",
    |text| text.strip_suffix('*').is_some_and(|prefix| {
        format!("{prefix}0").parse::<super::StageName>().is_ok()
    })
);

impl StagePattern {
    /// Whether a stage belongs to the family.
    pub fn matches(&self, stage: &str) -> bool {
        let prefix = self.as_str().trim_end_matches('*');
        stage.len() > prefix.len() && stage.starts_with(prefix)
    }
}

/// A time to live such as `48h`; days have 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Ttl(pub Duration);

impl TryFrom<String> for Ttl {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let parsed = text
            .parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .and_then(Duration::try_from);
        match parsed {
            Ok(duration) if duration >= Duration::from_secs(60) => Ok(Self(duration)),
            Ok(_) | Err(_) => Err(NameError {
                text,
                kind: "a time to live",
                rule: "a duration such as 48h, 90m or 7d, at least 1m",
            }),
        }
    }
}

fn is_printable(text: &str) -> bool {
    text.chars().all(|c| !c.is_control())
}

fn is_end_of_host(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([':', '/', '?'])
}

/// A name of IAM, or `arn:<partition>:iam::<account>:<kind>/<path and name>`.
fn is_iam(text: &str, kind: &str, longest: usize) -> bool {
    let is_name = |name: &str| (1..=longest).contains(&name.len()) && is_identifier(name, "_+=,.@-");
    let Some(arn) = text.strip_prefix("arn:") else { return is_name(text) };
    let parts: Vec<&str> = arn.splitn(5, ':').collect();
    let [partition, "iam", "", account, resource] = parts.as_slice() else { return false };
    let owned = *account == "aws" || (account.len() == 12 && account.chars().all(|c| c.is_ascii_digit()));
    let path = resource.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/'));
    is_identifier(partition, "-") && owned && path.is_some_and(|path| path.split('/').all(is_name))
}

fn is_identifier(text: &str, more: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

fn is_tag_text(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_goes_to_https_or_this_machine() {
        for good in ["https://app.example.com/callback", "http://localhost:3000/callback", "http://localhost"]
        {
            assert!(good.parse::<RedirectUrl>().is_ok(), "{good}");
        }
        for bad in [
            "http://example.com",
            "http://localhost.evil.com",
            "https://",
            "https:///x",
            "/callback",
            "https://a/#b",
        ] {
            assert!(bad.parse::<RedirectUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_has_no_path_and_is_never_a_star() {
        assert!("https://app.example.com".parse::<Origin>().is_ok());
        assert!("http://localhost:3000".parse::<Origin>().is_ok());
        for bad in ["*", "https://*.example.com", "https://a.example/", "app.example.com"] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_role_is_a_name_or_an_arn_of_iam() {
        for good in [
            "shop-dev-service",
            "arn:aws:iam::012345678901:role/ci/shop",
            "arn:aws-cn:iam::012345678901:role/r",
        ] {
            assert!(good.parse::<ServiceRole>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a b",
            "ci/shop",
            "arn:aws:iam::012345678901:policy/p",
            "arn:aws:iam:us-east-1:012345678901:role/r",
            "arn:aws:iam::1:role/r",
            "arn:aws:iam::012345678901:role/",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<ServiceRole>().is_err(), "{bad}");
        }
        assert!("arn:aws:iam::aws:policy/PowerUserAccess".parse::<BoundaryPolicy>().is_ok());
    }

    #[test]
    fn a_variable_is_neither_reserved_nor_a_secret() {
        assert!("LOG_LEVEL".parse::<VariableName>().is_ok());
        for bad in ["AWS_REGION", "_HANDLER", "DB_PASSWORD", "apiKey", "STRIPE_TOKEN", "TABLE_X", "1A", "a-b"]
        {
            assert!(bad.parse::<VariableName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_to_live_is_a_duration_of_a_minute_or_more() {
        assert_eq!(Ttl::try_from("48h".to_owned()), Ok(Ttl(Duration::from_secs(48 * 3600))));
        assert_eq!(Ttl::try_from("2d".to_owned()), Ok(Ttl(Duration::from_secs(48 * 3600))));
        for bad in ["", "48", "-1h", "1s", "soon", "1 month"] {
            assert!(Ttl::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_family_has_the_stages_that_its_pattern_begins() {
        let family: StagePattern = "pr-*".parse().unwrap();
        assert!(family.matches("pr-1"));
        assert!(!family.matches("pr-") && !family.matches("dev"));
        for bad in ["*", "pr", "Pr-*", "pr-*-*"] {
            assert!(bad.parse::<StagePattern>().is_err(), "{bad}");
        }
    }
}
