//! AWS::Lambda::Function.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::lambda::assume;
use crate::lambda::code::{Pin, fetch, unpack};
use crate::lambda::environment::is_reserved;
use crate::lambda::model::{Code, Function, Logging, RUNTIMES, function_arn};
use crate::lambda::permission::authorize;
use crate::resource::{Created, Failure, Handlers, Request, generated_name};
use crate::wire::AwsError;

/// Lambda's limit on names and values of the environment together.
const ENVIRONMENT_LIMIT: usize = 4096;

pub struct FunctionType;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FunctionProperties {
    function_name: Option<String>,
    role: String,
    code: CodeProperties,
    runtime: Option<String>,
    handler: Option<String>,
    description: Option<String>,
    architectures: Option<Value>,
    memory_size: Option<u64>,
    timeout: Option<u64>,
    environment: Option<EnvironmentProperties>,
    logging_config: Option<LoggingProperties>,
    tracing_config: Option<TracingProperties>,
    reserved_concurrent_executions: Option<usize>,
    vpc_config: Option<Value>,
    kms_key_arn: Option<String>,
    package_type: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeProperties {
    #[serde(rename = "S3Bucket")]
    bucket: String,
    #[serde(rename = "S3Key")]
    key: String,
    #[serde(rename = "S3ObjectVersion")]
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct EnvironmentProperties {
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct LoggingProperties {
    log_group: Option<String>,
    log_format: Option<String>,
    application_log_level: Option<String>,
    system_log_level: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TracingProperties {
    mode: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    key: String,
    value: String,
}

impl Handlers for FunctionType {
    const NAME: &'static str = "AWS::Lambda::Function";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let declared: FunctionProperties = request.typed()?;
        let name = declared.function_name.clone().unwrap_or_else(|| generated_name(request, 64));
        let arn = function_arn(&request.region, &name);
        authorize(cloud, &request.principal, "lambda:CreateFunction", &arn)?;
        if cloud.lambda.find(&arn, &request.region).is_ok() {
            return Err(Failure::new("AlreadyExists", format!("Function already exist: {name}")));
        }
        let (function, pin) = build(cloud, request, declared, name).await?;
        let created = created(&function);
        cloud.lambda.put(function, pin);
        Ok(created)
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        let declared: FunctionProperties = request.typed()?;
        let before = cloud.lambda.find(physical_id, &request.region)?;
        for action in ["lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"] {
            authorize(cloud, &request.principal, action, &before.arn())?;
        }
        let (mut function, pin) = build(cloud, request, declared, before.name.clone()).await?;
        function.policy = before.policy;
        let created = created(&function);
        cloud.lambda.put(function, pin);
        Ok(created)
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        let arn = function_arn(&request.region, physical_id);
        authorize(cloud, &request.principal, "lambda:DeleteFunction", &arn)?;
        cloud.lambda.remove(&arn);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        let arn = function_arn(&request.region, physical_id);
        authorize(cloud, &request.principal, "lambda:GetFunction", &arn)?;
        // Code is write-only: drift cannot see it, as on AWS.
        Ok(cloud.lambda.find(&arn, &request.region).ok().map(|function| live(&function, request)))
    }
}

fn created(function: &Function) -> Created {
    Created::new(function.name.clone(), [("Arn", json!(function.arn()))])
}

/// The properties that a read of the function shows. The stack's own tags are not the template's.
fn live(function: &Function, request: &Request) -> Value {
    let tags: Vec<Value> = function
        .tags
        .iter()
        .filter(|(key, _)| !request.tags.contains_key(*key))
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    let mut live = json!({
        "FunctionName": function.name,
        "Role": function.role,
        "Runtime": function.runtime,
        "Handler": function.handler,
        "Architectures": [function.architecture],
        "MemorySize": function.memory,
        "Timeout": function.timeout,
        "LoggingConfig": function.logging.document(),
        "TracingConfig": {"Mode": function.tracing},
        "PackageType": "Zip",
        "Tags": tags,
    });
    let optional = [
        ("Description", (!function.description.is_empty()).then(|| json!(function.description))),
        (
            "Environment",
            (!function.environment.is_empty()).then(|| json!({"Variables": function.environment})),
        ),
        ("ReservedConcurrentExecutions", function.reserved.map(|reserved| json!(reserved))),
        ("VpcConfig", function.vpc.clone()),
        ("KmsKeyArn", function.kms_key.as_ref().map(|key| json!(key))),
    ];
    if let Value::Object(live) = &mut live {
        live.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    live
}

/// Checks what is declared, fetches the code and makes the function of it.
async fn build(
    cloud: &Arc<Cloud>,
    request: &Request,
    declared: FunctionProperties,
    name: String,
) -> Result<(Function, Pin), Failure> {
    cloud.iam.authorize(
        &request.principal,
        "iam:PassRole",
        &declared.role,
        &[("iam:PassedToService", "lambda.amazonaws.com")],
    )?;
    let source = &declared.code;
    let zip = fetch(cloud, &request.principal, &source.bucket, &source.key, source.version.as_deref())?;
    let (pin, code) = unpack(cloud, zip).await?;
    let function = assemble(request, declared, name, code)?;
    assume(cloud, &function)?;
    Ok((function, pin))
}

/// The function that is declared. Pure: nothing but the rules of Lambda.
fn assemble(
    request: &Request,
    declared: FunctionProperties,
    name: String,
    code: Code,
) -> Result<Function, Failure> {
    if declared.package_type.is_some_and(|kind| kind != "Zip") {
        return Err(AwsError::not_implemented("functions from container images").into());
    }
    let runtime = declared.runtime.unwrap_or_default();
    if !RUNTIMES.contains(&runtime.as_str()) {
        let words = format!(
            "the runtime {runtime:?}: a function is a native `bootstrap` for provided.al2023 or provided.al2"
        );
        return Err(AwsError::not_implemented(words).into());
    }
    let handler = declared.handler.filter(|handler| !handler.is_empty()).ok_or_else(|| {
        invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        )
    })?;
    let environment = declared.environment.map(|environment| environment.variables).unwrap_or_default();
    check_environment(&environment)?;
    let tags = request
        .tags
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .chain(declared.tags.into_iter().map(|tag| (tag.key, tag.value)))
        .collect();
    let mut function = Function {
        region: request.region.clone(),
        role: declared.role,
        runtime,
        handler,
        description: declared.description.unwrap_or_default(),
        architecture: declared.architectures.as_ref().map_or(Ok("x86_64".to_owned()), architecture)?,
        memory: declared.memory_size.unwrap_or(128),
        timeout: declared.timeout.unwrap_or(3),
        environment,
        code,
        logging: logging(declared.logging_config, &name)?,
        tracing: declared.tracing_config.and_then(|tracing| tracing.mode).unwrap_or("PassThrough".to_owned()),
        reserved: declared.reserved_concurrent_executions,
        vpc: declared.vpc_config,
        kms_key: declared.kms_key_arn,
        tags,
        policy: Vec::new(),
        revision: String::new(),
        last_modified: String::new(),
        name,
    };
    check_size("memorySize", function.memory, 128, 10_240)?;
    check_size("timeout", function.timeout, 1, 900)?;
    function.touch();
    Ok(function)
}

fn check_size(name: &str, value: u64, least: u64, most: u64) -> Result<(), Failure> {
    let (bound, limit) = if value < least { ("greater", least) } else { ("less", most) };
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(AwsError::validation(
        "ValidationException",
        format!("1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have value {bound} than or equal to {limit}"),
    )
    .into())
}

fn check_environment(environment: &BTreeMap<String, String>) -> Result<(), Failure> {
    let reserved: Vec<&str> =
        environment.keys().map(String::as_str).filter(|name| is_reserved(name)).collect();
    if !reserved.is_empty() {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        ))
        .into());
    }
    let valid = |name: &str| {
        name.len() > 1
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    };
    if let Some(name) = environment.keys().find(|name| !valid(name)) {
        return Err(AwsError::validation(
            "ValidationException",
            format!("1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+] ({name:?})"),
        )
        .into());
    }
    let size: usize = environment.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > ENVIRONMENT_LIMIT {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {}",
            json!(environment)
        ))
        .into());
    }
    Ok(())
}

