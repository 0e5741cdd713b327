//! The security baseline: what no template of a class may lack or have, whoever wrote its fragments.

mod iam;
mod lambda;

use std::collections::HashMap;

use crate::project::yaml::{Node, Value};
use crate::project::{Class, EncryptionKey, Problem, Project, RetainPolicy, Route};

use super::STATEFUL;
use super::merge::{Item, Sections};
use super::references::intrinsic;

/// Checks each resource against the rules for its type.
pub fn check(project: &Project, sections: &Sections, problems: &mut Vec<Problem>) {
    let mut roles: HashMap<String, String> = HashMap::new();
    for (id, item) in sections.section("Resources") {
        let kind = item.node().get("Type").and_then(Node::text).unwrap_or_default();
        let mut rules = Rules { project, id, item, problems };
        if STATEFUL.contains(&kind) {
            rules.retained();
        }
        match kind {
            "AWS::IAM::Role" => rules.role(),
            "AWS::IAM::Policy"
            | "AWS::IAM::ManagedPolicy"
            | "AWS::IAM::RolePolicy"
            | "AWS::IAM::UserPolicy"
            | "AWS::IAM::GroupPolicy" => rules.statements(rules.property(&["PolicyDocument"])),
            "AWS::S3::BucketPolicy" | "AWS::SQS::QueuePolicy" | "AWS::SNS::TopicPolicy" => {
                rules.resource_policy(&["PolicyDocument"]);
            }
            "AWS::KMS::Key" => rules.resource_policy(&["KeyPolicy"]),
            "AWS::SecretsManager::ResourcePolicy" => rules.resource_policy(&["ResourcePolicy"]),
            "AWS::Logs::LogGroup" => rules.log_group(),
            "AWS::Lambda::Function" => rules.function(&mut roles),
            "AWS::Lambda::Permission" => rules.permission(),
            "AWS::Lambda::Url" => rules.function_url(),
            "AWS::Cognito::UserPool" => rules.user_pool(),
            "AWS::Cognito::UserPoolClient" => rules.client(),
            "AWS::DynamoDB::Table" => rules.table(),
            "AWS::ApiGatewayV2::Api" => rules.api(),
            "AWS::ApiGatewayV2::Stage" => rules.api_stage(),
            "AWS::ApiGatewayV2::Route" => rules.route(),
            "AWS::ApiGatewayV2::Integration" => {
                let why = "the function would get payload 1.0, which has the claims elsewhere";
                rules.must_be("payload-version", &["PayloadFormatVersion"], "2.0", why);
            }
            _ => {}
        }
    }
}

/// The rules, for one resource.
struct Rules<'a, 'p> {
    project: &'a Project,
    id: &'a str,
    item: &'a Item,
    problems: &'p mut Vec<Problem>,
}

