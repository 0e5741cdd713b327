//! `GET /orders`, with the SDK's own clients.

use std::env;

use aws_sdk_cognitoidentityprovider::Client as Pool;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use shared::config::required;

const INDEX: &str = "by-status";
const CUSTOMERS: &str = "TABLE_CUSTOMERS";

struct State {
    client: Client,
    pool: Pool,
    orders: String,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_from_env().await;
    let state = State { client: Client::new(&config), pool: Pool::new(&config), orders: required("TABLE_ORDERS")? };
    let state = &state;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| handle(state, event))).await
}

async fn handle(state: &State, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let found = state
        .client
        .query()
        .table_name(&state.orders)
        .index_name(INDEX)
        .key_condition_expression("#status = :status")
        .send()
        .await?;
    let customer = customer(&state.client, "1").await?;
    remember(state, "1").await?;
    let pool = env::var("USER_POOL_ID")?;
    let user = state.pool.admin_get_user().user_pool_id(pool).username("ana").send().await?;
    // handler
    Ok(json!({"count": found.count(), "customer": customer, "user": user.username()}))
}

async fn customer(client: &Client, id: &str) -> Result<String, Error> {
    let answer = client.get_item().table_name(required(CUSTOMERS)?).key("id", AttributeValue::S(id.to_owned()));
    Ok(format!("{:?}", answer.send().await?.item))
}

async fn remember(state: &State, id: &str) -> Result<(), Error> {
    let name = env::var(CUSTOMERS)?;
    let put = Put::builder().table_name(name).item("id", AttributeValue::S(id.to_owned())).build()?;
    let item = TransactWriteItem::builder().put(put).build();
    state.client.transact_write_items().transact_items(item).send().await?;
    Ok(())
}
// items
