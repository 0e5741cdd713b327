//! AWS::IAM::Role.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Kind, Role, State, random_id, role_arn};
use super::{TRUST_LIMIT, document, inline_fits, may, may_within, size, within};
use crate::cloud::Cloud;
use crate::resource::{Created, Failure, Handlers, Request, Tag, generated_name, tags_json, typed};
use crate::wire::AwsError;

pub struct RoleType;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    assume_role_policy_document: Value,
    role_name: Option<String>,
    path: Option<String>,
    description: Option<String>,
    max_session_duration: Option<i64>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    managed_policy_arns: Vec<String>,
    #[serde(default)]
    policies: Vec<Inline>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Inline {
    policy_name: String,
    policy_document: Value,
}

impl Properties {
    /// What of a role an update may change.
    fn apply(self, request: &Request, role: &mut Role, state: &State) -> Result<(), AwsError> {
        role.trust = document(&self.assume_role_policy_document, Kind::Trust)?;
        within(size(&role.trust), TRUST_LIMIT, "ACLSizePerRole")?;
        for inline in self.policies {
            role.inline.insert(inline.policy_name, document(&inline.policy_document, Kind::Identity)?);
        }
        inline_fits(role)?;
        for arn in self.managed_policy_arns.into_iter().chain(self.permissions_boundary.clone()) {
            if state.managed(&arn).is_none() {
                let text = format!("Policy {arn} does not exist or is not attachable.");
                return Err(AwsError::new(404, "NoSuchEntity", text));
            }
            if Some(&arn) != self.permissions_boundary.as_ref() {
                role.attached.insert(arn);
            }
        }
        role.boundary = self.permissions_boundary;
        role.description = self.description;
        role.max_session_duration = self.max_session_duration.unwrap_or(3600);
        role.tags = request.all_tags(&self.tags);
        Ok(())
    }
}

fn created(role: &Role) -> Created {
    Created::new(role.name.clone(), [("Arn", json!(role.arn)), ("RoleId", json!(role.id))])
}

