//! DynamoDB over the wire, with a role's rights.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, PointInTimeRecoveryStatus, Put, TransactWriteItem};
use localcloud::Running;
use serde_json::{Value, json};

use crate::support::{administrator, as_function, cloud, create_resource, create_role};

fn table() -> Value {
    json!({
        "TableName": "profiles",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [{"IndexName": "sk-pk-index", "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [
                {"AttributeName": "sk", "KeyType": "HASH"}, {"AttributeName": "pk", "KeyType": "RANGE"}]}],
    })
}

/// A cloud with the profiles table, the administrator's client, and one of a role with `statements`.
async fn with_role(statements: Value) -> (Running, Client, Client) {
    let cloud = cloud().await;
    create_resource(&cloud, "AWS::DynamoDB::Table", table()).await;
    create_role(&cloud, "get-profile", json!({"Service": "lambda.amazonaws.com"}), statements).await;
    let admin = Client::new(&administrator(&cloud));
    let role = Client::new(&as_function(&cloud, "get-profile"));
    (cloud, admin, role)
}

const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/profiles";

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn put(user: &str) -> Put {
    Put::builder().table_name("profiles").item("pk", text(user)).item("sk", text("PROFILE")).build().unwrap()
}

async fn get(client: &Client, user: &str) -> Result<Option<String>, (Option<String>, String)> {
    let call = client.get_item().table_name("profiles").key("pk", text(user)).key("sk", text("PROFILE"));
    match call.send().await {
        Ok(answer) => Ok(answer.item.map(|item| item["pk"].as_s().unwrap().clone())),
        Err(error) => {
            let error = error.into_service_error();
            Err((error.code().map(str::to_owned), error.message().unwrap_or_default().to_owned()))
        }
    }
}

#[tokio::test]
async fn a_role_reads_what_its_policy_names_and_nothing_else() {
    let statements = json!([{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE}]);
    let (_cloud, admin, role) = with_role(statements).await;
    admin
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(put("USER#1")).build())
        .send()
        .await
        .unwrap();
    assert_eq!(get(&role, "USER#1").await.unwrap().as_deref(), Some("USER#1"));
    let error = role.put_item().table_name("profiles").item("pk", text("x")).send().await.unwrap_err();
    let error = error.into_service_error();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    assert_eq!(
        error.message(),
        Some(format!("User: arn:aws:sts::000000000000:assumed-role/get-profile/f is not authorized to perform: dynamodb:PutItem on resource: {TABLE} because no identity-based policy allows the dynamodb:PutItem action").as_str())
    );
    let query = role
        .query()
        .table_name("profiles")
        .index_name("sk-pk-index")
        .key_condition_expression("sk = :v")
        .expression_attribute_values(":v", text("PROFILE"));
    let error = query.send().await.unwrap_err().into_service_error();
    assert!(
        error.message().unwrap().contains(&format!("dynamodb:Query on resource: {TABLE}/index/sk-pk-index"))
    );
}

#[tokio::test]
async fn a_transaction_needs_the_right_of_every_member() {
    let statements = json!([{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": TABLE}]);
    let (_cloud, admin, role) = with_role(statements).await;
    let delete = Delete::builder()
        .table_name("profiles")
        .key("pk", text("y"))
        .key("sk", text("PROFILE"))
        .build()
        .unwrap();
    let both = role
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(put("USER#2")).build())
        .transact_items(TransactWriteItem::builder().delete(delete).build());
    let error = both.send().await.unwrap_err().into_service_error();
    assert!(error.message().unwrap().contains("dynamodb:DeleteItem"));
    assert_eq!(get(&admin, "USER#2").await.unwrap(), None);
    role.transact_write_items()
        .transact_items(TransactWriteItem::builder().put(put("USER#2")).build())
        .send()
        .await
        .unwrap();
    assert!(get(&admin, "USER#2").await.unwrap().is_some());
}

#[tokio::test]
async fn leading_keys_bind_a_role_to_its_own_partition() {
    let statements = json!([{"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"], "Resource": TABLE,
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["USER#1"]}}}]);
    let (_cloud, _admin, role) = with_role(statements).await;
    assert_eq!(get(&role, "USER#1").await, Ok(None));
    assert_eq!(get(&role, "USER#2").await.unwrap_err().0.as_deref(), Some("AccessDeniedException"));
    let query = |user| {
        role.query()
            .table_name("profiles")
            .key_condition_expression("pk = :v")
            .expression_attribute_values(":v", text(user))
            .send()
    };
    query("USER#1").await.unwrap();
    assert!(query("USER#2").await.is_err());
}

#[tokio::test]
async fn failed_conditions_are_told_as_dynamodb_tells_them() {
    let (_cloud, admin, _role) =
        with_role(json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])).await;
    let write = || {
        admin
            .put_item()
            .table_name("profiles")
            .item("pk", text("USER#1"))
            .item("sk", text("PROFILE"))
            .condition_expression("attribute_not_exists(pk)")
            .send()
    };
    write().await.unwrap();
    let error = write().await.unwrap_err().into_service_error();
    assert!(error.is_conditional_check_failed_exception());
    assert_eq!(error.message(), Some("The conditional request failed"));
    let guarded = Put::builder()
        .table_name("profiles")
        .item("pk", text("USER#1"))
        .item("sk", text("PROFILE"))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .unwrap();
    let error = admin
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(put("USER#3")).build())
        .transact_items(TransactWriteItem::builder().put(guarded).build())
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = error
    else {
        panic!("{error}")
    };
    let codes: Vec<_> =
        cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    assert_eq!(get(&admin, "USER#3").await.unwrap(), None);
}

#[tokio::test]
async fn tables_of_another_region_do_not_exist() {
    let (cloud, admin, _role) =
        with_role(json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])).await;
    let here = admin.describe_table().table_name("profiles").send().await.unwrap();
    assert_eq!(here.table().unwrap().table_arn(), Some(TABLE));
    let elsewhere =
        administrator(&cloud).to_builder().region(aws_config::Region::new("eu-central-1")).build();
    let error = Client::new(&elsewhere).describe_table().table_name("profiles").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ResourceNotFoundException"));
}

#[tokio::test]
async fn protection_recovery_and_encryption_are_described_as_they_were_declared() {
    let cloud = cloud().await;
    let mut properties = table();
    properties["DeletionProtectionEnabled"] = json!(true);
    properties["PointInTimeRecoverySpecification"] =
        json!({"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 7});
    properties["SSESpecification"] = json!({"SSEEnabled": true, "SSEType": "KMS"});
    create_resource(&cloud, "AWS::DynamoDB::Table", properties).await;
    let admin = Client::new(&administrator(&cloud));
    let table = admin.describe_table().table_name("profiles").send().await.unwrap().table.unwrap();
    assert_eq!(table.deletion_protection_enabled(), Some(true));
    assert!(table.sse_description().unwrap().kms_master_key_arn().unwrap().contains(":key/"));
    let backups = admin.describe_continuous_backups().table_name("profiles").send().await.unwrap();
    let recovery =
        backups.continuous_backups_description.unwrap().point_in_time_recovery_description.unwrap();
    assert_eq!(recovery.point_in_time_recovery_status(), Some(&PointInTimeRecoveryStatus::Enabled));
    assert_eq!(recovery.recovery_period_in_days(), Some(7));
    let error = admin.delete_table().table_name("profiles").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ValidationException"));
}
