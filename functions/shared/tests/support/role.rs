//! A role of few rights, for the tests of what a function is denied.

use std::sync::Arc;

use aws_credential_types::Credentials;
use functions_shared::aws::Aws;
use serde_json::{Value, json};

use super::bed::Bed;

impl Bed {
    /// Calls by a role that may do exactly `rights`: actions, each on one ARN.
    pub async fn role(&self, rights: &[(&str, &str)]) -> Arc<Aws> {
        let allow = |(action, resource): &(&str, &str)| json!({"Effect": "Allow", "Action": action, "Resource": resource});
        let statements: Vec<Value> = rights.iter().map(allow).collect();
        let trust = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}});
        let properties = json!({
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [{"PolicyName": "grants", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}],
        });
        let name = self.resource("AWS::IAM::Role", properties).await;
        let arn = format!("arn:aws:iam::000000000000:role/{name}");
        let iam = &self.cloud.cloud().iam;
        let keys = iam.assume_for_service(&arn, "lambda.amazonaws.com", "test", &[]).unwrap();
        let token = Some(keys.session_token);
        self.with(Credentials::new(keys.access_key_id, keys.secret_access_key, token, None, "test"))
    }

    /// What was denied so far: action and resource.
    pub fn denied(&self) -> Vec<(String, String)> {
        let decisions = self.cloud.cloud().iam.decisions().into_iter();
        decisions.filter(|each| !each.allowed).map(|each| (each.action, each.resource)).collect()
    }
}
