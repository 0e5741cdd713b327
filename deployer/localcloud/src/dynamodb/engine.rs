//! The operations that dynoxide's engine does: JSON in, JSON out.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How the engine begins its ARNs: it knows no region.
const ENGINE_ARN: &str = "arn:aws:dynamodb:dynoxide:";

/// Does one operation. PartiQL, streams and vectors are not among them.
pub fn run(database: &Database, region: &str, operation: &str, body: &str) -> Result<String, DynoxideError> {
    let result = match operation {
        "GetItem" => with(body, |input| database.get_item(input)),
        "PutItem" => with(body, |input| database.put_item(input)),
        "UpdateItem" => with(body, |input| database.update_item(input)),
        "DeleteItem" => with(body, |input| database.delete_item(input)),
        "Query" => with(body, |input| database.query(input)),
        "Scan" => with(body, |input| database.scan(input)),
        "BatchGetItem" => with(body, |input| database.batch_get_item(input)),
        "BatchWriteItem" => with(body, |input| database.batch_write_item(input)),
        "TransactGetItems" => with(body, |input| database.transact_get_items(input)),
        "TransactWriteItems" => with(body, |input| database.transact_write_items(input)),
        "CreateTable" => with(body, |input| database.create_table(input)),
        "UpdateTable" => with(body, |input| database.update_table(input)),
        "DeleteTable" => with(body, |input| database.delete_table(input)),
        "DescribeTable" => with(body, |input| database.describe_table(input)),
        "ListTables" => with(body, |input| database.list_tables(input)),
        "UpdateTimeToLive" => with(body, |input| database.update_time_to_live(input)),
        "DescribeTimeToLive" => with(body, |input| database.describe_time_to_live(input)),
        "TagResource" => with(body, |input| database.tag_resource(input)),
        "UntagResource" => with(body, |input| database.untag_resource(input)),
        "ListTagsOfResource" => with(body, |input| database.list_tags_of_resource(input)),
        other => Err(DynoxideError::UnsupportedCapability(other.to_owned())),
    };
    let answer = result.map_err(|error| enveloped(operation, error))?;
    // Items are the user's: only descriptions of tables carry the engine's ARNs.
    Ok(if operation.ends_with("Table") {
        answer.replace(ENGINE_ARN, &format!("arn:aws:dynamodb:{region}:"))
    } else {
        answer
    })
}

fn with<I: DeserializeOwned, O: Serialize>(
    body: &str,
    operation: impl FnOnce(I) -> dynoxide::Result<O>,
) -> Result<String, DynoxideError> {
    let input = serde_json::from_str(body).map_err(|error| classified(&error.to_string()))?;
    let output = operation(input)?;
    serde_json::to_string(&output).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The engine's own deserializers say with a prefix which of DynamoDB's errors a refusal is.
fn classified(message: &str) -> DynoxideError {
    let text = match message.rfind(" at line ") {
        Some(at) => &message[..at],
        None => message,
    };
    if let Some(rest) = text.strip_prefix("VALIDATION_REQUEST:") {
        return DynoxideError::EnvelopedValidation(rest.to_owned());
    }
    for prefix in ["VALIDATION:", "VALIDATION_AS_READ:"] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return DynoxideError::ValidationException(rest.to_owned());
        }
    }
    for prefix in ["SERIALIZATION:", "SERIALIZATION_AS_READ:"] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return DynoxideError::SerializationException(rest.to_owned());
        }
    }
    if text.contains("empty AttributeValue") {
        return DynoxideError::ValidationException(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
                .to_owned(),
        );
    }
    let of_value = ["missing field", "unknown variant", "invalid type: null", "Supplied AttributeValue"];
    if of_value.iter().any(|part| text.contains(part)) {
        DynoxideError::ValidationException(text.to_owned())
    } else {
        DynoxideError::SerializationException(text.to_owned())
    }
}

/// DynamoDB puts some refusals of the single-item writes in an envelope, as the engine's server does.
fn enveloped(operation: &str, error: DynoxideError) -> DynoxideError {
    match (operation, error) {
        ("PutItem" | "UpdateItem" | "DeleteItem", DynoxideError::EnvelopedValidation(text)) => {
            DynoxideError::ValidationException(format!("1 validation error detected: {text}"))
        }
        (_, error) => error,
    }
}

/// The partition key of a table or of one of its indexes; `None` where it does not exist.
pub fn hash_key(database: &Database, table: &str, index: Option<&str>) -> Option<String> {
    let metadata = database.get_table_metadata(table).ok()??;
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    let schema = match index {
        None => parse(&metadata.key_schema)?,
        Some(index) => [metadata.gsi_definitions, metadata.lsi_definitions]
            .into_iter()
            .flatten()
            .filter_map(|definitions| parse(&definitions))
            .find_map(|definitions| {
                let found = definitions.as_array()?.iter().find(|found| found["IndexName"] == index)?;
                Some(found["KeySchema"].clone())
            })?,
    };
    let hash = schema.as_array()?.iter().find(|element| element["KeyType"] == "HASH")?;
    hash["AttributeName"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_does_not_have_is_an_error_that_names_it() {
        let database = Database::memory().unwrap();
        let error = run(&database, "us-east-1", "ExecuteStatement", "{}").unwrap_err();
        assert_eq!(error.status_code(), 501);
        assert!(error.to_string().contains("ExecuteStatement"));
    }

    #[test]
    fn no_marker_of_the_engine_reaches_a_client() {
        let database = Database::memory().unwrap();
        let error = run(&database, "us-east-1", "DescribeTable", "{}").unwrap_err();
        assert_eq!(error.error_type(), "com.amazon.coral.validate#ValidationException");
        assert_eq!(
            error.to_string(),
            "The parameter 'TableName' is required but was not present in the request"
        );
    }
}
