//! Both handlers of the profile service, with the calls of the original.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::http::Method;
use lambda_http::{Body, Error, Request, RequestExt, Response, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_from_env().await;
    let profiles = Profiles { client: Client::new(&config), table: std::env::var("TABLE_PROFILES")? };
    lambda_http::run(service_fn(|request| profiles.answer(request))).await
}

struct Profiles {
    client: Client,
    table: String,
}

impl Profiles {
    async fn answer(&self, request: Request) -> Result<Response<Body>, Error> {
        let sub = sub(&request);
        // query
        match *request.method() {
            Method::POST => self.post(&sub, request.body()).await,
            _ => self.get(&sub).await,
        }
    }

    async fn get(&self, sub: &str) -> Result<Response<Body>, Error> {
        let key = AttributeValue::S(sub.to_owned());
        let found = self.client.get_item().table_name(&self.table).key("pk", key).send().await?;
        Ok(Response::new(Body::Text(format!("{:?}", found.item()))))
    }

    async fn post(&self, sub: &str, body: &Body) -> Result<Response<Body>, Error> {
        let item = [("pk", sub.to_owned()), ("profile", String::from_utf8_lossy(body).into_owned())];
        let mut call = self.client.put_item().table_name(&self.table);
        for (name, value) in item {
            call = call.item(name, AttributeValue::S(value));
        }
        call.send().await?;
        Ok(Response::new(Body::Empty))
    }
}

fn sub(request: &Request) -> String {
    request.headers().get("sub").and_then(|sub| sub.to_str().ok()).unwrap_or_default().to_owned()
}
