//! AWS::Lambda::Permission: one statement of a function's resource policy.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::properties;
use crate::cloud::Cloud;
use crate::lambda::permission::{Grant, add, authorize, withdraw};
use crate::resource::{Created, Failure, Request, ResourceType, generated_name};

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

impl ResourceType for PermissionType {
    fn name(&self) -> &'static str {
        "AWS::Lambda::Permission"
    }

    fn create<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        async move {
            let declared: PermissionProperties = properties(self.name(), &request.properties)?;
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
            let attributes = Map::from_iter([("Id".to_owned(), json!(grant.statement_id))]);
            Ok(Created { physical_id: grant.statement_id, attributes })
        }
        .boxed()
    }

    /// Every property is create-only, so there is nothing that an update could be asked.
    fn update<'a>(
        &'a self,
        _cloud: &'a Arc<Cloud>,
        _request: &'a Request,
        physical_id: &'a str,
        _previous: &'a Value,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        async move {
            let attributes = Map::from_iter([("Id".to_owned(), json!(physical_id))]);
            Ok(Created { physical_id: physical_id.to_owned(), attributes })
        }
        .boxed()
    }

    fn delete<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let declared: PermissionProperties = properties(self.name(), &request.properties)?;
            // With its function the whole policy is gone.
            let Ok(function) = cloud.lambda.find(&declared.function_name, &request.region) else {
                return Ok(());
            };
            authorize(cloud, &request.principal, "lambda:RemovePermission", &function.arn())?;
            withdraw(cloud, &function, physical_id)?;
            Ok(())
        }
        .boxed()
    }

    fn read<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        async move {
            let declared: PermissionProperties = properties(self.name(), &request.properties)?;
            let Ok(function) = cloud.lambda.find(&declared.function_name, &request.region) else {
                return Ok(None);
            };
            authorize(cloud, &request.principal, "lambda:GetPolicy", &function.arn())?;
            let there = |statement: &Value| statement.get("Sid").and_then(Value::as_str) == Some(physical_id);
            // A statement is never changed in place: it is there as it was declared, or gone.
            Ok(function.policy.iter().any(there).then(|| request.properties.clone()))
        }
        .boxed()
    }
}
