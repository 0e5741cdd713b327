//@ route
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, RequestExt, Response, service_fn};
use serde::Deserialize;

#[derive(Deserialize)]
struct Update {
    #[serde(rename = "userId")]
    user_id: String,
    email: String,
}

struct App {
    table: String,
    dynamo: aws_sdk_dynamodb::Client,
    cognito: Cognito,
}

impl App {
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let update: Update = serde_json::from_slice(request.body())?;
        self.store(&update.user_id, &update.email).await?;
        self.cognito.admin_disable_user().username(&update.user_id).send().await?; //~ identity-from-request
        let asked = request.path_parameters().first("userId").map(str::to_owned).unwrap_or_default();
        self.dynamo
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(format!("USER#{asked}"))) //~ identity-from-request
            .key("sk", AttributeValue::S("PROFILE".to_owned()))
            .send()
            .await?;
        Ok(Response::new(Body::Empty))
    }

    async fn store(&self, user: &str, email: &str) -> Result<(), Error> {
        self.dynamo
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(user.to_owned())) //~ identity-from-request
            .update_expression("SET email = :email")
            .expression_attribute_values(":email", AttributeValue::S(email.to_owned()))
            .send()
            .await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let app = App { table: std::env::var("TABLE_USERS")?, dynamo: dynamo().await, cognito: cognito().await };
    lambda_http::run(service_fn(|request| app.handle(request))).await
}