/// One architecture in a list.
pub(in crate::lambda) fn architecture(declared: &Value) -> Result<String, AwsError> {
    match declared.as_array().map(Vec::as_slice) {
        Some([Value::String(one)]) if one == "x86_64" || one == "arm64" => Ok(one.clone()),
        _ => Err(invalid(format!("Architectures must be [x86_64] or [arm64], not {declared}"))),
    }
}

fn logging(declared: Option<LoggingProperties>, name: &str) -> Result<Logging, Failure> {
    let default_group = || format!("/aws/lambda/{name}");
    let Some(declared) = declared else {
        return Ok(Logging {
            group: default_group(),
            format: "Text".to_owned(),
            application_level: None,
            system_level: None,
        });
    };
    let format = declared.log_format.unwrap_or("Text".to_owned());
    let json = format == "JSON";
    if !json && (declared.application_log_level.is_some() || declared.system_log_level.is_some()) {
        return Err(invalid("To configure log levels, set the LogFormat of the function to JSON.").into());
    }
    let level = |level: Option<String>| json.then(|| level.unwrap_or("INFO".to_owned()));
    Ok(Logging {
        group: declared.log_group.unwrap_or_else(default_group),
        application_level: level(declared.application_log_level),
        system_level: level(declared.system_log_level),
        format,
    })
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::validation("InvalidParameterValueException", message)
}
