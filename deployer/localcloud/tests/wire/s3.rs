//! S3 over the wire.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ChecksumAlgorithm, Delete, ObjectIdentifier, VersioningConfiguration,
};
use localcloud::{Config, Running, start};

use crate::support::{administrator, cloud, raw};

async fn with_bucket() -> (Running, Client) {
    let cloud = cloud().await;
    let s3 = Client::new(&administrator(&cloud));
    s3.create_bucket().bucket("artefacts").send().await.unwrap();
    (cloud, s3)
}

async fn put(s3: &Client, key: &str, body: &str) -> Option<String> {
    let body = ByteStream::from(body.as_bytes().to_vec());
    s3.put_object().bucket("artefacts").key(key).body(body).send().await.unwrap().version_id
}

async fn get(s3: &Client, key: &str) -> Result<String, String> {
    match s3.get_object().bucket("artefacts").key(key).send().await {
        Ok(object) => Ok(String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap()),
        Err(error) => Err(error.code().unwrap().to_owned()),
    }
}

async fn versioned(s3: &Client) {
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    s3.put_bucket_versioning().bucket("artefacts").versioning_configuration(enabled).send().await.unwrap();
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let (_cloud, s3) = with_bucket().await;
    let key = "code/a b+c/ü.zip";
    put(&s3, key, "content").await;
    assert_eq!(get(&s3, key).await.unwrap(), "content");
    let head = s3.head_object().bucket("artefacts").key(key).send().await.unwrap();
    assert_eq!(head.content_length(), Some(7));
    assert_eq!(head.e_tag(), Some("\"9a0364b9e99bb480dd25e1f0284c8555\""));
    assert_eq!(get(&s3, "absent").await.unwrap_err(), "NoSuchKey");
    assert!(
        s3.head_object()
            .bucket("artefacts")
            .key("absent")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
    assert!(s3.head_bucket().bucket("absent").send().await.unwrap_err().into_service_error().is_not_found());
}

#[tokio::test]
async fn a_streamed_body_and_every_checksum_are_verified() {
    let (_cloud, s3) = with_bucket().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &vec![7; 200_000]).unwrap();
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let body = ByteStream::from_path(file.path()).await.unwrap();
        let put = s3.put_object().bucket("artefacts").key("big").checksum_algorithm(algorithm).body(body);
        put.send().await.unwrap();
        let object = s3.get_object().bucket("artefacts").key("big").send().await.unwrap();
        assert_eq!(object.body.collect().await.unwrap().into_bytes().len(), 200_000);
    }
    let wrong = s3
        .put_object()
        .bucket("artefacts")
        .key("wrong")
        .checksum_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
        .body(ByteStream::from_static(b"not empty"));
    assert_eq!(wrong.send().await.unwrap_err().code(), Some("BadDigest"));
    assert_eq!(get(&s3, "wrong").await.unwrap_err(), "NoSuchKey");
}

#[tokio::test]
async fn if_none_match_lets_only_the_first_put_in() {
    let (_cloud, s3) = with_bucket().await;
    let put = |body: &'static str| {
        let body = ByteStream::from_static(body.as_bytes());
        s3.put_object().bucket("artefacts").key("k").if_none_match("*").body(body).send()
    };
    put("first").await.unwrap();
    let error = put("second").await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 412);
    assert_eq!(error.code(), Some("PreconditionFailed"));
    assert_eq!(get(&s3, "k").await.unwrap(), "first");
}

#[tokio::test]
async fn listings_come_in_pages_with_common_prefixes() {
    let (_cloud, s3) = with_bucket().await;
    for key in ["a/1", "a/2", "b", "c/1", "d"] {
        put(&s3, key, "x").await;
    }
    let list = || s3.list_objects_v2().bucket("artefacts").max_keys(2);
    let mut pages = list().into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.contents().len() <= 2);
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    assert_eq!(keys, ["a/1", "a/2", "b", "c/1", "d"]);
    let mut pages = list().delimiter("/").into_paginator().send();
    let (mut prefixes, mut keys) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        prefixes.extend(page.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap().to_owned()));
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    assert_eq!(prefixes, ["a/", "c/"]);
    assert_eq!(keys, ["b", "d"]);
}

#[tokio::test]
async fn a_versioned_bucket_keeps_what_is_overwritten_or_deleted() {
    let (_cloud, s3) = with_bucket().await;
    versioned(&s3).await;
    let first = put(&s3, "k", "first").await.unwrap();
    put(&s3, "k", "second").await.unwrap();
    let marker = s3.delete_object().bucket("artefacts").key("k").send().await.unwrap();
    assert_eq!(marker.delete_marker(), Some(true));
    assert_eq!(get(&s3, "k").await.unwrap_err(), "NoSuchKey");
    let old = s3.get_object().bucket("artefacts").key("k").version_id(&first).send().await.unwrap();
    assert_eq!(old.body.collect().await.unwrap().to_vec(), b"first");
    let listed = s3.list_object_versions().bucket("artefacts").send().await.unwrap();
    assert_eq!((listed.versions().len(), listed.delete_markers().len()), (2, 1));
    let full = s3.delete_bucket().bucket("artefacts").send().await.unwrap_err();
    assert_eq!(full.code(), Some("BucketNotEmpty"));
    let all = listed
        .versions()
        .iter()
        .map(|version| (version.key(), version.version_id()))
        .chain(listed.delete_markers().iter().map(|marker| (marker.key(), marker.version_id())))
        .map(|(key, id)| {
            ObjectIdentifier::builder().key(key.unwrap()).version_id(id.unwrap()).build().unwrap()
        })
        .collect();
    let delete = Delete::builder().set_objects(Some(all)).build().unwrap();
    let deleted = s3.delete_objects().bucket("artefacts").delete(delete).send().await.unwrap();
    assert_eq!((deleted.deleted().len(), deleted.errors().len()), (3, 0));
    s3.delete_bucket().bucket("artefacts").send().await.unwrap();
}

