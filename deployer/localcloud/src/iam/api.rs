//! The part of IAM's query API that shows what was deployed, and changes what a role may.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{Role, State};
use crate::cloud::Cloud;
use crate::wire::{AwsError, Call, escape_xml, xml_response};

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    match answer(cloud, &call) {
        Ok((operation, result)) => xml_response(
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

fn answer(cloud: &Cloud, call: &Call) -> Result<(String, String), AwsError> {
    let form = call.form();
    let operation = form.get("Action").cloned().unwrap_or_default();
    let resource = match form.get("RoleName") {
        Some(name) => cloud
            .iam
            .state
            .read(|state| state.roles.get(name).map(|role| role.arn.clone()))
            .unwrap_or_else(|| super::role_arn("/", name)),
        None => super::role_arn("/", "*"),
    };
    cloud.iam.authorize(&call.principal, &format!("iam:{operation}"), &resource, &[])?;
    if operation == "PutRolePolicy" {
        let document = serde_json::from_str(needed(&form, "PolicyDocument")?)
            .map_err(|_| super::policy::malformed("This policy contains invalid Json"))?;
        let (role, policy) = (needed(&form, "RoleName")?, needed(&form, "PolicyName")?);
        cloud.iam.put_role_policy(role, policy, document)?;
        return Ok((operation, String::new()));
    }
    let result = cloud.iam.state.read(|state| match operation.as_str() {
        "GetRole" => Ok(format!("<Role>{}</Role>", role_xml(role(state, &form)?, true))),
        "ListRoles" => {
            let prefix = form.get("PathPrefix").map_or("/", String::as_str);
            let roles = state.roles.values().filter(|role| role.path.starts_with(prefix));
            Ok(list("Roles", roles.map(|role| role_xml(role, false))))
        }
        "ListRolePolicies" => {
            Ok(list("PolicyNames", role(state, &form)?.inline.keys().map(|name| escape_xml(name))))
        }
        "GetRolePolicy" => role_policy(role(state, &form)?, needed(&form, "PolicyName")?),
        "ListAttachedRolePolicies" => {
            let attached = role(state, &form)?.attached.iter().map(|arn| {
                let name = arn.rsplit('/').next().unwrap_or(arn);
                format!(
                    "<PolicyName>{}</PolicyName><PolicyArn>{}</PolicyArn>",
                    escape_xml(name),
                    escape_xml(arn)
                )
            });
            Ok(list("AttachedPolicies", attached))
        }
        other => Err(AwsError::not_implemented(format_args!("iam:{other}"))),
    })?;
    Ok((operation, result))
}

fn needed<'a>(form: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, AwsError> {
    form.get(name).map(String::as_str).ok_or_else(|| {
        AwsError::new(
            400,
            "ValidationError",
            format!("1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"),
        )
    })
}

fn role<'a>(state: &'a State, form: &BTreeMap<String, String>) -> Result<&'a Role, AwsError> {
    let name = needed(form, "RoleName")?;
    state.roles.get(name).ok_or_else(|| no_such_role(name))
}

pub(super) fn no_such_role(name: &str) -> AwsError {
    AwsError::new(404, "NoSuchEntity", format!("The role with name {name} cannot be found."))
}

fn role_policy(role: &Role, name: &str) -> Result<String, AwsError> {
    let document = role.inline.get(name).ok_or_else(|| {
        AwsError::new(404, "NoSuchEntity", format!("The role policy with name {name} cannot be found."))
    })?;
    Ok(format!(
        "<RoleName>{}</RoleName><PolicyName>{}</PolicyName><PolicyDocument>{}</PolicyDocument>",
        escape_xml(&role.name),
        escape_xml(name),
        encoded(document)
    ))
}

/// Documents travel percent-encoded (RFC 3986) in IAM's answers.
fn encoded(document: &Value) -> String {
    utf8_percent_encode(&document.to_string(), NON_ALPHANUMERIC).to_string()
}

/// ListRoles leaves out tags and boundary, as the API reference says.
fn role_xml(role: &Role, whole: bool) -> String {
    let mut xml = format!(
        "<Path>{}</Path><RoleName>{}</RoleName><RoleId>{}</RoleId><Arn>{}</Arn><CreateDate>{}</CreateDate><AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><MaxSessionDuration>{}</MaxSessionDuration>",
        escape_xml(&role.path),
        escape_xml(&role.name),
        role.id,
        escape_xml(&role.arn),
        role.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        encoded(&role.trust),
        role.max_session_duration
    );
    if let Some(description) = &role.description {
        // Writing to a String cannot fail.
        let _ = write!(xml, "<Description>{}</Description>", escape_xml(description));
    }
    if !whole {
        return xml;
    }
    if let Some(boundary) = &role.boundary {
        let _ = write!(
            xml,
            "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>{}</PermissionsBoundaryArn></PermissionsBoundary>",
            escape_xml(boundary)
        );
    }
    let tags = role
        .tags
        .iter()
        .map(|(key, value)| format!("<Key>{}</Key><Value>{}</Value>", escape_xml(key), escape_xml(value)));
    if !role.tags.is_empty() {
        xml.push_str("<Tags>");
        for tag in tags {
            let _ = write!(xml, "<member>{tag}</member>");
        }
        xml.push_str("</Tags>");
    }
    xml
}

