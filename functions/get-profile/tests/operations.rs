//! What the binary can send, read off its bytes: fails when a new SDK leaves other texts in binaries than
//! `deployer_source::binary` looks for.

use std::collections::BTreeSet;

use deployer_source::binary::operations;

#[test]
fn the_binary_names_the_operations_that_its_code_sends_and_no_others() -> std::io::Result<()> {
    let code = std::fs::read(env!("CARGO_BIN_EXE_get-profile"))?;
    let expected =
        [("cognitoidentityprovider", "AdminGetUser"), ("dynamodb", "GetItem"), ("dynamodb", "PutItem")];
    let expected = expected.map(|(service, operation)| (service.to_owned(), operation.to_owned()));
    assert_eq!(operations(&code), BTreeSet::from(expected));
    Ok(())
}
