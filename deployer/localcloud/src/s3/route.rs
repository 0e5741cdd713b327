//! Which operation a request is: by host, path, method and query.

use std::sync::Arc;

use axum::response::Response;
use http::Method;
use percent_encoding::percent_decode_str;

use super::xml::error_response;
use super::{bucket, list, object};
use crate::auth::query_pairs;
use crate::cloud::{ACCOUNT, Cloud};
use crate::wire::{AwsError, Call};

/// Query parameters that refine an operation. Any other one asks for an operation of its own.
const REFINING: [&str; 16] = [
    "x-id",
    "list-type",
    "prefix",
    "delimiter",
    "max-keys",
    "continuation-token",
    "start-after",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "version-id-marker",
    "versionId",
    "response-content-type",
    "bucket-region",
    "max-buckets",
    "partNumber",
];

pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    match answer(cloud, &call).await {
        Ok(response) => response,
        Err(error) => error_response(&error, &call),
    }
}

/// What a request is about.
struct Target {
    bucket: String,
    key: String,
    query: Vec<(String, String)>,
    /// The parameter that names an operation of its own: `versions`, `policy`, …
    sub: Option<String>,
}

impl Target {
    fn read(call: &Call) -> Result<Self, AwsError> {
        let query = query_pairs(call.uri.query().unwrap_or_default());
        let own = |name: &str| !REFINING.contains(&name) && !name.starts_with("X-Amz-");
        let mut subs = query.iter().map(|(name, _)| name.as_str()).filter(|name| own(name));
        let sub = subs.next().map(str::to_owned);
        if let Some(second) = subs.next() {
            return Err(AwsError::not_implemented(format_args!("s3 with ?{second}")));
        }
        let path = percent_decode_str(call.uri.path())
            .decode_utf8()
            .map_err(|_| AwsError::new(400, "InvalidURI", "Couldn't parse the specified URI."))?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = match call.header("host").and_then(bucket_of_host) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned(), sub, query: query.clone() })
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// `bucket.localhost:4566` or `bucket.s3.us-east-1.localhost`.
fn bucket_of_host(host: &str) -> Option<&str> {
    let name = host.split(':').next().unwrap_or(host).strip_suffix(".localhost")?;
    let name = match name.rfind(".s3.") {
        Some(at) => &name[..at],
        None => name.strip_suffix(".s3").unwrap_or(name),
    };
    (name != "s3" && !name.starts_with("s3.")).then_some(name)
}

async fn answer(cloud: &Arc<Cloud>, call: &Call) -> Result<Response, AwsError> {
    if let Some(owner) = call.header("x-amz-expected-bucket-owner")
        && owner != ACCOUNT
    {
        return Err(AwsError::new(403, "AccessDenied", "Access Denied"));
    }
    let target = Target::read(call)?;
    match (target.bucket.is_empty(), target.key.is_empty()) {
        (true, _) => {
            if call.method != Method::GET {
                return Err(not_allowed());
            }
            cloud.iam.authorize(&call.principal, "s3:ListAllMyBuckets", "*", &[]).map_err(quoted)?;
            Ok(cloud.s3.state.read(|state| bucket::all(state, call)))
        }
        (false, true) => of_bucket(cloud, call, &target),
        (false, false) => of_object(cloud, call, &target).await,
    }
}

/// Judges a call with the bucket's own policy beside the caller's.
fn may(cloud: &Cloud, call: &Call, action: &str, target: &Target, key: &str) -> Result<(), AwsError> {
    let arn = bucket::arn(&target.bucket);
    let resource = if key.is_empty() { arn } else { format!("{arn}/{key}") };
    let policy = cloud.s3.policy(&target.bucket);
    cloud.iam.authorize_with(&call.principal, action, &resource, &[], policy.as_ref()).map_err(quoted)
}

/// S3 alone writes the resource in quotation marks.
fn quoted(mut error: AwsError) -> AwsError {
    if let Some((before, after)) = error.message.split_once(" on resource: ") {
        let (resource, cause) = after.split_once(' ').unwrap_or((after, ""));
        error.message = format!("{before} on resource: \"{resource}\" {cause}");
    }
    error
}