fn list(name: &str, members: impl Iterator<Item = String>) -> String {
    let members: String = members.map(|member| format!("<member>{member}</member>")).collect();
    format!("<{name}>{members}</{name}><IsTruncated>false</IsTruncated>")
}

#[cfg(test)]
mod tests {
    use axum::response::Response;
    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::*;
    use crate::auth::Principal;
    use crate::resource::ResourceType;
    use crate::resource::testing::{cloud, request};

    async fn with_role() -> Arc<Cloud> {
        let cloud = cloud();
        let properties = json!({
            "RoleName": "r",
            "Description": "<reads>",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]},
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
            "Policies": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}]}}],
        });
        let role: &dyn ResourceType = super::super::resources::TYPES
            .iter()
            .copied()
            .find(|kind| kind.name() == "AWS::IAM::Role")
            .unwrap();
        role.create(&cloud, &request("Role", properties)).await.unwrap();
        cloud
    }

    async fn ask(cloud: &Arc<Cloud>, principal: Principal, form: &str) -> (u16, String) {
        let call = Call {
            method: http::Method::POST,
            uri: "/".parse().unwrap(),
            headers: http::HeaderMap::new(),
            body: form.to_owned().into(),
            region: "us-east-1".to_owned(),
            principal,
            request_id: "id".into(),
        };
        let response: Response = handle(cloud, call).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_role_shows_what_it_is_and_what_it_may() {
        let cloud = with_role().await;
        let admin = || Principal::Administrator;
        let (_, role) = ask(&cloud, admin(), "Action=GetRole&RoleName=r").await;
        assert!(role.contains("<Arn>arn:aws:iam::000000000000:role/r</Arn>"), "{role}");
        assert!(role.contains("<Description>&lt;reads&gt;</Description>"), "{role}");
        assert!(role.contains("lambda%2Eamazonaws%2Ecom"), "{role}");
        let (_, names) = ask(&cloud, admin(), "Action=ListRolePolicies&RoleName=r").await;
        assert!(names.contains("<PolicyNames><member>p</member></PolicyNames>"), "{names}");
        let (_, policy) = ask(&cloud, admin(), "Action=GetRolePolicy&RoleName=r&PolicyName=p").await;
        assert!(policy.contains("dynamodb%3AGetItem"), "{policy}");
        let (_, attached) = ask(&cloud, admin(), "Action=ListAttachedRolePolicies&RoleName=r").await;
        assert!(attached.contains("<PolicyName>AWSLambdaBasicExecutionRole</PolicyName>"), "{attached}");
        let (_, roles) = ask(&cloud, admin(), "Action=ListRoles").await;
        assert!(roles.contains("<RoleName>r</RoleName>"), "{roles}");
    }

    #[tokio::test]
    async fn a_policy_that_is_put_on_a_role_counts_at_once() {
        let cloud = with_role().await;
        let session = Principal::Role {
            role_arn: "arn:aws:iam::000000000000:role/r".to_owned(),
            role_name: "r".to_owned(),
            session: "s".to_owned(),
        };
        let put = |document: &str| {
            format!("Action=PutRolePolicy&RoleName=r&PolicyName=p&PolicyDocument={document}")
        };
        let table = "arn:aws:dynamodb:us-east-1:000000000000:table/t";
        assert!(cloud.iam.authorize(&session, "dynamodb:GetItem", table, &[]).is_ok());
        let other = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:PutItem","Resource":"*"}]}"#;
        let (status, body) = ask(&cloud, Principal::Administrator, &put(other)).await;
        assert_eq!(status, 200, "{body}");
        assert!(cloud.iam.authorize(&session, "dynamodb:GetItem", table, &[]).is_err());
        assert!(cloud.iam.authorize(&session, "dynamodb:PutItem", table, &[]).is_ok());
        let (status, body) = ask(&cloud, Principal::Administrator, &put("{")).await;
        assert_eq!(status, 400, "{body}");
        let (status, _) = ask(&cloud, session, &put(other)).await;
        assert_eq!(status, 403);
    }

    #[tokio::test]
    async fn what_is_absent_refused_or_missing_says_so() {
        let cloud = with_role().await;
        let (status, body) = ask(&cloud, Principal::Administrator, "Action=GetRole&RoleName=x").await;
        assert_eq!(status, 404);
        assert!(body.contains("<Code>NoSuchEntity</Code>"), "{body}");
        let (status, body) = ask(&cloud, Principal::Administrator, "Action=DeleteRole&RoleName=r").await;
        assert_eq!(status, 501);
        assert!(body.contains("iam:DeleteRole"), "{body}");
        let session = Principal::Role {
            role_arn: "arn:aws:iam::000000000000:role/r".to_owned(),
            role_name: "r".to_owned(),
            session: "s".to_owned(),
        };
        let (status, body) = ask(&cloud, session, "Action=GetRole&RoleName=r").await;
        assert_eq!(status, 403);
        assert!(body.contains("iam:GetRole on resource: arn:aws:iam::000000000000:role/r"), "{body}");
    }
}
