//! S3, for artefacts and templates too large to send inline.

use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use sha2::{Digest, Sha256};

use super::{Aws, Error};

/// The code of [`Aws::put_file`]'s error about a file that changed since it was packed.
pub const DAMAGED: &str = "DamagedArtifact";

impl Aws {
    fn s3(&self) -> Client {
        Client::from_conf(Builder::from(&self.config).force_path_style(self.path_style).build())
    }

    /// Whether this account's bucket is there. Another account's bucket of that name is an error.
    pub async fn bucket_exists(&self, bucket: &str, account: &str) -> Result<bool, Error> {
        match self.s3().head_bucket().bucket(bucket).expected_bucket_owner(account).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let missing = error.raw_response().is_some_and(|response| response.status().as_u16() == 404);
                if missing { Ok(false) } else { Err(Error::from(error)) }
            }
        }
    }

    pub async fn object_exists(&self, bucket: &str, key: &str) -> Result<bool, Error> {
        match self.s3().head_object().bucket(bucket).key(key).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let missing = error.raw_response().is_some_and(|response| response.status().as_u16() == 404);
                if missing { Ok(false) } else { Err(Error::from(error)) }
            }
        }
    }

    /// Stores a file whose content has this SHA-256 (hexadecimal). The key carries the hash and an
    /// object that is there is never written again, so that other content must not get there once.
    pub async fn put_file(&self, bucket: &str, key: &str, file: &Path, sha256: &str) -> Result<(), Error> {
        let rejected = |code: &str, message: String| Error::Rejected { code: code.to_owned(), message };
        let content = std::fs::read(file)
            .map_err(|error| rejected("UnreadableFile", format!("{}: {error}", file.display())))?;
        let found: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        if found != sha256 {
            return Err(rejected(DAMAGED, format!("{} is not what was packed", file.display())));
        }
        self.put(bucket, key, ByteStream::from(content)).await
    }

    pub async fn put_text(&self, bucket: &str, key: &str, text: &str) -> Result<(), Error> {
        self.put(bucket, key, ByteStream::from(text.as_bytes().to_vec())).await
    }

    async fn put(&self, bucket: &str, key: &str, body: ByteStream) -> Result<(), Error> {
        self.s3().put_object().bucket(bucket).key(key).body(body).send().await?;
        Ok(())
    }

    /// The address by which CloudFormation reads an object.
    pub fn object_url(&self, bucket: &str, key: &str) -> String {
        match self.endpoint() {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
            None => {
                let suffix = if self.region.starts_with("cn-") { ".cn" } else { "" };
                format!("https://{bucket}.s3.{}.amazonaws.com{suffix}/{key}", self.region)
            }
        }
    }

    /// Deletes every object and version of a bucket.
    pub async fn empty_bucket(&self, bucket: &str) -> Result<(), Error> {
        let s3 = self.s3();
        loop {
            let page = s3.list_object_versions().bucket(bucket).send().await?;
            let versions = page.versions.unwrap_or_default().into_iter().map(|one| (one.key, one.version_id));
            let markers =
                page.delete_markers.unwrap_or_default().into_iter().map(|one| (one.key, one.version_id));
            let objects: Vec<ObjectIdentifier> = versions
                .chain(markers)
                .filter_map(|(key, version)| {
                    ObjectIdentifier::builder().key(key?).set_version_id(version).build().ok()
                })
                .collect();
            if objects.is_empty() {
                return Ok(());
            }
            let delete =
                Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(|error| {
                    Error::Rejected { code: "InvalidRequest".to_owned(), message: error.to_string() }
                })?;
            let answer = s3.delete_objects().bucket(bucket).delete(delete).send().await?;
            if let Some(error) = answer.errors.unwrap_or_default().into_iter().next() {
                return Err(Error::Rejected {
                    code: error.code.unwrap_or_default(),
                    message: format!(
                        "{} in {bucket}: {}",
                        error.key.unwrap_or_default(),
                        error.message.unwrap_or_default()
                    ),
                });
            }
        }
    }
}
