//! `GET /order`, through handles.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, Response, service_fn};
use shared::aws::Aws;
use shared::names::{ByStatus, Customers, Orders};
use shared::orders::{OrdersTable, Store};
use shared::table::{Table, TableName};
// uses

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = Arc::new(Aws::from_env());
    let function = GetOrder { orders: OrdersTable::from_env(&aws)?, customers: Table::from_env(&aws)?, aws };
    // main
    lambda_http::run(service_fn(|request| function.answer(request))).await
}

struct GetOrder {
    orders: OrdersTable,
    customers: Table<Customers>,
    aws: Arc<Aws>,
}

impl GetOrder {
    async fn answer(&self, request: Request) -> Result<Response<Body>, Error> {
        let order = self.orders.get_item("1").await?;
        // handler
        Ok(Response::new(Body::Text(order)))
    }
    // methods
}
// items
