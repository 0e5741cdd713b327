//! The baseline's rules on functions: their role, log, code and variables, and who may invoke them.

use std::collections::HashMap;

use super::{Rules, intrinsic};
use crate::project::yaml::Node;

impl Rules<'_, '_> {
    pub(super) fn function(&mut self, roles: &mut HashMap<String, String>) {
        if let Some(role) = self.property(&["Role"]).and_then(Node::text)
            && let Some(other) = roles.insert(role.to_owned(), self.id.to_owned())
        {
            let message = format!("shares its role with {other}");
            self.fail("shared-role", &["Role"], message, "give each function its own role");
        }
        if self.property(&["LoggingConfig", "LogGroup"]).is_none() {
            let help =
                "declare a group with RetentionInDays, and write LoggingConfig: {LogGroup: !Ref <group>}";
            let message = "Lambda makes its log group, which is kept for ever".to_owned();
            self.fail("log-retention", &[], message, help);
        }
        if let Some(key) = self.property(&["Code", "S3Key"])
            && intrinsic(key).is_none_or(|(name, _)| name != "Ref")
        {
            let help = "write S3Key: !Ref {{ function.code_key_parameter | id }}";
            self.fail(
                "code-key",
                &["Code", "S3Key"],
                "the key does not carry the content's hash".to_owned(),
                help,
            );
        }
        let variables = self.property(&["Environment", "Variables"]).and_then(Node::mapping);
        for name in variables.into_iter().flat_map(|variables| variables.keys()) {
            let own = name.starts_with("TABLE_")
                || ["USER_POOL_ID", "DATABASE_SECRET", "DATABASE_SCHEMA"].contains(&name.as_str());
            if !own && name.parse::<crate::project::VariableName>().is_err() {
                let help = "keep secrets in Secrets Manager; AWS_* belongs to Lambda";
                let path = ["Environment", "Variables", name.as_str()];
                self.fail("environment", &path, format!("{name} is reserved or names a secret"), help);
            } else if self.text(&["Environment", "Variables", name]).is_some_and(holds_secret) {
                let help = "keep secrets in Secrets Manager, and read them when they are needed";
                let path = ["Environment", "Variables", name.as_str()];
                self.fail("environment", &path, format!("the value of {name} is a secret"), help);
            }
        }
    }

    /// Only `AWS_IAM` asks who calls.
    pub(super) fn function_url(&mut self) {
        if self.text(&["AuthType"]) != Some("AWS_IAM") {
            let message = "anybody who knows its address may call it".to_owned();
            self.fail(
                "open-route",
                &["AuthType"],
                message,
                "write AuthType: AWS_IAM, or make it a route of the API",
            );
        }
    }

    pub(super) fn permission(&mut self) {
        if self.property(&["SourceArn"]).is_none() {
            let message = "anything of that service may invoke the function".to_owned();
            self.fail("invoke-source", &[], message, "write SourceArn: the ARN of what invokes it");
        }
        let principal = self.text(&["Principal"]).unwrap_or_default();
        // Cognito is documented to send it; API Gateway is not.
        if principal == "cognito-idp.amazonaws.com" && self.property(&["SourceAccount"]).is_none() {
            let message = "a pool of another account may invoke the function".to_owned();
            self.fail("invoke-source", &[], message, "write SourceAccount: !Ref AWS::AccountId");
        }
        if !principal.ends_with(".amazonaws.com") {
            let message = format!("the principal {principal:?} is no service");
            self.fail("invoke-source", &["Principal"], message, "name the service that invokes it");
        }
    }
}

/// A password within an address, an access key, or CloudFormation's reference to a secret, whose value everyone sees
/// who may see the function ("Using dynamic references", CloudFormation user guide).
fn holds_secret(text: &str) -> bool {
    let password = text.split_once("://").is_some_and(|(_, rest)| {
        let place = rest.split('/').next().unwrap_or_default();
        place.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    let key = |part: &str| part.len() == 20 && (part.starts_with("AKIA") || part.starts_with("ASIA"));
    password
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(key)
        || ["{{resolve:secretsmanager:", "{{resolve:ssm-secure:"].iter().any(|mark| text.contains(mark))
}
