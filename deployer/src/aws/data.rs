//! How much a user pool or a table holds.

use super::{Aws, Error};

impl Aws {
    /// Users of a pool, as Cognito estimates them.
    pub async fn users_in(&self, pool: &str) -> Result<u64, Error> {
        let client = aws_sdk_cognitoidentityprovider::Client::new(&self.config);
        let answer = client.describe_user_pool().user_pool_id(pool).send().await?;
        let users = answer.user_pool.map(|pool| pool.estimated_number_of_users);
        users.and_then(|users| u64::try_from(users).ok()).ok_or_else(|| without("DescribeUserPool"))
    }

    /// Items of a table. DynamoDB counts them about every six hours.
    pub async fn items_in(&self, table: &str) -> Result<u64, Error> {
        let client = aws_sdk_dynamodb::Client::new(&self.config);
        let answer = client.describe_table().table_name(table).send().await?;
        let items = answer.table.and_then(|table| table.item_count);
        items.and_then(|items| u64::try_from(items).ok()).ok_or_else(|| without("DescribeTable"))
    }
}

fn without(operation: &str) -> Error {
    Error::Garbled(format!("{operation} answered without a number"))
}
