//@ route
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, Response, service_fn};

struct Tables {
    orders: String,
    stock: String,
    client: aws_sdk_dynamodb::Client,
}

impl Tables {
    async fn order(&self, id: &str) -> Result<(), Error> {
        self.client.put_item().table_name(&self.orders).item("pk", AttributeValue::S(id.to_owned())).send().await?;
        Ok(())
    }

    async fn take(&self, id: &str) -> Result<(), Error> {
        let key = AttributeValue::S(id.to_owned());
        self.client.update_item().table_name(&self.stock).key("pk", key).send().await?;
        Ok(())
    }
}

async fn handle(tables: &Tables, request: Request) -> Result<Response<Body>, Error> {
    let id = String::from_utf8(request.body().to_vec())?;
    tables.order(&id).await?;
    tables.take(&id).await?; //~ split-write
    Ok(Response::new(Body::Empty))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let tables = Tables {
        orders: std::env::var("TABLE_ORDERS")?,
        stock: std::env::var("TABLE_STOCK")?,
        client: client().await,
    };
    lambda_http::run(service_fn(|request| handle(&tables, request))).await
}