impl<'a> Rules<'a, '_> {
    fn property(&self, path: &[&str]) -> Option<&'a Node> {
        self.item.node().get("Properties")?.at(path)
    }

    fn text(&self, path: &[&str]) -> Option<&'a str> {
        self.property(path).and_then(Node::text)
    }

    /// Breaks a rule at a property, or at the resource when the property is missing.
    fn fail(&mut self, rule: &'static str, path: &[&str], message: String, help: &str) {
        let whole: Vec<&str> = std::iter::once("Properties").chain(path.iter().copied()).collect();
        let place = self.item.place_at(&whole);
        self.problems.push(Problem::new(rule, format!("{}: {message}", self.id)).at(place).help(help));
    }

    /// A property must have this text.
    fn must_be(&mut self, rule: &'static str, path: &[&str], expected: &str, why: &str) {
        if self.text(path) != Some(expected) {
            let name = path.join(".");
            self.fail(rule, path, why.to_owned(), &format!("write {name}: {expected}"));
        }
    }

    fn retained(&mut self) {
        let class = self.project.class;
        let wanted = [
            ("DeletionPolicy", policy_name(class.deletion_policy())),
            ("UpdateReplacePolicy", policy_name(class.update_replace_policy())),
        ];
        for (attribute, wanted) in wanted {
            if self.item.node().get(attribute).and_then(Node::text) != Some(wanted) {
                let message = format!("{}: {attribute} is {wanted} in {} stages", self.id, class.as_str());
                let place = self.item.place_at(&[attribute]);
                self.problems.push(
                    Problem::new("retain", message).at(place).help(format!("write {attribute}: {wanted}")),
                );
            }
        }
    }

    fn log_group(&mut self) {
        if self.property(&["RetentionInDays"]).is_none() {
            let help = "write RetentionInDays: {{ class.log_retention_days | yaml }}";
            self.fail("log-retention", &[], "its logs are kept for ever".to_owned(), help);
        }
        if self.project.class.encryption() == EncryptionKey::Customer
            && self.property(&["KmsKeyId"]).is_none()
        {
            let message = format!("{} logs have the customer's key", self.project.class.as_str());
            self.fail("log-encryption", &[], message, "write KmsKeyId: !GetAtt DataKey.Arn");
        }
    }

    fn user_pool(&mut self) {
        let path = ["UserAttributeUpdateSettings", "AttributesRequireVerificationBeforeUpdate"];
        if !texts(self.property(&path)).contains(&"email") {
            let message = "a changed address counts before it is verified".to_owned();
            let help =
                "write UserAttributeUpdateSettings: {AttributesRequireVerificationBeforeUpdate: [email]}";
            self.fail("email-change", &path, message, help);
        }
        let path = ["Policies", "PasswordPolicy", "MinimumLength"];
        let wanted = self.project.class.password_length();
        let length = self.text(&path).and_then(|text| text.parse::<u32>().ok());
        if length.is_none_or(|length| length < wanted) {
            let message = format!(
                "passwords have at least {wanted} characters in {} stages",
                self.project.class.as_str()
            );
            self.fail(
                "password-length",
                &path,
                message,
                "write MinimumLength: {{ class.password_length | yaml }}",
            );
        }
        if self.project.class == Class::Production {
            self.must_be("mfa", &["MfaConfiguration"], "ON", "production needs a second factor");
        }
    }

    fn client(&mut self) {
        let flows = texts(self.property(&["AllowedOAuthFlows"]));
        if flows.contains(&"implicit") {
            let message = "the implicit flow puts tokens into addresses".to_owned();
            self.fail("implicit-flow", &["AllowedOAuthFlows"], message, "write AllowedOAuthFlows: [code]");
        }
        if texts(self.property(&["AllowedOAuthScopes"])).contains(&"aws.cognito.signin.user.admin") {
            let message = "tokens of the hosted pages may change the user's own attributes".to_owned();
            self.fail(
                "admin-scope",
                &["AllowedOAuthScopes"],
                message,
                "leave out aws.cognito.signin.user.admin",
            );
        }
        let why = "answers tell whether a user exists";
        self.must_be("user-existence", &["PreventUserExistenceErrors"], "ENABLED", why);
        self.must_be("token-revocation", &["EnableTokenRevocation"], "true", "tokens cannot be revoked");
        if self.project.class == Class::Production {
            let flows = texts(self.property(&["ExplicitAuthFlows"]));
            if let Some(flow) = flows.iter().find(|flow| flow.ends_with("PASSWORD_AUTH")) {
                let message = format!("{flow} sends passwords, which production never does");
                self.fail(
                    "password-flow",
                    &["ExplicitAuthFlows"],
                    message,
                    "leave it to ALLOW_USER_SRP_AUTH",
                );
            }
        }
    }

    fn table(&mut self) {
        let class = self.project.class;
        self.keyed_by_email();
        self.resource_policy(&["ResourcePolicy", "PolicyDocument"]);
        let message = |what: &str| format!("{} tables have {what}", class.as_str());
        if class.encryption() != EncryptionKey::AwsOwned
            && self.text(&["SSESpecification", "SSEEnabled"]) != Some("true")
        {
            let text = message("a key of the account");
            self.fail(
                "table-encryption",
                &["SSESpecification"],
                text,
                "write SSEEnabled: true and SSEType: KMS",
            );
        }
        if class.encryption() == EncryptionKey::Customer
            && self.property(&["SSESpecification", "KMSMasterKeyId"]).is_none()
        {
            let text = message("the customer's key");
            self.fail(
                "table-encryption",
                &["SSESpecification"],
                text,
                "write KMSMasterKeyId: !GetAtt DataKey.Arn",
            );
        }
        let path = ["PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"];
        if class.recovery_days().is_some() && self.text(&path) != Some("true") {
            let text = message("point-in-time recovery");
            self.fail("table-recovery", &path, text, "write PointInTimeRecoveryEnabled: true");
        }
        if class.protected()
            && self.property(&["DeletionProtectionEnabled"]).is_none_or(|node| node.text() == Some("false"))
        {
            let text = message("deletion protection");
            let help = "write DeletionProtectionEnabled: !If [Protected, true, false]";
            self.fail("table-protection", &["DeletionProtectionEnabled"], text, help);
        }
    }

    /// Addresses change, and change owners.
    fn keyed_by_email(&mut self) {
        let keys = self.property(&["KeySchema"]).and_then(Node::sequence).unwrap_or_default();
        let partition = keys.iter().find(|key| key.get("KeyType").and_then(Node::text) == Some("HASH"));
        let name = partition.and_then(|key| key.get("AttributeName"));
        if let Some(name) = name
            && name.text().is_some_and(|text| text.to_ascii_lowercase().contains("email"))
        {
            let message = format!("{}: its rows are keyed by an e-mail address", self.id);
            let help = "key them by `sub`, which is a user's for ever";
            let place = self.item.place_of(name);
            self.problems.push(Problem::new("keyed-by-email", message).at(place).help(help));
        }
    }

    fn api(&mut self) {
        if texts(self.property(&["CorsConfiguration", "AllowOrigins"]))
            .iter()
            .any(|origin| origin.contains('*'))
        {
            let message = "any site may call the API from its visitors' browsers".to_owned();
            self.fail("cors-origins", &["CorsConfiguration", "AllowOrigins"], message, "list the origins");
        }
    }

    fn api_stage(&mut self) {
        if self.property(&["DefaultRouteSettings", "ThrottlingRateLimit"]).is_none() {
            let message = "requests are not throttled".to_owned();
            self.fail(
                "throttling",
                &["DefaultRouteSettings"],
                message,
                "write ThrottlingRateLimit and ThrottlingBurstLimit",
            );
        }
        let Some(format) = self.text(&["AccessLogSettings", "Format"]) else {
            self.fail("access-log", &[], "requests are not logged".to_owned(), "write AccessLogSettings");
            return;
        };
        let lower = format.to_ascii_lowercase();
        if let Some(part) = ["$context.authorizer.claims", "authorization", "querystring", "$context.path"]
            .into_iter()
            .find(|part| lower.contains(part))
        {
            let message = format!("the access log would hold {part}, so tokens or people");
            self.fail(
                "access-log",
                &["AccessLogSettings", "Format"],
                message,
                "log ids, route and status alone",
            );
        }
    }

    fn route(&mut self) {
        let key = self.text(&["RouteKey"]).unwrap_or_default();
        let declared = self
            .project
            .functions
            .iter()
            .filter(|function| function.public)
            .flat_map(|function| &function.routes);
        let public = declared.map(Route::to_string).any(|route| route == key);
        let protected = self.text(&["AuthorizationType"]).is_some_and(|kind| kind != "NONE");
        if !protected && !public {
            let help = "write AuthorizationType: JWT and AuthorizerId, or public = true in the function's Cargo.toml";
            self.fail("open-route", &["AuthorizationType"], format!("{key} needs no token"), help);
        }
    }
}

fn policy_name(policy: RetainPolicy) -> &'static str {
    match policy {
        RetainPolicy::Delete => "Delete",
        RetainPolicy::RetainExceptOnCreate => "RetainExceptOnCreate",
        RetainPolicy::Retain => "Retain",
    }
}

/// The literal texts of a value that is one text or a list of them.
fn texts(node: Option<&Node>) -> Vec<&str> {
    let Some(node) = node else { return Vec::new() };
    match &node.value {
        Value::Scalar { text, .. } => vec![text],
        Value::Sequence(items) => items.iter().filter_map(Node::text).collect(),
        Value::Mapping(_) => Vec::new(),
    }
}
