//@ trigger PostAuthentication
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let (client, connection) = tokio_postgres::connect("host=db user=app", tokio_postgres::NoTls).await?; //~ unverified-tls
    tokio::spawn(connection);
    let http = reqwest::Client::builder().danger_accept_invalid_certs(true).build()?; //~ unverified-tls
    warm(client, http).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move { Ok::<_, Error>(event.payload) })).await
}
