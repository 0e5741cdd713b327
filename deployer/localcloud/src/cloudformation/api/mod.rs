//! The operations of the API, one file a subject.

mod change_sets;
mod describe;
mod drift;
mod events;
mod exports;
mod recovery;
mod stacks;
mod templates;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::form::{Form, invalid};
use super::model::{Operation, Stack, State, Token};
use super::parameters::Given;
use super::stack_policy;
use crate::auth::Principal;
use crate::cloud::{Cloud, arn};
use crate::wire::{AwsError, Call};

const MAX_TEMPLATE_BODY: usize = 51_200;
const MAX_TEMPLATE_OBJECT: usize = 1_000_000;

/// One request with what its handler needs.
pub struct Ask<'a> {
    pub cloud: &'a Arc<Cloud>,
    pub call: &'a Call,
    pub form: Form,
    pub operation: &'a str,
}

pub fn answer(cloud: &Arc<Cloud>, call: &Call) -> Result<(String, Value), AwsError> {
    let form = Form::of(call);
    let operation = form.required("Action")?.to_owned();
    let ask = Ask { cloud, call, form, operation: &operation };
    let result = match operation.as_str() {
        "CancelUpdateStack" => recovery::cancel(&ask),
        "ContinueUpdateRollback" => recovery::continue_rollback(&ask),
        "CreateChangeSet" => change_sets::create(&ask),
        "CreateStack" => stacks::create(&ask),
        "DeleteChangeSet" => change_sets::delete(&ask),
        "DeleteStack" => stacks::delete(&ask),
        "DescribeChangeSet" => change_sets::describe(&ask),
        "DescribeEvents" => events::describe_events(&ask),
        "DescribeStackDriftDetectionStatus" => drift::status(&ask),
        "DescribeStackEvents" => events::describe_stack_events(&ask),
        "DescribeStackResource" => describe::resource(&ask),
        "DescribeStackResourceDrifts" => drift::resources(&ask),
        "DescribeStackResources" => describe::resources(&ask),
        "DescribeStacks" => describe::stacks(&ask),
        "DetectStackDrift" => drift::detect(&ask),
        "ExecuteChangeSet" => change_sets::execute(&ask),
        "GetStackPolicy" => stacks::get_policy(&ask),
        "GetTemplate" => templates::get(&ask),
        "GetTemplateSummary" => templates::summary(&ask),
        "ListChangeSets" => change_sets::list(&ask),
        "ListExports" => exports::list(&ask),
        "ListImports" => exports::imports(&ask),
        "ListStackResources" => describe::list_resources(&ask),
        "ListStacks" => describe::list(&ask),
        "RollbackStack" => recovery::rollback(&ask),
        "SetStackPolicy" => stacks::set_policy(&ask),
        "UpdateStack" => stacks::update(&ask),
        "UpdateTerminationProtection" => stacks::termination_protection(&ask),
        "ValidateTemplate" => templates::validate(&ask),
        other => Err(AwsError::not_implemented(format_args!("cloudformation:{other}"))),
    };
    result.map(|result| (operation, result))
}

