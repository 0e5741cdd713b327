//@ route
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, RequestExt, Response, service_fn};
use serde_json::{Value, json};

async fn store(client: &aws_sdk_dynamodb::Client) -> Result<(), Error> {
    client.put_item().table_name("notes").item("pk", AttributeValue::S("n".to_owned())).send().await?;
    Ok(())
}

async fn handle(client: &aws_sdk_dynamodb::Client, request: Request) -> Result<Response<Body>, Error> {
    // What is wrong with the caller's own text is theirs to know.
    if let Err(error) = serde_json::from_slice::<Value>(request.body()) {
        return Ok(Response::new(Body::Text(format!("the body is no JSON: {error}"))));
    }
    match store(client).await {
        Ok(()) => Ok(Response::new(Body::Empty)),
        Err(error) => {
            tracing::error!("{error}");
            let id = request.lambda_context_ref().map(|context| context.request_id.clone());
            Ok(Response::new(Body::Text(json!({"code": "not_stored", "request": id}).to_string())))
        }
    }
}

/// An error of our own has words of its own.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the note is not there")]
    Missing,
    #[error("the notes cannot be read")]
    Unread(#[source] Error),
}

async fn find(client: &aws_sdk_dynamodb::Client) -> Result<String, Failed> {
    let found = client.get_item().table_name("notes").send().await.map_err(|error| Failed::Unread(error.into()))?;
    found.item.map(|_| "found".to_owned()).ok_or(Failed::Missing)
}

async fn count(client: &aws_sdk_dynamodb::Client) -> Result<usize, String> {
    let answer = client.query().table_name("notes").send().await.map_err(|error| {
        tracing::error!("{error}");
        "the notes cannot be counted".to_owned()
    })?;
    Ok(answer.items().len())
}

async fn listed(client: &aws_sdk_dynamodb::Client) -> Result<Response<Body>, Error> {
    if let Err(error) = count(client).await {
        return Ok(Response::new(Body::from(error)));
    }
    let text = match find(client).await {
        Ok(text) => text,
        Err(error) => error.to_string(),
    };
    match client.get_item().table_name("notes").send().await {
        Ok(found) => Ok(Response::new(Body::from(format!("{text} {:?}", found.item)))),
        Err(error) => {
            let retry = error.as_service_error().is_some_and(GetItemError::is_internal_server_error);
            Ok(Response::new(Body::Text(json!({"code": "not_read", "retry": retry}).to_string())))
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    listed(&client).await?;
    lambda_http::run(service_fn(|request| handle(&client, request))).await
}
