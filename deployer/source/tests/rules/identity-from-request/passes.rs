//@ route
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt, Response, service_fn};
use serde::Deserialize;

#[derive(Deserialize)]
struct Order {
    email: String,
    note: String,
}

struct Command {
    user_id: String,
    note: String,
}

async fn handle(client: &aws_sdk_dynamodb::Client, request: Request) -> Result<Response<Body>, Error> {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { return Err("no".into()) };
    let claims = context.authorizer.as_ref().and_then(|found| found.jwt.as_ref()).map(|jwt| &jwt.claims).ok_or("no")?;
    if claims.get("token_use").is_none_or(|token_use| token_use != "access") {
        return Err("an access token is needed".into());
    }
    let order: Order = serde_json::from_slice(request.body())?;
    let command = Command { user_id: claims.get("sub").cloned().unwrap_or_default(), note: order.note };
    // The order's own id comes from the path, and belongs to the caller's partition.
    let id = request.path_parameters().first("orderId").map(str::to_owned).unwrap_or_default();
    client
        .update_item()
        .table_name("orders")
        .key("pk", AttributeValue::S(format!("USER#{}", command.user_id)))
        .key("sk", AttributeValue::S(format!("ORDER#{id}")))
        .update_expression("SET note = :note, email = :email")
        .expression_attribute_values(":note", AttributeValue::S(command.note))
        .expression_attribute_values(":email", AttributeValue::S(order.email))
        .send()
        .await?;
    // A row of the caller's that names somebody else.
    client
        .put_item()
        .item("pk", AttributeValue::S(claims["sub"].clone()))
        .item("sk", AttributeValue::S(format!("USER#{id}")))
        .send()
        .await?;
    // Whom the caller writes to is not who the caller is.
    let postgres = postgres().await?;
    let friend: Friend = serde_json::from_slice(request.body())?;
    postgres.execute("INSERT INTO contacts (email) VALUES ($1)", &[&friend.email]).await?;
    Ok(Response::new(Body::Empty))
}

struct Orders {
    client: aws_sdk_dynamodb::Client,
}

impl Orders {
    /// The name is that of a map's method, too.
    async fn get(&self, order: &str) -> Result<(), Error> {
        self.client.get_item().key("pk", AttributeValue::S(format!("ORDER#{order}"))).send().await?;
        Ok(())
    }
}

async fn caller(context: RequestContext) -> Result<String, Error> {
    let RequestContext::ApiGatewayV2(context) = context else { return Err("no".into()) };
    let claims = context.authorizer.and_then(|found| found.jwt).map(|jwt| jwt.claims).ok_or("no")?;
    claims.get("sub").or_else(|| claims.get("username")).cloned().ok_or("no".into())
}

async fn show(
    State(client): State<aws_sdk_dynamodb::Client>,
    context: RequestContext,
    Path((order, id)): Path<(String, String)>,
    Query(page): Query<Page>,
) -> Result<Json<serde_json::Value>, StatusCode> {
    let user = caller(context).await.map_err(|_| StatusCode::FORBIDDEN)?;
    let call = client.get_item().key("pk", AttributeValue::S(format!("USER#{user}")));
    call.key("sk", AttributeValue::S(format!("ORDER#{order}"))).send().await;
    // An order's parts are the order's.
    let call = client.get_item().key("pk", AttributeValue::S(format!("ORDER#{order}")));
    call.key("sk", AttributeValue::S(id)).send().await;
    let note = page.note.or(page.text).unwrap_or_else(|| user.clone());
    let start = AttributeValue::S(note);
    client.query().expression_attribute_values(":note", start).send().await;
    let folder = std::path::Path::new("users");
    Ok(Json(serde_json::json!({"folder": folder})))
}

#[derive(Deserialize)]
struct Page {
    note: Option<String>,
    text: Option<String>,
}

async fn remove(State(client): State<aws_sdk_dynamodb::Client>, body: Bytes) -> StatusCode {
    let order: Order = serde_json::from_slice(&body).unwrap();
    client.delete_item().key("pk", AttributeValue::S(format!("ORDER#{}", order.note))).send().await;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Friend {
    email: String,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_http::run(service_fn(|request| handle(&client, request))).await?;
    lambda_http::run(Router::new().route("/orders/{order}/{id}", get(show).delete(remove)).with_state(client)).await
}
