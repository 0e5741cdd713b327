//@ trigger PostAuthentication
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio_postgres_rustls::MakeRustlsConnect;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let tls = MakeRustlsConnect::new(rustls::ClientConfig::builder().with_root_certificates(roots()?).with_no_client_auth());
    let (client, connection) = tokio_postgres::connect("host=db user=app sslmode=require", tls).await?;
    tokio::spawn(connection);
    warm(client).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move { Ok::<_, Error>(event.payload) })).await
}
