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
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { return Err("no".into()) };
        let claims = context.authorizer.as_ref().and_then(|found| found.jwt.as_ref()).map(|jwt| &jwt.claims).ok_or("no")?;
        if claims.get("token_use").is_none_or(|token_use| token_use != "access") {
            return Err("an access token is needed".into());
        }
        let header = || request.headers().get("x-user-id").and_then(|value| value.to_str().ok());
        let user = claims.get("sub").map(String::as_str).or_else(|| header()).unwrap_or_default();
        self.read(AttributeValue::S(format!("USER#{user}"))).await?;
        let fallback = claims.get("sub").cloned().unwrap_or(update.user_id.clone());
        self.dynamo.get_item().key("pk", AttributeValue::S(fallback)).send().await?; //~ identity-from-request
        let last = request.uri().path().rsplit('/').next().unwrap_or_default();
        self.dynamo.get_item().key("pk", AttributeValue::S(format!("USER#{last}"))).send().await?; //~ identity-from-request
        let user_id = request.uri().path().rsplit('/').next().unwrap_or_default();
        self.dynamo.get_item().key("pk", AttributeValue::S(user_id.to_owned())).send().await?; //~ identity-from-request
        let many: Value = serde_json::from_slice(request.body())?;
        let keys = many["userIds"].as_array().into_iter().flatten().filter_map(|id| id.as_str());
        let keys = keys.map(|id| HashMap::from([("pk".to_owned(), AttributeValue::S(id.to_owned()))])); //~ identity-from-request
        let keys = KeysAndAttributes::builder().set_keys(Some(keys.collect())).build()?;
        self.dynamo.batch_get_item().request_items("users", keys).send().await?;
        Ok(Response::new(Body::Empty))
    }

    async fn read(&self, key: AttributeValue) -> Result<(), Error> {
        self.dynamo.get_item().table_name(&self.table).key("pk", key).send().await?; //~ identity-from-request
        Ok(())
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

#[derive(Deserialize)]
struct Wanted {
    account_id: String,
}

async fn show(State(app): State<Arc<App>>, Path((user_id, order)): Path<(String, String)>) -> Html<String> {
    let call = app.dynamo.get_item().key("pk", AttributeValue::S(user_id)); //~ identity-from-request
    call.key("sk", AttributeValue::S(order)).send().await;
    Html(String::new())
}

async fn remove(State(app): State<Arc<App>>, Query(wanted): Query<Wanted>) -> StatusCode {
    app.dynamo.delete_item().key("pk", AttributeValue::S(wanted.account_id)).send().await; //~ identity-from-request
    StatusCode::NO_CONTENT
}

async fn create(State(app): State<Arc<App>>, wanted: Json<Wanted>) -> StatusCode {
    app.read(AttributeValue::S(wanted.account_id.clone())).await;
    StatusCode::CREATED
}

async fn change(State(app): State<Arc<App>>, Json(body): Json<serde_json::Value>) -> StatusCode {
    let user = body["user"].as_str().unwrap_or_default();
    app.cognito.admin_enable_user().username(user).send().await; //~ identity-from-request
    StatusCode::OK
}

async fn replace(State(app): State<Arc<App>>, body: String) -> StatusCode {
    let wanted: Wanted = serde_json::from_str(&body).unwrap();
    app.cognito.admin_enable_user().username(wanted.account_id).send().await; //~ identity-from-request
    StatusCode::OK
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let app = App { table: std::env::var("TABLE_USERS")?, dynamo: dynamo().await, cognito: cognito().await };
    lambda_http::run(service_fn(|request| app.handle(request))).await?;
    let routes = Router::new()
        .route("/users/{user}/orders/{order}", get(show).delete(remove))
        .route("/users", post(create).patch(change).put(replace))
        .with_state(Arc::new(app));
    lambda_http::run(routes).await
}