fn not_allowed() -> AwsError {
    AwsError::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

fn of_bucket(cloud: &Arc<Cloud>, call: &Call, target: &Target) -> Result<Response, AwsError> {
    let (name, state) = (&target.bucket, &cloud.s3.state);
    let allow = |action: &str| may(cloud, call, action, target, "");
    let query = |name: &str| target.query(name);
    match (call.method.as_str(), target.sub.as_deref()) {
        ("PUT", None) => {
            allow("s3:CreateBucket")?;
            state.write(|state| bucket::create(state, call, name))
        }
        ("HEAD", None) => {
            allow("s3:ListBucket")?;
            state.read(|state| state.bucket(name).map(|bucket| bucket::head(bucket, call)))
        }
        ("GET", None) if target.query("list-type") == Some("2") => {
            allow("s3:ListBucket")?;
            state.read(|state| list::objects(name, state.bucket(name)?, call, query))
        }
        ("GET", Some("versions")) => {
            allow("s3:ListBucketVersions")?;
            state.read(|state| list::versions(name, state.bucket(name)?, call, query))
        }
        ("GET", Some(setting)) => {
            allow(&format!("s3:Get{}", action_of(setting)))?;
            state.read(|state| bucket::setting(state.bucket(name)?, call, setting))
        }
        ("PUT", Some(setting)) => {
            allow(&format!("s3:Put{}", action_of(setting)))?;
            state.write(|state| bucket::set(state, call, name, setting))
        }
        ("DELETE", Some("policy")) => {
            allow("s3:DeleteBucketPolicy")?;
            state.write(|state| state.bucket_mut(name).map(|bucket| bucket.policy = None))?;
            Ok(object::empty(204, call))
        }
        ("DELETE", None) => {
            allow("s3:DeleteBucket")?;
            state.write(|state| bucket::delete(state, name))?;
            Ok(object::empty(204, call))
        }
        ("POST", Some("delete")) => {
            state.read(|state| state.bucket(name).map(drop))?;
            object::delete_many(&cloud.s3, call, name, |key, version| {
                may(cloud, call, delete_action(version), target, key)
            })
        }
        (method, sub) => Err(AwsError::not_implemented(format_args!(
            "s3 {method} of a bucket{}",
            sub.map(|sub| format!(" with ?{sub}")).unwrap_or_default()
        ))),
    }
}

/// The names of the settings in IAM's actions are not those of the query.
fn action_of(setting: &str) -> &str {
    match setting {
        "location" => "BucketLocation",
        "versioning" => "BucketVersioning",
        "encryption" => "EncryptionConfiguration",
        "publicAccessBlock" => "BucketPublicAccessBlock",
        "policy" => "BucketPolicy",
        "tagging" => "BucketTagging",
        other => other,
    }
}

fn delete_action(version: Option<&str>) -> &'static str {
    if version.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" }
}

async fn of_object(cloud: &Arc<Cloud>, call: &Call, target: &Target) -> Result<Response, AwsError> {
    let (s3, name, key) = (&cloud.s3, &target.bucket, &target.key);
    let version = target.query("versionId").filter(|id| !id.is_empty());
    let allow = |action: &str| may(cloud, call, action, target, key);
    if let Some(sub) = &target.sub {
        return Err(AwsError::not_implemented(format_args!("s3 {} of an object with ?{sub}", call.method)));
    }
    match call.method.as_str() {
        "PUT" => {
            allow("s3:PutObject")?;
            s3.state.read(|state| state.bucket(name).map(drop))?;
            object::put(s3, call, name, key).await
        }
        "GET" | "HEAD" => {
            allow(if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" })?;
            object::get(s3, call, name, key, version).or_else(|error| {
                // Who may not list must not learn which keys are absent.
                if error.code == "NoSuchKey" {
                    may(cloud, call, "s3:ListBucket", target, "")?;
                }
                Err(error)
            })
        }
        "DELETE" => {
            allow(delete_action(version))?;
            object::delete(s3, call, name, key, version)
        }
        _ => Err(not_allowed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_read_from_names_under_localhost_alone() {
        assert_eq!(bucket_of_host("b.localhost:4566"), Some("b"));
        assert_eq!(bucket_of_host("a.b.localhost"), Some("a.b"));
        assert_eq!(bucket_of_host("b.s3.us-east-1.localhost:1"), Some("b"));
        assert_eq!(bucket_of_host("b.s3.localhost"), Some("b"));
        for host in ["localhost:4566", "127.0.0.1:4566", "s3.localhost", "s3.us-east-1.localhost"] {
            assert_eq!(bucket_of_host(host), None, "{host}");
        }
    }
}
