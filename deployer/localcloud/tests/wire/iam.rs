//! Signatures, sessions and identities over the wire.

use aws_credential_types::Credentials;
use aws_sdk_sts::error::ProvideErrorMetadata;

use crate::support::{administrator, cloud, with_credentials};

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
