//! Buckets and their settings.

use std::collections::BTreeMap;

use axum::response::Response;
use serde_json::{Value, json};

use super::object::{empty, header};
use super::xml::{Element, NAMESPACE, response};
use super::{Bucket, State, Versioning, list};
use crate::cloud::{ACCOUNT, REGION};
use crate::iam::{Iam, Kind};
use crate::wire::{AwsError, Call, escape_xml, plain_response};

impl Bucket {
    pub fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            created_at: jiff::Timestamp::now(),
            versioning: Versioning::Off,
            policy: None,
            encryption: None,
            // What AWS gives new buckets since April 2023.
            public_access_block: Some(json!({"BlockPublicAcls": true, "IgnorePublicAcls": true,
                "BlockPublicPolicy": true, "RestrictPublicBuckets": true})),
            ownership: None,
            lifecycle: None,
            tags: BTreeMap::new(),
            objects: BTreeMap::new(),
        }
    }
}

/// `arn:aws:s3:::BUCKET`.
pub fn arn(name: &str) -> String {
    format!("arn:aws:s3:::{name}")
}

/// Source: "General purpose bucket naming rules" in the S3 user guide.
pub fn valid_name(name: &str) -> Result<(), AwsError> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let legal = (3..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
        && edge(name.chars().next())
        && edge(name.chars().last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err();
    if legal {
        Ok(())
    } else {
        Err(AwsError::new(400, "InvalidBucketName", "The specified bucket is not valid."))
    }
}

/// A bucket's policy names a principal and only this bucket. Errors: MalformedPolicy.
pub fn valid_policy(name: &str, policy: &Value) -> Result<(), AwsError> {
    let malformed = |text: &str| AwsError::new(400, "MalformedPolicy", text);
    Iam::validate_policy(policy, Kind::Resource).map_err(|error| malformed(&error.message))?;
    let own = arn(name);
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        one => vec![one],
    };
    for statement in statements {
        let resources = match &statement["Resource"] {
            Value::Array(resources) => resources.iter().collect(),
            one => vec![one],
        };
        let foreign = |resource: &&Value| {
            resource.as_str().is_some_and(|text| text != own && !text.starts_with(&format!("{own}/")))
        };
        if resources.iter().any(foreign) {
            return Err(malformed("Policy has invalid resource"));
        }
    }
    Ok(())
}

pub fn create(state: &mut State, call: &Call, name: &str) -> Result<Response, AwsError> {
    valid_name(name)?;
    let wanted = if call.body.is_empty() {
        REGION.to_owned()
    } else {
        let body = Element::parse(&call.body)?;
        body.text_of("LocationConstraint").filter(|text| !text.is_empty()).unwrap_or(REGION).to_owned()
    };
    match state.buckets.get(name) {
        // The first region still answers a second create with success, as it did before others existed.
        Some(bucket) if bucket.region == REGION && wanted == REGION => {}
        Some(_) => {
            return Err(AwsError::new(
                409,
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
            ));
        }
        None => {
            state.buckets.insert(name.to_owned(), Bucket::new(&wanted));
        }
    }
    let mut answer = empty(200, call);
    header(&mut answer, "location", &format!("/{name}"));
    Ok(answer)
}