impl Handlers for RoleType {
    const NAME: &'static str = "AWS::IAM::Role";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let properties: Properties = request.typed()?;
        let name = properties.role_name.clone().unwrap_or_else(|| generated_name(request, 64));
        let path = properties.path.clone().unwrap_or_else(|| "/".to_owned());
        let arn = role_arn(&path, &name);
        let boundary = properties.permissions_boundary.as_deref();
        may_within(cloud, request, &["iam:CreateRole"], &arn, boundary)?;
        if !properties.policies.is_empty() {
            may_within(cloud, request, &["iam:PutRolePolicy"], &arn, boundary)?;
        }
        if !properties.managed_policy_arns.is_empty() {
            may_within(cloud, request, &["iam:AttachRolePolicy"], &arn, boundary)?;
        }
        cloud.iam.state.write(|state| {
            if state.roles.contains_key(&name) {
                let text = format!("Role with name {name} already exists.");
                return Err(Failure::new("AlreadyExists", text));
            }
            let mut role = Role {
                name: name.clone(),
                path,
                id: format!("AROA{}", random_id(17)),
                arn,
                description: None,
                max_session_duration: 3600,
                created_at: jiff::Timestamp::now(),
                trust: Value::Null,
                inline: BTreeMap::new(),
                attached: BTreeSet::new(),
                boundary: None,
                tags: BTreeMap::new(),
            };
            properties.apply(request, &mut role, state)?;
            let answer = created(&role);
            state.roles.insert(name, role);
            Ok(answer)
        })
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        previous: &Value,
    ) -> Result<Created, Failure> {
        let properties: Properties = request.typed()?;
        let before: Properties = typed(previous)?;
        let arn = cloud.iam.state.read(|state| super::arn_of(state, physical_id));
        let boundary = properties.permissions_boundary.as_deref();
        may(cloud, request, &["iam:UpdateAssumeRolePolicy"], &arn)?;
        if !properties.policies.is_empty() {
            may_within(cloud, request, &["iam:PutRolePolicy"], &arn, boundary)?;
        }
        cloud.iam.state.write(|state| {
            let mut role = super::role_mut(state, physical_id)?.clone();
            // Policies that other resources put on the role stay.
            for inline in &before.policies {
                role.inline.remove(&inline.policy_name);
            }
            for arn in &before.managed_policy_arns {
                role.attached.remove(arn);
            }
            properties.apply(request, &mut role, state)?;
            let answer = created(&role);
            state.roles.insert(physical_id.to_owned(), role);
            Ok(answer)
        })
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        let properties: Properties = request.typed()?;
        let arn = cloud.iam.state.read(|state| super::arn_of(state, physical_id));
        may(cloud, request, &["iam:DeleteRole"], &arn)?;
        cloud.iam.state.write(|state| {
            let Some(role) = state.roles.get(physical_id) else { return Ok(()) };
            // The handler takes away what the template declares; the rest blocks.
            let declared = |name: &String| properties.policies.iter().any(|p| p.policy_name == *name);
            let what = if !role.attached.iter().all(|arn| properties.managed_policy_arns.contains(arn)) {
                Some("detach all policies")
            } else if !role.inline.keys().all(declared) {
                Some("delete policies")
            } else {
                None
            };
            if let Some(what) = what {
                let text = format!("Cannot delete entity, must {what} first.");
                return Err(Failure::new("ResourceConflict", text));
            }
            state.roles.remove(physical_id);
            Ok(())
        })
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        _request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        let role = cloud.iam.state.read(|state| state.roles.get(physical_id).cloned());
        Ok(role.map(|role| {
            let policies: Vec<Value> = role
                .inline
                .iter()
                .map(|(name, document)| json!({"PolicyName": name, "PolicyDocument": document}))
                .collect();
            let mut live = json!({
                "RoleName": role.name,
                "RoleId": role.id,
                "Arn": role.arn,
                "Path": role.path,
                "MaxSessionDuration": role.max_session_duration,
                "AssumeRolePolicyDocument": role.trust,
                "ManagedPolicyArns": role.attached,
                "Policies": policies,
                "Tags": tags_json(&role.tags),
            });
            if let Some(description) = role.description {
                live["Description"] = json!(description);
            }
            if let Some(boundary) = role.boundary {
                live["PermissionsBoundary"] = json!(boundary);
            }
            live
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::auth::Principal;
    use crate::resource::testing::{cloud, request};

    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/profiles";

    fn properties(extra: Value) -> Value {
        let mut properties = json!({
            "RoleName": "r",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]},
            "Policies": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE}]}}],
        });
        properties.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        properties
    }

    async fn create(cloud: &Arc<Cloud>, extra: Value) -> Result<Created, Failure> {
        RoleType.create(cloud, &request("GetProfileRole", properties(extra))).await
    }

    fn session() -> Principal {
        Principal::Role {
            role_arn: "arn:aws:iam::000000000000:role/r".to_owned(),
            role_name: "r".to_owned(),
            session: "s".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_session_may_do_what_its_role_allows_and_the_refusal_names_everything() {
        let cloud = cloud();
        let created = create(&cloud, json!({})).await.unwrap();
        assert_eq!(created.physical_id, "r");
        assert_eq!(created.attributes["Arn"], "arn:aws:iam::000000000000:role/r");
        cloud.iam.authorize(&session(), "dynamodb:GetItem", TABLE, &[]).unwrap();
        let error = cloud.iam.authorize(&session(), "dynamodb:PutItem", TABLE, &[]).unwrap_err();
        assert_eq!(error.code, "AccessDenied");
        assert_eq!(
            error.message,
            format!(
                "User: arn:aws:sts::000000000000:assumed-role/r/s is not authorized to perform: dynamodb:PutItem on resource: {TABLE} because no identity-based policy allows the dynamodb:PutItem action"
            )
        );
        let decisions = cloud.iam.decisions();
        assert_eq!(decisions.iter().map(|d| d.allowed).collect::<Vec<_>>(), [true, true, true, false]);
    }

    #[tokio::test]
    async fn a_service_assumes_only_a_role_that_trusts_it() {
        let cloud = cloud();
        create(&cloud, json!({})).await.unwrap();
        let arn = "arn:aws:iam::000000000000:role/r";
        let credentials = cloud.iam.assume_for_service(arn, "lambda.amazonaws.com", "f", &[]).unwrap();
        let found = cloud.iam.session(&credentials.access_key_id).unwrap();
        assert_eq!(found.principal.arn(), "arn:aws:sts::000000000000:assumed-role/r/f");
        let other = cloud.iam.assume_for_service(arn, "cognito-idp.amazonaws.com", "f", &[]);
        assert_eq!(other.unwrap_err().code, "AccessDenied");
    }

    #[tokio::test]
    async fn an_update_takes_away_what_the_template_no_longer_declares() {
        let cloud = cloud();
        create(&cloud, json!({})).await.unwrap();
        let request = request("GetProfileRole", properties(json!({"Policies": []})));
        RoleType.update(&cloud, &request, "r", &properties(json!({}))).await.unwrap();
        assert!(cloud.iam.authorize(&session(), "dynamodb:GetItem", TABLE, &[]).is_err());
    }

    #[tokio::test]
    async fn a_boundary_caps_what_the_role_allows() {
        let cloud = cloud();
        let boundary = json!({"ManagedPolicyName": "b", "PolicyDocument": {"Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}});
        let boundary = super::super::managed_policy::ManagedPolicyType
            .create(&cloud, &request("Boundary", boundary))
            .await
            .unwrap();
        create(&cloud, json!({"PermissionsBoundary": boundary.physical_id})).await.unwrap();
        let error = cloud.iam.authorize(&session(), "dynamodb:GetItem", TABLE, &[]).unwrap_err();
        assert!(
            error.message.ends_with("because no permissions boundary allows the dynamodb:GetItem action")
        );
        let error = cloud.iam.authorize(&session(), "s3:GetObject", "arn:aws:s3:::b/k", &[]).unwrap_err();
        assert!(error.message.contains("no identity-based policy"));
    }

    #[tokio::test]
    async fn a_taken_name_a_bad_document_and_an_unknown_policy_create_nothing() {
        let cloud = cloud();
        let refused = |result: Result<Created, Failure>| result.unwrap_err().reason;
        let unknown = json!({"ManagedPolicyArns": ["arn:aws:iam::aws:policy/Nothing"]});
        assert!(refused(create(&cloud, unknown).await).contains("does not exist or is not attachable"));
        let bad = json!({"AssumeRolePolicyDocument": {"Statement": []}});
        assert!(refused(create(&cloud, bad).await).contains("Syntax errors in policy."));
        create(&cloud, json!({})).await.unwrap();
        assert_eq!(refused(create(&cloud, json!({})).await), "Role with name r already exists.");
    }

    #[tokio::test]
    async fn policies_from_elsewhere_block_the_delete() {
        let cloud = cloud();
        create(&cloud, json!({})).await.unwrap();
        let inline = json!({"PolicyName": "more", "Roles": ["r"], "PolicyDocument": {"Statement": [
            {"Effect": "Deny", "Action": "*", "Resource": "*"}]}});
        let policy = request("Policy", inline);
        super::super::policy::PolicyType.create(&cloud, &policy).await.unwrap();
        let error = cloud.iam.authorize(&session(), "dynamodb:GetItem", TABLE, &[]).unwrap_err();
        assert!(error.message.ends_with("with an explicit deny in an identity-based policy"));
        let role = request("GetProfileRole", properties(json!({})));
        let blocked = RoleType.delete(&cloud, &role, "r").await.unwrap_err();
        assert_eq!(blocked.reason, "Cannot delete entity, must delete policies first.");
        super::super::policy::PolicyType.delete(&cloud, &policy, "any").await.unwrap();
        RoleType.delete(&cloud, &role, "r").await.unwrap();
        RoleType.delete(&cloud, &role, "r").await.unwrap();
    }
}