impl Ask<'_> {
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        self.cloud.cloudformation.state.read(look)
    }

    pub fn write<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        self.cloud.cloudformation.state.write(change)
    }

    /// Whether the caller may do this on a stack, by id, or on the name of one to come.
    pub fn authorize(&self, stack: &str) -> Result<(), AwsError> {
        let resource = if stack.starts_with("arn:") {
            stack.to_owned()
        } else {
            let known = self.read(|state| state.find(stack, &self.call.region).map(|it| it.id.clone()));
            known.unwrap_or_else(|| arn("cloudformation", &self.call.region, &format!("stack/{stack}/*")))
        };
        let action = format!("cloudformation:{}", self.operation);
        self.cloud.iam.authorize(&self.call.principal, &action, &resource, &[])
    }

    /// The id of the stack that `StackName` names, where it exists.
    pub fn stack_id(&self, missing: impl Fn(&str) -> String) -> Result<String, AwsError> {
        let name = self.form.required("StackName")?;
        self.authorize(name)?;
        let found = self.read(|state| state.find(name, &self.call.region).map(|stack| stack.id.clone()));
        found.ok_or_else(|| invalid(missing(name)))
    }

    /// Changes one stack.
    pub fn on_stack<R>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Stack) -> Result<R, AwsError>,
    ) -> Result<R, AwsError> {
        self.write(|state| match state.stacks.get_mut(id) {
            Some(stack) => change(stack),
            None => Err(invalid(format!("Stack with id {id} does not exist"))),
        })
    }

    pub fn token(&self) -> Option<&str> {
        self.form.text("ClientRequestToken").or_else(|| self.form.text("ClientToken"))
    }

    /// The answer to the same request with the same token; an error where the token was another's.
    pub fn repeated(&self, stack: &Stack) -> Result<Option<Value>, AwsError> {
        let Some(token) = self.token() else { return Ok(None) };
        match stack.tokens.get(token) {
            None => Ok(None),
            Some(known) if known.operation == self.operation && known.request == self.form.fingerprint() => {
                Ok(Some(known.answer.clone()))
            }
            Some(_) => Err(AwsError::new(
                400,
                "TokenAlreadyExistsException",
                format!("Token {token} already exists"),
            )),
        }
    }

    pub fn remember(&self, stack: &mut Stack, answer: &Value) {
        if let Some(token) = self.token() {
            let token_use = Token {
                operation: self.operation.to_owned(),
                request: self.form.fingerprint(),
                answer: answer.clone(),
            };
            stack.tokens.insert(token.to_owned(), token_use);
        }
    }

    /// The service role of this operation: the one given, or the one that stuck to the stack.
    pub fn role(&self, sticking: Option<&str>) -> Result<Option<String>, AwsError> {
        let given = self.form.text("RoleARN");
        if let Some(role) = given {
            self.cloud.iam.authorize(
                &self.call.principal,
                "iam:PassRole",
                role,
                &[("iam:PassedToService", "cloudformation.amazonaws.com")],
            )?;
        }
        Ok(given.or(sticking).map(str::to_owned))
    }

    /// Who acts on the stack's resources.
    pub fn principal(&self, role: Option<&str>) -> Result<Principal, AwsError> {
        let Some(role) = role else { return Ok(self.call.principal.clone()) };
        const SESSION: &str = "AWSCloudFormation";
        self.cloud
            .iam
            .assume_for_service(role, "cloudformation.amazonaws.com", SESSION, &[])
            .map_err(|_| invalid(format!("Role {role} is invalid or cannot be assumed")))?;
        let role_name = role.rsplit('/').next().unwrap_or(role).to_owned();
        Ok(Principal::Role { role_arn: role.to_owned(), role_name, session: SESSION.to_owned() })
    }

    pub fn new_operation(&self, kind: &str, role: Option<&str>) -> Result<Operation, AwsError> {
        Ok(Operation::new(kind, self.token(), self.principal(role)?))
    }

    /// The template's text: inline, from S3, or the one before.
    pub fn template(&self, previous: Option<&str>) -> Result<String, AwsError> {
        let use_previous = self.form.flag("UsePreviousTemplate")?.unwrap_or(false);
        match (self.form.text("TemplateBody"), self.form.text("TemplateURL"), use_previous) {
            (Some(body), None, false) if body.len() > MAX_TEMPLATE_BODY => Err(invalid(format!(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to {MAX_TEMPLATE_BODY}"
            ))),
            (Some(body), None, false) => Ok(body.to_owned()),
            (None, Some(url), false) => self.template_object(url),
            (None, None, true) => previous
                .map(str::to_owned)
                .ok_or_else(|| invalid("UsePreviousTemplate needs a stack that has a template")),
            _ => Err(invalid("Either Template URL or Template Body must be specified.")),
        }
    }

    fn template_object(&self, url: &str) -> Result<String, AwsError> {
        let (bucket, key, version) = super::template_url::parse(url, self.cloud.endpoint())
            .ok_or_else(|| invalid("TemplateURL must be a supported URL."))?;
        let resource = format!("arn:aws:s3:::{bucket}/{key}");
        self.cloud.iam.authorize(&self.call.principal, "s3:GetObject", &resource, &[])?;
        let bytes = self
            .cloud
            .s3
            .object(&bucket, &key, version.as_deref())
            .map_err(|error| invalid(format!("S3 error: {}", error.message)))?;
        if bytes.len() > MAX_TEMPLATE_OBJECT {
            return Err(invalid(format!("Template may not exceed {MAX_TEMPLATE_OBJECT} bytes in size.")));
        }
        String::from_utf8(bytes.to_vec())
            .map_err(|_| invalid("Template format error: the template is not UTF-8"))
    }

    pub fn parameters(&self) -> Result<BTreeMap<String, Given>, AwsError> {
        let mut given = BTreeMap::new();
        for member in self.form.structures("Parameters").unwrap_or_default() {
            let name = member.required("ParameterKey")?;
            let value = match (
                member.text("ParameterValue"),
                member.flag("UsePreviousValue")?.unwrap_or(false),
            ) {
                (Some(value), false) => Given::Value(value.to_owned()),
                (None, true) => Given::Previous,
                _ => {
                    return Err(invalid(format!(
                        "Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and non empty value for a parameter"
                    )));
                }
            };
            if given.insert(name.to_owned(), value).is_some() {
                return Err(invalid(format!("Duplicate parameter keys: [{name}]")));
            }
        }
        Ok(given)
    }

    /// Tags as given; absent ones keep those before, an empty list removes them all.
    pub fn tags(&self, before: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, AwsError> {
        let Some(tags) = self.form.pairs("Tags", "Key", "Value") else { return Ok(before.clone()) };
        if tags.len() > 50 {
            return Err(invalid(
                "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
            ));
        }
        if let Some(key) =
            tags.keys().find(|key| key.to_ascii_lowercase().starts_with("aws:") || key.is_empty())
        {
            return Err(invalid(format!("Tag keys may not be empty or start with aws: ({key})")));
        }
        Ok(tags)
    }

    pub fn policy(&self, body: &str) -> Result<Option<Value>, AwsError> {
        self.form.text(body).map(|text| stack_policy::parse(text).map_err(invalid)).transpose()
    }
}

/// A page of a list: `token` is where the last one ended. Pages are small, so that callers page.
pub fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<T>, Option<String>), AwsError> {
    let start = match token {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|at| at.parse::<usize>().ok())
            .filter(|at| *at < items.len())
            .ok_or_else(|| invalid("Invalid NextToken"))?,
    };
    let next = (items.len() > start + size).then(|| format!("page-{}", start + size));
    Ok((items.into_iter().skip(start).take(size).collect(), next))
}

pub fn tag_list(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}