/// A bucket goes only when it is empty.
pub fn delete(state: &mut State, name: &str) -> Result<(), AwsError> {
    let bucket = state.bucket(name)?;
    if bucket.objects.is_empty() {
        state.buckets.remove(name);
        return Ok(());
    }
    let text = if bucket.versioning == Versioning::Off {
        "The bucket you tried to delete is not empty"
    } else {
        "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    };
    Err(AwsError::new(409, "BucketNotEmpty", text))
}

pub fn head(bucket: &Bucket, call: &Call) -> Response {
    let mut answer = empty(200, call);
    header(&mut answer, "x-amz-bucket-region", &bucket.region);
    answer
}

pub fn all(state: &State, call: &Call) -> Response {
    let buckets: String = state
        .buckets
        .iter()
        .map(|(name, bucket)| {
            format!(
                "<Bucket><Name>{name}</Name><CreationDate>{}</CreationDate><BucketRegion>{}</BucketRegion></Bucket>",
                list::time(bucket.created_at),
                bucket.region
            )
        })
        .collect();
    let document = format!(
        "<ListAllMyBucketsResult xmlns=\"{NAMESPACE}\"><Owner><ID>{ACCOUNT}</ID></Owner><Buckets>{buckets}</Buckets></ListAllMyBucketsResult>"
    );
    response(200, document, &call.request_id)
}

/// The settings that can be read.
pub fn setting(bucket: &Bucket, call: &Call, name: &str) -> Result<Response, AwsError> {
    let document = match name {
        "location" => {
            // The first region is written as nothing.
            let region = if bucket.region == REGION { "" } else { &bucket.region };
            format!("<LocationConstraint xmlns=\"{NAMESPACE}\">{region}</LocationConstraint>")
        }
        "versioning" => {
            let status = match bucket.versioning {
                Versioning::Off => "",
                Versioning::Enabled => "<Status>Enabled</Status>",
                Versioning::Suspended => "<Status>Suspended</Status>",
            };
            format!("<VersioningConfiguration xmlns=\"{NAMESPACE}\">{status}</VersioningConfiguration>")
        }
        "encryption" => encryption(bucket),
        "publicAccessBlock" => public_access_block(bucket)?,
        "policy" => {
            let policy = bucket.policy.as_ref().ok_or_else(|| {
                AwsError::new(404, "NoSuchBucketPolicy", "The bucket policy does not exist")
            })?;
            return Ok(plain_response(200, "application/json", policy.to_string(), &call.request_id));
        }
        "tagging" => tagging(bucket)?,
        other => return Err(AwsError::not_implemented(format_args!("reading a bucket's {other}"))),
    };
    Ok(response(200, document, &call.request_id))
}

fn encryption(bucket: &Bucket) -> String {
    let rule = bucket
        .encryption
        .as_ref()
        .map_or(&Value::Null, |encryption| &encryption["ServerSideEncryptionConfiguration"][0]);
    let default = &rule["ServerSideEncryptionByDefault"];
    let algorithm = default["SSEAlgorithm"].as_str().unwrap_or("AES256");
    let key = default["KMSMasterKeyID"]
        .as_str()
        .map(|key| format!("<KMSMasterKeyID>{}</KMSMasterKeyID>", escape_xml(key)))
        .unwrap_or_default();
    let bucket_key = rule["BucketKeyEnabled"].as_bool().unwrap_or(false);
    format!(
        "<ServerSideEncryptionConfiguration xmlns=\"{NAMESPACE}\"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{}</SSEAlgorithm>{key}</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>{bucket_key}</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>",
        escape_xml(algorithm)
    )
}

fn public_access_block(bucket: &Bucket) -> Result<String, AwsError> {
    let block = bucket.public_access_block.as_ref().ok_or_else(|| {
        AwsError::new(
            404,
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        )
    })?;
    let flags: String = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
        .iter()
        .map(|name| format!("<{name}>{}</{name}>", block[*name].as_bool().unwrap_or(false)))
        .collect();
    Ok(format!(
        "<PublicAccessBlockConfiguration xmlns=\"{NAMESPACE}\">{flags}</PublicAccessBlockConfiguration>"
    ))
}

fn tagging(bucket: &Bucket) -> Result<String, AwsError> {
    if bucket.tags.is_empty() {
        return Err(AwsError::new(404, "NoSuchTagSet", "The TagSet does not exist"));
    }
    let tags: String = bucket
        .tags
        .iter()
        .map(|(key, value)| {
            format!("<Tag><Key>{}</Key><Value>{}</Value></Tag>", escape_xml(key), escape_xml(value))
        })
        .collect();
    Ok(format!("<Tagging xmlns=\"{NAMESPACE}\"><TagSet>{tags}</TagSet></Tagging>"))
}

/// The settings that can be written over the wire: versioning and the policy.
pub fn set(state: &mut State, call: &Call, name: &str, setting: &str) -> Result<Response, AwsError> {
    let bucket = state.bucket_mut(name)?;
    match setting {
        "versioning" => {
            let body = super::body::payload(&call.headers, &call.body)?.bytes;
            bucket.versioning = match Element::parse(&body)?.text_of("Status") {
                Some("Enabled") => Versioning::Enabled,
                Some("Suspended") => Versioning::Suspended,
                _ => {
                    let text = "The Versioning element must be specified";
                    return Err(AwsError::new(400, "IllegalVersioningConfigurationException", text));
                }
            };
            Ok(empty(200, call))
        }
        "policy" => {
            let body = super::body::payload(&call.headers, &call.body)?.bytes;
            let policy: Value = serde_json::from_slice(&body).map_err(|_| {
                AwsError::new(
                    400,
                    "MalformedPolicy",
                    "Policies must be valid JSON and the first byte must be '{'",
                )
            })?;
            valid_policy(name, &policy)?;
            bucket.policy = Some(policy);
            Ok(empty(204, call))
        }
        other => Err(AwsError::not_implemented(format_args!("writing a bucket's {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_rules() {
        for name in ["abc", "a.b-c1", "0123"] {
            valid_name(name).unwrap();
        }
        for name in ["ab", "Abc", "-abc", "abc-", "a..b", "192.168.0.1", "a_b", &"a".repeat(64)] {
            assert_eq!(valid_name(name).unwrap_err().code, "InvalidBucketName", "{name}");
        }
    }

    #[test]
    fn a_bucket_policy_speaks_of_its_own_bucket() {
        let policy = |resource: &str| {
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
                "Action": "s3:*", "Resource": resource}]})
        };
        valid_policy("mine", &policy("arn:aws:s3:::mine")).unwrap();
        valid_policy("mine", &policy("arn:aws:s3:::mine/*")).unwrap();
        let error = valid_policy("mine", &policy("arn:aws:s3:::minette/*")).unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            ("MalformedPolicy", "Policy has invalid resource")
        );
    }
}
