//! POST /user/profile

use std::env;

use aws_config::BehaviorVersion;
use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().json().init();
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let client = Client::new(&config);
    let table = env::var("TABLE_PROFILES")?;
    lambda_runtime::run(service_fn(|event| post_profile(&client, &table, event))).await
}

async fn post_profile(
    client: &Client,
    table: &str,
    event: LambdaEvent<ApiGatewayProxyRequest>,
) -> Result<ApiGatewayProxyResponse, Error> {
    let request = event.payload;
    let claims = request.request_context.authorizer.fields.get("claims").ok_or("no claims")?;
    tracing::info!(?claims, "saving a profile");
    let user_id = claims["sub"].as_str().ok_or("no sub")?.to_owned();

    let body = request.body.unwrap_or_default();
    println!("body: {body}");
    let profile: Value = serde_json::from_str(&body)?;

    client
        .put_item()
        .table_name(table)
        .item("pk", AttributeValue::S("PROFILE".to_string()))
        .item("sk", AttributeValue::S(user_id))
        .item("data", AttributeValue::S(profile.to_string()))
        .send()
        .await?;

    let mut response = ApiGatewayProxyResponse { status_code: 200, ..Default::default() };
    response.headers.insert("access-control-allow-origin", "*".parse()?);
    response.body = Some(profile.to_string().into());
    Ok(response)
}
