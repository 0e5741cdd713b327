async fn main() {
    let client = aws_sdk_dynamodb::Client::new(&config());
    let table = std::env::var("TABLE_THINGS").unwrap();
    client.OPERATION().table_name(table).send().await;
}
