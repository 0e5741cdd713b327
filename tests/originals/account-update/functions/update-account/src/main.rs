//! PATCH /user/account: name and e-mail address, in DynamoDB and in Cognito.

use std::env;

use aws_config::BehaviorVersion;
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use aws_sdk_cognitoidentityprovider::types::AttributeType;
use aws_sdk_dynamodb::Client as Dynamo;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use lambda_http::{Body, Error, Request, Response, service_fn};
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    user_id: String,
    name: Option<String>,
    email: Option<String>,
}

struct App {
    table: String,
    pool: String,
    dynamo: Dynamo,
    cognito: Cognito,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let app = App {
        table: env::var("TABLE_USERS")?,
        pool: env::var("USER_POOL_ID")?,
        dynamo: Dynamo::new(&config),
        cognito: Cognito::new(&config),
    };
    lambda_http::run(service_fn(|request| app.update(request))).await
}

impl App {
    async fn update(&self, request: Request) -> Result<Response<Body>, Error> {
        println!("{request:?}");
        let update: Update = match serde_json::from_slice(request.body()) {
            Ok(update) => update,
            Err(error) => return respond(400, &error.to_string()),
        };
        if update.name.is_none() && update.email.is_none() {
            return respond(400, "no valid field");
        }
        if let Err(error) = self.store(&update).await {
            return respond(500, &format!("DynamoDB: {error}"));
        }
        if let Some(email) = &update.email
            && let Err(error) = self.set_email(&update.user_id, email).await
        {
            return respond(500, &format!("Cognito: {error}"));
        }
        respond(200, "updated")
    }

    async fn store(&self, update: &Update) -> Result<(), Error> {
        let mut set = Vec::new();
        let mut call = self
            .dynamo
            .update_item()
            .table_name(&self.table)
            .key("userId", AttributeValue::S(update.user_id.clone()))
            .return_values(ReturnValue::UpdatedNew);
        if let Some(name) = &update.name {
            set.push("#name = :name");
            call = call
                .expression_attribute_names("#name", "name")
                .expression_attribute_values(":name", AttributeValue::S(name.clone()));
        }
        if let Some(email) = &update.email {
            set.push("email = :email");
            call = call.expression_attribute_values(":email", AttributeValue::S(email.clone()));
        }
        call.update_expression(format!("SET {}", set.join(", "))).send().await?;
        Ok(())
    }

    async fn set_email(&self, user_id: &str, email: &str) -> Result<(), Error> {
        self.cognito
            .admin_update_user_attributes()
            .user_pool_id(&self.pool)
            .username(user_id)
            .user_attributes(AttributeType::builder().name("email").value(email).build()?)
            .user_attributes(AttributeType::builder().name("email_verified").value("true").build()?)
            .send()
            .await?;
        Ok(())
    }
}

fn respond(status: u16, message: &str) -> Result<Response<Body>, Error> {
    let response = Response::builder()
        .status(status)
        .header("Access-Control-Allow-Origin", "*")
        .body(Body::Text(json!({"message": message}).to_string()))?;
    Ok(response)
}
