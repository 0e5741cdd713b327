//! Which rights an operation needs: actions, tables or indexes, and the partition keys it touches.
//!
//! Source: "Actions, resources, and condition keys for Amazon DynamoDB" in the service authorization
//! reference, and "Using IAM with DynamoDB transactions" in the developer guide.

use serde_json::{Map, Value};

use crate::wire::AwsError;

/// One thing to ask of IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    pub action: String,
    /// `table/NAME` or `table/NAME/index/INDEX`.
    pub resource: String,
    /// Values of `dynamodb:LeadingKeys`.
    pub leading_keys: Vec<String>,
}

/// Finds the partition key's name of a table or an index.
pub type Keys<'a> = &'a dyn Fn(&str, Option<&str>) -> Option<String>;

pub fn needed(operation: &str, input: &Map<String, Value>, keys: Keys<'_>) -> Result<Vec<Right>, AwsError> {
    let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
    let action = format!("dynamodb:{operation}");
    let on_table = |leading_keys| Right {
        action: action.clone(),
        resource: format!("table/{}", text("TableName")),
        leading_keys,
    };
    Ok(match operation {
        "GetItem" | "UpdateItem" | "DeleteItem" => {
            vec![on_table(leading(input.get("Key"), text("TableName"), keys))]
        }
        "PutItem" => vec![on_table(leading(input.get("Item"), text("TableName"), keys))],
        "Query" | "Scan" => {
            let index = input.get("IndexName").and_then(Value::as_str);
            let table = text("TableName");
            let resource = match index {
                Some(index) => format!("table/{table}/index/{index}"),
                None => format!("table/{table}"),
            };
            let leading_keys = keys(table, index).and_then(|key| queried(input, &key)).into_iter().collect();
            vec![Right { action, resource, leading_keys }]
        }
        "BatchGetItem" | "BatchWriteItem" => batch(&action, input, keys),
        "TransactGetItems" | "TransactWriteItems" => transaction(input, keys),
        "ListTables" => vec![Right { action, resource: "table/*".to_owned(), leading_keys: Vec::new() }],
        "TagResource" | "UntagResource" | "ListTagsOfResource" => {
            let resource = text("ResourceArn").splitn(6, ':').nth(5).unwrap_or_default().to_owned();
            vec![Right { action, resource, leading_keys: Vec::new() }]
        }
        "CreateTable"
        | "UpdateTable"
        | "DeleteTable"
        | "DescribeTable"
        | "UpdateTimeToLive"
        | "DescribeTimeToLive"
        | "UpdateContinuousBackups"
        | "DescribeContinuousBackups" => {
            vec![on_table(Vec::new())]
        }
        other => return Err(AwsError::not_implemented(format_args!("dynamodb:{other}"))),
    })
}

/// The partition key's value in a key or an item.
fn leading(item: Option<&Value>, table: &str, keys: Keys<'_>) -> Vec<String> {
    keys(table, None).and_then(|key| plain(item?.get(&key)?)).into_iter().collect()
}

/// A key's value without its type.
fn plain(value: &Value) -> Option<String> {
    value.as_object()?.values().next()?.as_str().map(str::to_owned)
}

/// The value that a query's condition gives the partition key: `key = :value`, names replaced.
fn queried(input: &Map<String, Value>, key: &str) -> Option<String> {
    let condition = input.get("KeyConditionExpression")?.as_str()?;
    let names = input.get("ExpressionAttributeNames");
    let words: Vec<&str> = condition
        .split(|character: char| character.is_whitespace() || "()".contains(character))
        .flat_map(|word| {
            word.split_inclusive('=').flat_map(|part| match part.strip_suffix('=') {
                Some(name) => [name, "="],
                None => [part, ""],
            })
        })
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(3).find_map(|triple| {
        let &[name, "=", value] = triple else { return None };
        let named = names.and_then(|names| names.get(name)).and_then(Value::as_str).unwrap_or(name);
        if named != key {
            return None;
        }
        plain(input.get("ExpressionAttributeValues")?.get(value)?)
    })
}

fn batch(action: &str, input: &Map<String, Value>, keys: Keys<'_>) -> Vec<Right> {
    let tables = input.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
    tables
        .map(|(table, requests)| {
            let items: Vec<&Value> = match requests {
                // BatchWriteItem: a list of PutRequest and DeleteRequest.
                Value::Array(requests) => requests
                    .iter()
                    .filter_map(|request| {
                        request.pointer("/PutRequest/Item").or_else(|| request.pointer("/DeleteRequest/Key"))
                    })
                    .collect(),
                other => other.get("Keys").and_then(Value::as_array).into_iter().flatten().collect(),
            };
            Right {
                action: action.to_owned(),
                resource: format!("table/{table}"),
                leading_keys: items.iter().flat_map(|item| leading(Some(item), table, keys)).collect(),
            }
        })
        .collect()
}

