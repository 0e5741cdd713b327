//@ route
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use lambda_http::{Body, Error, Request, Response, service_fn};

struct Tables {
    orders: String,
    stock: String,
    client: aws_sdk_dynamodb::Client,
}

impl Tables {
    async fn order(&self, id: &str) -> Result<(), Error> {
        let key = AttributeValue::S(id.to_owned());
        let put = Put::builder().table_name(&self.orders).item("pk", key.clone()).build()?;
        let update = Update::builder().table_name(&self.stock).key("pk", key).build()?;
        self.client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put).build())
            .transact_items(TransactWriteItem::builder().update(update).build())
            .send()
            .await?;
        Ok(())
    }

    async fn note(&self, id: &str) -> Result<(), Error> {
        self.client.put_item().table_name(&self.orders).item("pk", AttributeValue::S(id.to_owned())).send().await?;
        Ok(())
    }

    async fn add(&self, table: &str, id: &str) -> Result<(), Error> {
        self.client.put_item().table_name(table).item("pk", AttributeValue::S(id.to_owned())).send().await?;
        Ok(())
    }

    async fn count(&self, id: &str) -> Result<(), Error> {
        let key = AttributeValue::S(id.to_owned());
        self.client.update_item().table_name(&self.stock).key("pk", key).send().await?;
        Ok(())
    }
}

async fn handle(tables: &Tables, request: Request) -> Result<Response<Body>, Error> {
    let id = String::from_utf8(request.body().to_vec())?;
    // Only one of them happens.
    match request.method().as_str() {
        "POST" => tables.order(&id).await?,
        "PUT" => tables.note(&id).await?,
        // One table, under two names.
        "PATCH" => {
            tables.note(&id).await?;
            tables.add(&tables.orders, &id).await?;
        }
        _ => tables.count(&id).await?,
    }
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
