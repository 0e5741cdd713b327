//! Judges a stack's principal by what a handler calls: each action on the ARN that AWS would name.

use serde_json::Value;

use super::{Handler, On, Subject};
use crate::auth::Principal;
use crate::cloud::{Cloud, PARTITION, arn};
use crate::resource::{Failure, Request};

/// Whether the request's principal may do all that the handler does. `physical_id` is the resource's.
pub(crate) fn authorize(
    cloud: &Cloud,
    kind: &str,
    handler: Handler,
    request: &Request,
    physical_id: &str,
    previous: Option<&Value>,
) -> Result<(), Failure> {
    if request.principal == Principal::Administrator {
        return Ok(());
    }
    let tagged = request.tags.keys().any(|key| !key.starts_with("aws:"));
    let subject = Subject { kind, properties: &request.properties, previous, tagged };
    let place = Place { cloud, kind, request, physical_id };
    for needed in subject.needs(handler) {
        let context = place.context(needed.on);
        let context: Vec<(&str, &str)> =
            context.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        for resource in place.resources(needed.action, needed.on) {
            cloud.iam.authorize(&request.principal, needed.action, &resource, &context)?;
        }
    }
    Ok(())
}

/// Where a resource is.
struct Place<'a> {
    cloud: &'a Cloud,
    kind: &'a str,
    request: &'a Request,
    physical_id: &'a str,
}

impl Place<'_> {
    fn text(&self, path: &str) -> &str {
        let value = path.split('.').try_fold(&self.request.properties, |value, name| value.get(name));
        value.and_then(Value::as_str).unwrap_or_default()
    }

    fn arn(&self, service: &str, rest: &str) -> String {
        arn(service, &self.request.region, rest)
    }

    fn resources(&self, action: &str, on: On) -> Vec<String> {
        match on {
            // Tagging names the group itself and not its streams (TagResource in the API reference).
            On::Itself if self.kind == "AWS::Logs::LogGroup" && action.contains("Tag") => {
                vec![self.arn("logs", &format!("log-group:{}", self.physical_id))]
            }
            On::Itself => self.itself(),
            // It looks through all groups, and its resource is all of them.
            On::Any if action == "logs:DescribeLogGroups" => vec![self.arn("logs", "log-group::log-stream:")],
            On::Any => vec!["*".to_owned()],
            On::Collection => vec![self.gateway(&self.collection())],
            On::Tags => {
                let path = format!("{}/{}", self.collection(), self.physical_id);
                vec![self.gateway(&format!("/tags/{}", self.gateway(&path)))]
            }
            On::PassedRole => {
                ["Role", "CredentialsArn", "AuthorizerCredentialsArn", "SmsConfiguration.SnsCallerArn"]
                    .into_iter()
                    .map(|path| self.text(path).to_owned())
                    .filter(|role| !role.is_empty())
                    .collect()
            }
            On::Code => {
                vec![format!(
                    "arn:{PARTITION}:s3:::{}/{}",
                    self.text("Code.S3Bucket"),
                    self.text("Code.S3Key")
                )]
            }
            On::Key => ["SSESpecification.KMSMasterKeyId", "KmsKeyArn", "LambdaConfig.KMSKeyID"]
                .into_iter()
                .map(|path| self.text(path))
                .filter(|key| !key.is_empty())
                .map(|key| {
                    self.cloud.kms.key_arn(&self.request.region, key).unwrap_or_else(|_| key.to_owned())
                })
                .collect(),
        }
    }

    fn itself(&self) -> Vec<String> {
        let id = self.physical_id;
        vec![match self.kind {
            "AWS::Cognito::UserPool" => self.arn("cognito-idp", &format!("userpool/{id}")),
            "AWS::Cognito::UserPoolClient" | "AWS::Cognito::UserPoolDomain" => {
                self.arn("cognito-idp", &format!("userpool/{}", self.text("UserPoolId")))
            }
            "AWS::DynamoDB::Table" => self.arn("dynamodb", &format!("table/{id}")),
            "AWS::IAM::Role" => self.cloud.iam.role_arn(id),
            "AWS::IAM::Policy" => {
                let roles = self.request.properties.get("Roles").and_then(Value::as_array);
                let names = roles.into_iter().flatten().filter_map(Value::as_str);
                return names.map(|name| self.cloud.iam.role_arn(name)).collect();
            }
            "AWS::KMS::Key" => self.arn("kms", &format!("key/{id}")),
            "AWS::Lambda::Function" => self.arn("lambda", &format!("function:{id}")),
            "AWS::Lambda::Permission" => {
                let name = self.text("FunctionName");
                if name.starts_with("arn:") {
                    name.to_owned()
                } else {
                    self.arn("lambda", &format!("function:{name}"))
                }
            }
            "AWS::Logs::LogGroup" => self.arn("logs", &format!("log-group:{id}:log-stream:")),
            _ => self.gateway(&format!("{}/{id}", self.collection())),
        }]
    }

    fn gateway(&self, path: &str) -> String {
        format!("arn:{PARTITION}:apigateway:{}::{path}", self.request.region)
    }

    /// The path of the list that a part of an API belongs to.
    fn collection(&self) -> String {
        let part = match self.kind {
            "AWS::ApiGatewayV2::Authorizer" => "authorizers",
            "AWS::ApiGatewayV2::Integration" => "integrations",
            "AWS::ApiGatewayV2::Route" => "routes",
            "AWS::ApiGatewayV2::Stage" => "stages",
            _ => return "/apis".to_owned(),
        };
        format!("/apis/{}/{part}", self.text("ApiId"))
    }

    /// The condition keys that the request has beside those that every request has.
    fn context(&self, on: On) -> Vec<(String, String)> {
        match (self.kind, on) {
            ("AWS::Lambda::Function", On::PassedRole) => {
                vec![("iam:PassedToService".to_owned(), "lambda.amazonaws.com".to_owned())]
            }
            ("AWS::IAM::Role", On::Itself) => boundary(Some(self.text("PermissionsBoundary"))),
            ("AWS::IAM::Policy", On::Itself) => {
                let roles = self.request.properties.get("Roles").and_then(Value::as_array);
                let first = roles.into_iter().flatten().filter_map(Value::as_str).next();
                boundary(first.and_then(|name| self.cloud.iam.boundary_of(name)).as_deref())
            }
            // A key of the same stack has the stack's tags, too.
            (_, On::Key)
            | ("AWS::Cognito::UserPool" | "AWS::KMS::Key", On::Itself | On::Any)
            | ("AWS::Cognito::UserPoolClient" | "AWS::Cognito::UserPoolDomain", On::Itself) => {
                self.request.tag_keys()
            }
            _ => Vec::new(),
        }
    }
}

fn boundary(policy: Option<&str>) -> Vec<(String, String)> {
    let set = policy.filter(|policy| !policy.is_empty());
    set.map(|policy| ("iam:PermissionsBoundary".to_owned(), policy.to_owned())).into_iter().collect()
}