/// A transaction needs its members' own actions, none of its own name.
fn transaction(input: &Map<String, Value>, keys: Keys<'_>) -> Vec<Right> {
    let mut rights = Vec::new();
    for member in input.get("TransactItems").and_then(Value::as_array).into_iter().flatten() {
        for (kind, body) in member.as_object().into_iter().flatten() {
            let action = match kind.as_str() {
                "Put" => "PutItem",
                "Update" => "UpdateItem",
                "Delete" => "DeleteItem",
                "ConditionCheck" => "ConditionCheckItem",
                "Get" => "GetItem",
                // The engine refuses it; nothing is done that was not judged.
                _ => continue,
            };
            let table = body.get("TableName").and_then(Value::as_str).unwrap_or_default();
            let item = body.get("Item").or_else(|| body.get("Key"));
            let right = Right {
                action: format!("dynamodb:{action}"),
                resource: format!("table/{table}"),
                leading_keys: leading(item, table, keys),
            };
            if !rights.contains(&right) {
                rights.push(right);
            }
        }
    }
    rights
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(operation: &str, input: Value) -> Vec<(String, String, Vec<String>)> {
        let keys = |_: &str, index: Option<&str>| Some(index.map_or("pk", |_| "sk").to_owned());
        needed(operation, input.as_object().unwrap(), &keys)
            .unwrap()
            .into_iter()
            .map(|right| (right.action, right.resource, right.leading_keys))
            .collect()
    }

    fn right(action: &str, resource: &str, keys: &[&str]) -> (String, String, Vec<String>) {
        (action.to_owned(), resource.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn an_item_needs_its_table_and_names_its_partition() {
        let key = json!({"pk": {"S": "USER#1"}, "sk": {"S": "PROFILE"}});
        assert_eq!(
            of("GetItem", json!({"TableName": "t", "Key": key})),
            [right("dynamodb:GetItem", "table/t", &["USER#1"])]
        );
        assert_eq!(
            of("PutItem", json!({"TableName": "t", "Item": key})),
            [right("dynamodb:PutItem", "table/t", &["USER#1"])]
        );
    }

    #[test]
    fn a_query_on_an_index_needs_the_index() {
        let input = json!({"TableName": "t", "IndexName": "i",
            "KeyConditionExpression": "#k=:v AND begins_with(pk, :p)",
            "ExpressionAttributeNames": {"#k": "sk"},
            "ExpressionAttributeValues": {":v": {"S": "PROFILE"}, ":p": {"S": "U"}}});
        assert_eq!(of("Query", input), [right("dynamodb:Query", "table/t/index/i", &["PROFILE"])]);
    }

    #[test]
    fn a_transaction_needs_its_members_actions_on_each_table() {
        let key = json!({"pk": {"S": "1"}});
        let input = json!({"TransactItems": [
            {"Put": {"TableName": "a", "Item": key}},
            {"Update": {"TableName": "b", "Key": key}},
            {"Delete": {"TableName": "b", "Key": key}},
            {"ConditionCheck": {"TableName": "c", "Key": key}},
        ]});
        assert_eq!(
            of("TransactWriteItems", input),
            [
                right("dynamodb:PutItem", "table/a", &["1"]),
                right("dynamodb:UpdateItem", "table/b", &["1"]),
                right("dynamodb:DeleteItem", "table/b", &["1"]),
                right("dynamodb:ConditionCheckItem", "table/c", &["1"]),
            ]
        );
    }

    #[test]
    fn a_batch_needs_the_batch_action_on_each_table() {
        let input = json!({"RequestItems": {
            "a": [{"PutRequest": {"Item": {"pk": {"S": "1"}}}}, {"DeleteRequest": {"Key": {"pk": {"S": "2"}}}}],
            "b": [],
        }});
        assert_eq!(
            of("BatchWriteItem", input),
            [
                right("dynamodb:BatchWriteItem", "table/a", &["1", "2"]),
                right("dynamodb:BatchWriteItem", "table/b", &[]),
            ]
        );
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let keys = |_: &str, _: Option<&str>| None;
        let error = needed("ExecuteStatement", &Map::new(), &keys).unwrap_err();
        assert_eq!(error.code, "NotImplemented");
    }
}
