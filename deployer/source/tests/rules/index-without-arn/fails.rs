//@ route
//@ grant profiles dynamodb:Query
use lambda_http::{Body, Error, Request, Response, service_fn};

const INVERTED: &str = "sk-pk-index";

async fn handle(client: &aws_sdk_dynamodb::Client, _: Request) -> Result<Response<Body>, Error> {
    let call = client.query().table_name(std::env::var("TABLE_PROFILES")?);
    call.index_name(INVERTED).key_condition_expression("sk = :sk").send().await?; //~ index-without-arn
    Ok(Response::new(Body::Empty))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_http::run(service_fn(|request| handle(&client, request))).await
}
