//! The artefact bucket and what goes into it. Keys carry the content's hash: what is there is right.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::{StreamExt, TryStreamExt, stream};

use super::{Desired, Engine, Error, Progress};
use crate::aws;
use crate::project::Class;

/// The stack of the bucket, one an account and region.
pub const BUCKET_STACK: &str = "deployer-artifacts";

/// Uploads that run at the same time.
const PARALLEL: usize = 4;

/// A file that CloudFormation will read.
#[derive(Debug, Clone)]
pub struct Upload {
    pub key: String,
    pub file: PathBuf,
    /// Of the file's content, hexadecimal.
    pub sha256: String,
    pub bytes: u64,
}

/// Unique across all accounts, and the same for everyone in this one.
pub fn bucket_name(account: &str, region: &str) -> String {
    format!("deployer-artifacts-{account}-{region}")
}

/// The bucket's own stack: private, encrypted, TLS only, kept when the stack goes.
pub fn bucket_stack(account: &str, region: &str, embedded: bool) -> Desired {
    let policy = if embedded { "Delete" } else { "Retain" };
    let template = include_str!("artifacts.yaml").replace("@POLICY@", policy);
    Desired {
        stack: BUCKET_STACK.to_owned(),
        // Never asks again: whether the bucket may be made was asked before.
        class: Class::Ephemeral,
        template,
        parameters: BTreeMap::from([("BucketName".to_owned(), bucket_name(account, region))]),
        tags: BTreeMap::from([("deployer:stack".to_owned(), "artifacts".to_owned())]),
        protected: false,
        stack_policy: false,
    }
}

impl Engine<'_> {
    /// Uploads what the bucket does not have yet. Answers how many went up.
    pub async fn upload(&self, bucket: &str, uploads: Vec<Upload>) -> Result<usize, Error> {
        let sent: Vec<bool> = stream::iter(uploads)
            .map(|upload| self.upload_one(bucket, upload))
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(sent.into_iter().filter(|sent| *sent).count())
    }

    async fn upload_one(&self, bucket: &str, upload: Upload) -> Result<bool, Error> {
        let present = self
            .insist(format!("look for {} in {bucket}", upload.key), async || {
                self.aws.object_exists(bucket, &upload.key).await
            })
            .await?;
        if !present {
            let sent = self
                .insist(format!("upload {} to {bucket}", upload.key), async || {
                    self.aws.put_file(bucket, &upload.key, &upload.file, &upload.sha256).await
                })
                .await;
            if matches!(&sent, Err(Error::Aws { source, .. }) if source.is_rejected(aws::DAMAGED)) {
                // Without it the next run packs again.
                let _ = std::fs::remove_file(&upload.file);
            }
            sent?;
        }
        self.reporter.tell(Progress::Uploaded { key: upload.key, bytes: upload.bytes, present });
        Ok(!present)
    }
}