#[tokio::test]
async fn version_listings_continue_within_a_key() {
    let (_cloud, s3) = with_bucket().await;
    versioned(&s3).await;
    for (key, body) in [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1")] {
        put(&s3, key, body).await;
    }
    let (mut seen, mut key, mut version) = (Vec::new(), None, None);
    loop {
        let page = s3
            .list_object_versions()
            .bucket("artefacts")
            .max_keys(2)
            .set_key_marker(key)
            .set_version_id_marker(version)
            .send()
            .await
            .unwrap();
        seen.extend(
            page.versions().iter().map(|found| (found.key().unwrap().to_owned(), found.is_latest().unwrap())),
        );
        if page.is_truncated() != Some(true) {
            break;
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
    }
    let expected = [("a", true), ("a", false), ("a", false), ("b", true)];
    assert_eq!(seen, expected.map(|(key, latest)| (key.to_owned(), latest)));
}

#[tokio::test]
async fn a_presigned_address_needs_no_headers_and_bears_no_change() {
    let (cloud, s3) = with_bucket().await;
    put(&s3, "k", "content").await;
    let minute = PresigningConfig::expires_in(std::time::Duration::from_secs(60)).unwrap();
    let presigned = s3.get_object().bucket("artefacts").key("k").presigned(minute).await.unwrap();
    let uri: http::Uri = presigned.uri().parse().unwrap();
    let path = uri.path_and_query().unwrap().as_str();
    let host = uri.authority().unwrap();
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answer = raw(&cloud, &request(path)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("content"), "{answer}");
    let changed = raw(&cloud, &request(&path.replace("/k?", "/j?"))).await;
    assert!(
        changed.starts_with("HTTP/1.1 403") && changed.contains("<Code>SignatureDoesNotMatch</Code>"),
        "{changed}"
    );
}

#[tokio::test]
async fn a_bucket_has_its_region_encryption_and_access_block() {
    let (_cloud, s3) = with_bucket().await;
    let location = s3.get_bucket_location().bucket("artefacts").send().await.unwrap();
    assert_eq!(location.location_constraint().map(|region| region.as_str()), Some(""));
    let encryption = s3.get_bucket_encryption().bucket("artefacts").send().await.unwrap();
    let rules = encryption.server_side_encryption_configuration.unwrap().rules;
    let default = rules[0].apply_server_side_encryption_by_default().unwrap();
    assert_eq!(default.sse_algorithm().as_str(), "AES256");
    let block = s3.get_public_access_block().bucket("artefacts").send().await.unwrap();
    assert_eq!(block.public_access_block_configuration.unwrap().block_public_policy(), Some(true));
}

#[tokio::test]
async fn an_explicit_deny_of_the_bucket_stops_even_the_administrator() {
    let (_cloud, s3) = with_bucket().await;
    let deny = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::artefacts/*",
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::artefacts/no/*"}]}"#;
    s3.put_bucket_policy().bucket("artefacts").policy(deny).send().await.unwrap();
    put(&s3, "yes/k", "x").await;
    let refused =
        s3.put_object().bucket("artefacts").key("no/k").body(ByteStream::from_static(b"x")).send().await;
    let refused = refused.unwrap_err().into_service_error();
    assert_eq!(refused.code(), Some("AccessDenied"));
    assert_eq!(
        refused.message(),
        Some(
            "User: arn:aws:iam::000000000000:user/test is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::artefacts/no/k\" with an explicit deny in a resource-based policy"
        )
    );
}

#[tokio::test]
async fn what_is_not_implemented_is_refused_by_name() {
    let (_cloud, s3) = with_bucket().await;
    let error = s3.create_multipart_upload().bucket("artefacts").key("k").send().await.unwrap_err();
    assert_eq!(error.code(), Some("NotImplemented"));
}

#[tokio::test]
async fn objects_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config { folder: Some(folder.path().to_owned()), ..Config::default() };
    let cloud = start(config()).await.unwrap();
    let s3 = Client::new(&administrator(&cloud));
    s3.create_bucket().bucket("artefacts").send().await.unwrap();
    put(&s3, "k", "content").await;
    drop(s3);
    cloud.stop().await;
    let cloud = start(config()).await.unwrap();
    let s3 = Client::new(&administrator(&cloud));
    assert_eq!(get(&s3, "k").await.unwrap(), "content");
    s3.delete_object().bucket("artefacts").key("k").send().await.unwrap();
    assert_eq!(std::fs::read_dir(folder.path().join("s3")).unwrap().count(), 0);
}
