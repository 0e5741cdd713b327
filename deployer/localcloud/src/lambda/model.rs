//! What a function is: the configuration that CloudFormation sets and that the API shows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cloud::{PARTITION, arn};

/// The two versions of the OS-only runtime: everything else needs an interpreter that this cloud lacks.
pub const RUNTIMES: [&str; 2] = ["provided.al2023", "provided.al2"];

/// One function, always its only version `$LATEST`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Function {
    pub name: String,
    pub region: String,
    pub role: String,
    pub runtime: String,
    pub handler: String,
    pub description: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// MB.
    pub memory: u64,
    /// Seconds.
    pub timeout: u64,
    pub environment: BTreeMap<String, String>,
    pub code: Code,
    pub logging: Logging,
    /// `PassThrough` or `Active`; kept, nothing is traced.
    pub tracing: String,
    /// Simultaneous invocations; `Some(0)` switches the function off.
    pub reserved: Option<usize>,
    /// As declared; kept, a function runs in the host's network.
    pub vpc: Option<Value>,
    /// Kept; the environment is not encrypted.
    pub kms_key: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// Statements of the resource policy.
    pub policy: Vec<Value>,
    /// Changes with every change of code or configuration: processes belong to one revision.
    pub revision: String,
    pub last_modified: String,
}

/// The code by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Hexadecimal hash of the zip; the name of the folder it is unpacked in.
    pub sha256: String,
    /// The same hash in base64, as the API shows it.
    pub sha256_base64: String,
    /// Bytes of the zip.
    pub size: u64,
}

/// Where and how a function logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logging {
    pub group: String,
    /// `Text` or `JSON`.
    pub format: String,
    /// Only with JSON.
    pub application_level: Option<String>,
    /// Only with JSON.
    pub system_level: Option<String>,
}

impl Function {
    pub fn arn(&self) -> String {
        function_arn(&self.region, &self.name)
    }

    /// Marks a change: running processes serve the revision before.
    pub fn touch(&mut self) {
        self.revision = uuid::Uuid::new_v4().to_string();
        self.last_modified = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string();
    }

    /// `FunctionConfiguration` of the API. A change is applied when its call answers, so State and
    /// LastUpdateStatus never show a pending one.
    pub fn configuration(&self) -> Value {
        let mut configuration = json!({
            "FunctionName": self.name,
            "FunctionArn": self.arn(),
            "Runtime": self.runtime,
            "Role": self.role,
            "Handler": self.handler,
            "CodeSize": self.code.size,
            "CodeSha256": self.code.sha256_base64,
            "Description": self.description,
            "Timeout": self.timeout,
            "MemorySize": self.memory,
            "LastModified": self.last_modified,
            "Version": "$LATEST",
            "TracingConfig": {"Mode": self.tracing},
            "RevisionId": self.revision,
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
            "Architectures": [self.architecture],
            "EphemeralStorage": {"Size": 512},
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
            "LoggingConfig": self.logging.document(),
        });
        if let Value::Object(map) = &mut configuration {
            if !self.environment.is_empty() {
                map.insert("Environment".into(), json!({"Variables": self.environment}));
            }
            if let Some(vpc) = &self.vpc {
                map.insert("VpcConfig".into(), vpc.clone());
            }
            if let Some(key) = &self.kms_key {
                map.insert("KMSKeyArn".into(), json!(key));
            }
        }
        configuration
    }

    /// The resource policy as a document; `None` where nothing was granted.
    pub fn policy_document(&self) -> Option<Value> {
        (!self.policy.is_empty())
            .then(|| json!({"Version": "2012-10-17", "Id": "default", "Statement": self.policy}))
    }
}

impl Logging {
    /// `LoggingConfig` of the API and of CloudFormation.
    pub fn document(&self) -> Value {
        let mut document = json!({"LogFormat": self.format, "LogGroup": self.group});
        if let Value::Object(map) = &mut document {
            if let Some(level) = &self.application_level {
                map.insert("ApplicationLogLevel".into(), json!(level));
            }
            if let Some(level) = &self.system_level {
                map.insert("SystemLogLevel".into(), json!(level));
            }
        }
        document
    }
}

pub fn function_arn(region: &str, name: &str) -> String {
    arn("lambda", region, &format!("function:{name}"))
}

/// The ARN of a function that is named by its ARN, its partial ARN or its name, each with or without
/// the qualifier `$LATEST`. `None` for any other qualifier: there are no versions or aliases here.
pub fn resolve(reference: &str, region: &str) -> Option<String> {
    let full = format!("arn:{PARTITION}:lambda:");
    let (region, rest) = match reference.strip_prefix(&full) {
        Some(rest) => {
            let mut parts = rest.splitn(3, ':');
            let region = parts.next()?;
            parts.next()?;
            (region, parts.next()?)
        }
        None => (region, reference.split_once(":function:").map_or(reference, |(_, rest)| rest)),
    };
    let rest = rest.strip_prefix("function:").unwrap_or(rest);
    let name = match rest.split_once(':') {
        Some((name, "$LATEST")) => name,
        Some(_) => return None,
        None => rest,
    };
    Some(function_arn(region, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_by_name_partial_arn_and_arn() {
        let arn = "arn:aws:lambda:eu-central-1:000000000000:function:f";
        for reference in ["f", "f:$LATEST", "000000000000:function:f", "function:f", arn] {
            assert_eq!(resolve(reference, "eu-central-1").as_deref(), Some(arn), "{reference}");
        }
        assert_eq!(resolve(arn, "us-east-1").as_deref(), Some(arn));
    }

    #[test]
    fn versions_and_aliases_do_not_exist() {
        assert_eq!(resolve("f:1", "us-east-1"), None);
        assert_eq!(resolve("arn:aws:lambda:us-east-1:000000000000:function:f:live", "us-east-1"), None);
    }
}
