//! AWS::Lambda::Permission: one statement of a function's resource policy.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::lambda::permission::{Grant, add, authorize, withdraw};
use crate::resource::{Created, Failure, Handlers, Request, generated_name};

pub struct PermissionType;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PermissionProperties {
    action: String,
    function_name: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
}

impl Handlers for PermissionType {
    const NAME: &'static str = "AWS::Lambda::Permission";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let declared: PermissionProperties = request.typed()?;
        let function = cloud.lambda.find(&declared.function_name, &request.region)?;
        authorize(cloud, &request.principal, "lambda:AddPermission", &function.arn())?;
        let grant = Grant {
            statement_id: generated_name(request, 100),
            action: declared.action,
            principal: declared.principal,
            source_arn: declared.source_arn,
            source_account: declared.source_account,
        };
        add(cloud, &function, &grant)?;
        Ok(Created::new(grant.statement_id.clone(), [("Id", json!(grant.statement_id))]))
    }

    /// Every property is create-only, so there is nothing that an update could be asked.
    async fn update(
        &self,
        _cloud: &Arc<Cloud>,
        _request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        Ok(Created::new(physical_id, [("Id", json!(physical_id))]))
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        let declared: PermissionProperties = request.typed()?;
        // With its function the whole policy is gone.
        let Ok(function) = cloud.lambda.find(&declared.function_name, &request.region) else {
            return Ok(());
        };
        authorize(cloud, &request.principal, "lambda:RemovePermission", &function.arn())?;
        withdraw(cloud, &function, physical_id)?;
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        let declared: PermissionProperties = request.typed()?;
        let Ok(function) = cloud.lambda.find(&declared.function_name, &request.region) else {
            return Ok(None);
        };
        authorize(cloud, &request.principal, "lambda:GetPolicy", &function.arn())?;
        let there = |statement: &Value| statement.get("Sid").and_then(Value::as_str) == Some(physical_id);
        // A statement is never changed in place: it is there as it was declared, or gone.
        Ok(function.policy.iter().any(there).then(|| request.properties.clone()))
    }
}
