//! STS: GetCallerIdentity and AssumeRole.

use std::sync::Arc;

use axum::response::Response;
use jiff::SignedDuration;

use crate::auth::Principal;
use crate::cloud::{ACCOUNT, Cloud};
use crate::wire::{AwsError, Call, escape_xml, xml_response};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The administrator's unique id; a user's begins with AIDA.
const ADMINISTRATOR_ID: &str = "AIDAAAAAAAAAAAAAAAAAA";

pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    let form = call.form();
    let operation = form.get("Action").map(String::as_str).unwrap_or_default();
    let result = match operation {
        // Needs no right: anybody may ask who they are.
        "GetCallerIdentity" => Ok(caller_identity(cloud, &call.principal)),
        "AssumeRole" => assume_role(cloud, &call, |name| form.get(name).map(String::as_str)),
        other => Err(AwsError::not_implemented(format_args!("sts:{other}"))),
    };
    match result {
        Ok(result) => xml_response(
            200,
            format!(
                "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{result}</{operation}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{operation}Response>",
                call.request_id
            ),
            &call.request_id,
        ),
        Err(error) => error.query_response(NAMESPACE, &call.request_id),
    }
}

fn caller_identity(cloud: &Cloud, principal: &Principal) -> String {
    let id = match principal {
        Principal::Role { role_name, session, .. } => {
            format!("{}:{session}", cloud.iam.role_id(role_name).unwrap_or_default())
        }
        Principal::Administrator | Principal::Service(_) | Principal::Federated(_) | Principal::Anonymous => {
            ADMINISTRATOR_ID.to_owned()
        }
    };
    format!(
        "<Arn>{}</Arn><UserId>{}</UserId><Account>{ACCOUNT}</Account>",
        escape_xml(&principal.arn()),
        escape_xml(&id)
    )
}

fn assume_role<'a>(
    cloud: &Cloud,
    call: &Call,
    parameter: impl Fn(&str) -> Option<&'a str>,
) -> Result<String, AwsError> {
    for unsupported in ["Policy", "PolicyArns.member.1.arn", "SerialNumber", "Tags.member.1.Key"] {
        if parameter(unsupported).is_some() {
            return Err(AwsError::not_implemented(format_args!("sts:AssumeRole with {unsupported}")));
        }
    }
    let role_arn = parameter("RoleArn").ok_or_else(|| invalid("RoleArn"))?;
    let session = parameter("RoleSessionName")
        .filter(|name| {
            (2..=64).contains(&name.len())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "_=,.@-".contains(c))
        })
        .ok_or_else(|| invalid("RoleSessionName"))?;
    let seconds = match parameter("DurationSeconds") {
        None => 3600,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (900..=43_200).contains(seconds))
            .ok_or_else(|| invalid("DurationSeconds"))?,
    };
    let external = parameter("ExternalId").map(|id| ("sts:ExternalId", id));
    let context: Vec<_> = external.into_iter().chain([("sts:RoleSessionName", session)]).collect();
    let lifetime = SignedDuration::from_secs(seconds);
    let (session, role_id) = cloud.iam.assume(&call.principal, role_arn, session, &context, lifetime)?;
    let expiration = jiff::Timestamp::from_millisecond(session.credentials.expires_at)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .map_err(|error| AwsError::new(500, "InternalFailure", error.to_string()))?;
    let name = match &session.principal {
        Principal::Role { session, .. } => session.as_str(),
        Principal::Administrator | Principal::Service(_) | Principal::Federated(_) | Principal::Anonymous => {
            ""
        }
    };
    Ok(format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{expiration}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>{role_id}:{name}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>",
        session.credentials.access_key_id,
        session.credentials.secret_access_key,
        session.credentials.session_token,
        escape_xml(&session.principal.arn()),
    ))
}

fn invalid(parameter: &str) -> AwsError {
    AwsError::new(
        400,
        "ValidationError",
        format!("1 validation error detected: Value at '{parameter}' failed to satisfy its constraints"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_administrator_is_a_user_of_the_account() {
        let cloud = Cloud::open(crate::store::Store::default()).unwrap();
        let xml = caller_identity(&cloud, &Principal::Administrator);
        assert!(xml.contains("<Arn>arn:aws:iam::000000000000:user/test</Arn>"));
        assert!(xml.contains("<Account>000000000000</Account>"));
    }
}
