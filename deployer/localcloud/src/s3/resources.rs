//! AWS::S3::Bucket and AWS::S3::BucketPolicy.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::bucket::{self, valid_name, valid_policy};
use super::{Bucket, Versioning};
use crate::cloud::Cloud;
use crate::resource::{Created, Failure, Handlers, Request, Tag, Types, generated_name, tags_json};
use crate::wire::AwsError;

pub const TYPES: Types = &[&BucketType, &BucketPolicyType];

struct BucketType;
struct BucketPolicyType;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct BucketProperties {
    bucket_name: Option<String>,
    bucket_encryption: Option<Value>,
    public_access_block_configuration: Option<Value>,
    versioning_configuration: Option<Value>,
    ownership_controls: Option<Value>,
    lifecycle_configuration: Option<Value>,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl BucketProperties {
    fn apply(self, request: &Request, bucket: &mut Bucket) {
        let status = self.versioning_configuration.as_ref().and_then(|it| it["Status"].as_str());
        bucket.versioning = match (status, bucket.versioning) {
            (Some("Enabled"), _) => Versioning::Enabled,
            // What was on once can only be suspended.
            (_, Versioning::Off) => Versioning::Off,
            (_, Versioning::Enabled | Versioning::Suspended) => Versioning::Suspended,
        };
        bucket.encryption = self.bucket_encryption;
        if let Some(block) = self.public_access_block_configuration {
            bucket.public_access_block = Some(block);
        }
        bucket.ownership = self.ownership_controls;
        bucket.lifecycle = self.lifecycle_configuration;
        bucket.tags = request.all_tags(&self.tags);
    }
}

fn may(cloud: &Cloud, request: &Request, action: &str, name: &str) -> Result<(), Failure> {
    let policy = cloud.s3.policy(name);
    let resource = bucket::arn(name);
    Ok(cloud.iam.authorize_with(&request.principal, action, &resource, &[], policy.as_ref())?)
}

fn created(name: &str, region: &str) -> Created {
    let attributes: Map<String, Value> = [
        ("Arn", bucket::arn(name)),
        ("DomainName", format!("{name}.s3.amazonaws.com")),
        ("DualStackDomainName", format!("{name}.s3.dualstack.{region}.amazonaws.com")),
        ("RegionalDomainName", format!("{name}.s3.{region}.amazonaws.com")),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), json!(value)))
    .collect();
    Created { physical_id: name.to_owned(), attributes }
}

fn not_found(error: AwsError) -> Failure {
    Failure::new("NotFound", error.message)
}

impl Handlers for BucketType {
    const NAME: &'static str = "AWS::S3::Bucket";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let properties: BucketProperties = request.typed()?;
        let name = properties
            .bucket_name
            .clone()
            .unwrap_or_else(|| generated_name(request, 63).to_ascii_lowercase());
        may(cloud, request, "s3:CreateBucket", &name)?;
        valid_name(&name)?;
        cloud.s3.state.write(|state| {
            if state.buckets.contains_key(&name) {
                return Err(Failure::new("AlreadyExists", format!("{name} already exists")));
            }
            let mut bucket = Bucket::new(&request.region);
            properties.apply(request, &mut bucket);
            state.buckets.insert(name.clone(), bucket);
            Ok(created(&name, &request.region))
        })
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        let properties: BucketProperties = request.typed()?;
        for action in ["s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutBucketTagging"] {
            may(cloud, request, action, physical_id)?;
        }
        cloud.s3.state.write(|state| {
            properties.apply(request, state.bucket_mut(physical_id).map_err(not_found)?);
            Ok(created(physical_id, &request.region))
        })
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        may(cloud, request, "s3:DeleteBucket", physical_id)?;
        match cloud.s3.state.write(|state| bucket::delete(state, physical_id)) {
            Err(error) if error.code == "NoSuchBucket" => Ok(()),
            other => Ok(other?),
        }
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        _request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        Ok(cloud.s3.state.read(|state| {
            let bucket = state.buckets.get(physical_id)?;
            let mut live = json!({
                "BucketName": physical_id,
                "Arn": bucket::arn(physical_id),
                "Tags": tags_json(&bucket.tags),
            });
            match bucket.versioning {
                Versioning::Off => {}
                Versioning::Enabled => live["VersioningConfiguration"] = json!({"Status": "Enabled"}),
                Versioning::Suspended => live["VersioningConfiguration"] = json!({"Status": "Suspended"}),
            }
            for (name, value) in [
                ("BucketEncryption", &bucket.encryption),
                ("PublicAccessBlockConfiguration", &bucket.public_access_block),
                ("OwnershipControls", &bucket.ownership),
                ("LifecycleConfiguration", &bucket.lifecycle),
            ] {
                if let Some(value) = value {
                    live[name] = value.clone();
                }
            }
            Some(live)
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PolicyProperties {
    bucket: String,
    policy_document: Value,
}

impl PolicyProperties {
    fn put(self, cloud: &Cloud, request: &Request, replace: bool) -> Result<Created, Failure> {
        may(cloud, request, "s3:PutBucketPolicy", &self.bucket)?;
        valid_policy(&self.bucket, &self.policy_document)?;
        cloud.s3.state.write(|state| {
            let bucket = state.bucket_mut(&self.bucket).map_err(not_found)?;
            if bucket.policy.is_some() && !replace {
                let text = format!("The bucket policy already exists on bucket {}.", self.bucket);
                return Err(Failure::new("AlreadyExists", text));
            }
            bucket.policy = Some(self.policy_document);
            Ok(Created::new(self.bucket, []))
        })
    }
}

impl Handlers for BucketPolicyType {
    const NAME: &'static str = "AWS::S3::BucketPolicy";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        request.typed::<PolicyProperties>()?.put(cloud, request, false)
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        _physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        request.typed::<PolicyProperties>()?.put(cloud, request, true)
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        may(cloud, request, "s3:DeleteBucketPolicy", physical_id)?;
        cloud.s3.state.write(|state| {
            if let Some(bucket) = state.buckets.get_mut(physical_id) {
                bucket.policy = None;
            }
        });
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        _request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        let policy = cloud.s3.policy(physical_id);
        Ok(policy.map(|policy| json!({"Bucket": physical_id, "PolicyDocument": policy})))
    }
}
