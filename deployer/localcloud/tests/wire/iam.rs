//! Signatures, sessions and identities over the wire.

use aws_credential_types::Credentials;
use aws_sdk_sts::error::ProvideErrorMetadata;

use serde_json::{Value, json};

use crate::support::{administrator, as_function, cloud, create_role, raw, with_credentials};

#[tokio::test]
async fn the_key_pair_test_is_the_administrator() {
    let cloud = cloud().await;
    let sts = aws_sdk_sts::Client::new(&administrator(&cloud));
    let identity = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some("000000000000"));
    assert_eq!(identity.arn(), Some("arn:aws:iam::000000000000:user/test"));
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_are_refused() {
    let cloud = cloud().await;
    for (key, secret, code) in
        [("test", "wrong", "SignatureDoesNotMatch"), ("AKIAUNKNOWN", "test", "InvalidClientTokenId")]
    {
        let credentials = Credentials::new(key, secret, None, None, "test");
        let sts = aws_sdk_sts::Client::new(&with_credentials(&cloud, credentials));
        let error = sts.get_caller_identity().send().await.unwrap_err();
        assert_eq!(error.code(), Some(code));
    }
}

#[tokio::test]
async fn a_session_is_known_by_its_token_and_named_by_its_role() {
    let cloud = cloud().await;
    let trust = json!({"Service": "lambda.amazonaws.com"});
    create_role(
        &cloud,
        "get-profile",
        trust,
        json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]),
    )
    .await;
    let function = as_function(&cloud, "get-profile");
    let identity = aws_sdk_sts::Client::new(&function).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some("arn:aws:sts::000000000000:assumed-role/get-profile/f"));
    assert!(identity.user_id().unwrap().starts_with("AROA") && identity.user_id().unwrap().ends_with(":f"));
    let arn = "arn:aws:iam::000000000000:role/get-profile";
    let session = cloud.cloud().iam.assume_for_service(arn, "lambda.amazonaws.com", "f", &[]).unwrap();
    for token in [None, Some("another".to_owned())] {
        let credentials =
            Credentials::new(&session.access_key_id, &session.secret_access_key, token, None, "test");
        let sts = aws_sdk_sts::Client::new(&with_credentials(&cloud, credentials));
        let error = sts.get_caller_identity().send().await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidClientTokenId"));
    }
}

#[tokio::test]
async fn a_role_is_assumed_by_whom_it_trusts_alone() {
    let cloud = cloud().await;
    let everything = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
    create_role(&cloud, "open", json!({"AWS": "000000000000"}), everything.clone()).await;
    create_role(&cloud, "closed", json!({"Service": "lambda.amazonaws.com"}), everything).await;
    let sts = aws_sdk_sts::Client::new(&administrator(&cloud));
    let assume = |role: &str| {
        let arn = format!("arn:aws:iam::000000000000:role/{role}");
        sts.assume_role().role_arn(arn).role_session_name("me").send()
    };
    let assumed = assume("open").await.unwrap();
    assert_eq!(assumed.assumed_role_user().unwrap().arn(), "arn:aws:sts::000000000000:assumed-role/open/me");
    let found = assumed.credentials().unwrap();
    let token = Some(found.session_token().to_owned());
    let credentials = Credentials::new(found.access_key_id(), found.secret_access_key(), token, None, "test");
    let s3 = aws_sdk_s3::Client::new(&with_credentials(&cloud, credentials));
    s3.list_buckets().send().await.unwrap();
    for role in ["closed", "absent"] {
        assert_eq!(assume(role).await.unwrap_err().code(), Some("AccessDenied"), "{role}");
    }
}

#[tokio::test]
async fn every_protocol_words_a_wrong_signature_its_own_way() {
    let cloud = cloud().await;
    let wrong = with_credentials(&cloud, Credentials::new("test", "wrong", None, None, "test"));
    let tables = aws_sdk_dynamodb::Client::new(&wrong).list_tables().send().await.unwrap_err();
    assert_eq!(tables.code(), Some("InvalidSignatureException"));
    let buckets = aws_sdk_s3::Client::new(&wrong).list_buckets().send().await.unwrap_err();
    assert_eq!(buckets.code(), Some("SignatureDoesNotMatch"));
    let functions = aws_sdk_lambda::Client::new(&wrong).list_functions().send().await.unwrap_err();
    assert_eq!(functions.code(), Some("InvalidSignatureException"));
}

#[tokio::test]
async fn an_old_request_is_refused() {
    let cloud = cloud().await;
    let request = "GET /bucket/key HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\nx-amz-date: 20200101T000000Z\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\nauthorization: AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00\r\n\r\n";
    let answer = raw(&cloud, request).await;
    assert!(answer.contains("<Code>RequestTimeTooSkewed</Code>"), "{answer}");
}

#[tokio::test]
async fn every_judgement_is_shown_with_its_outcome() {
    let cloud = cloud().await;
    let trust = json!({"Service": "lambda.amazonaws.com"});
    let list = json!([{"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}]);
    create_role(&cloud, "get-profile", trust, list).await;
    let tables = aws_sdk_dynamodb::Client::new(&as_function(&cloud, "get-profile"));
    tables.list_tables().send().await.unwrap();
    tables.describe_table().table_name("profiles").send().await.unwrap_err();
    let answer = raw(&cloud, "GET /_local/decisions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let of_function: Vec<(&str, &str, bool)> = body["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["principal"] == "arn:aws:sts::000000000000:assumed-role/get-profile/f")
        .map(|found| {
            let text = |name: &str| found[name].as_str().unwrap();
            (text("action"), text("resource"), found["allowed"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(
        of_function,
        [
            ("dynamodb:ListTables", "arn:aws:dynamodb:us-east-1:000000000000:table/*", true),
            ("dynamodb:DescribeTable", "arn:aws:dynamodb:us-east-1:000000000000:table/profiles", false),
        ]
    );
}
