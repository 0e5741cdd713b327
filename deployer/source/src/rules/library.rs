//! What is known of other crates: the SDK's methods that write, SQL, chance and time, and what only wraps a value.

use std::collections::BTreeSet;

use syn::{Expr, ExprMethodCall};

use super::access::{self, plain};
use super::value::{Effect, Kind, Value};

/// Methods of SDK clients that change something; those that touch no table are known by the others alone.
pub const WRITES: [&str; 20] = [
    "put_item",
    "update_item",
    "delete_item",
    "batch_write_item",
    "transact_write_items",
    "execute_statement",
    "execute_transaction",
    "batch_execute_statement",
    "admin_update_user_attributes",
    "admin_create_user",
    "admin_delete_user",
    "admin_disable_user",
    "admin_set_user_password",
    "admin_add_user_to_group",
    "update_user_attributes",
    "verify_user_attribute",
    "put_object",
    "delete_object",
    "send_message",
    "put_events",
];

/// The row that a transaction puts.
pub const MEMBER: &str = "a member of a transaction";

/// Methods of SQL clients that run a statement.
pub const RUNS: [&str; 13] = [
    "execute",
    "query",
    "query_one",
    "query_opt",
    "query_raw",
    "batch_execute",
    "simple_query",
    "execute_raw",
    "fetch",
    "fetch_one",
    "fetch_all",
    "fetch_optional",
    "query_typed",
];

/// Methods whose answer is the receiver itself, or what it holds.
pub const SAME: [&str; 47] = [
    "clone",
    "as_ref",
    "as_mut",
    "as_deref",
    "as_str",
    "as_slice",
    "as_bytes",
    "borrow",
    "to_owned",
    "to_string",
    "into",
    "into_inner",
    "into_iter",
    "iter",
    "iter_mut",
    "cloned",
    "copied",
    "ok_or",
    "ok_or_else",
    "map_err",
    "or",
    "or_else",
    "filter",
    "inspect",
    "inspect_err",
    "unwrap",
    "expect",
    "take",
    "get_or_insert_with",
    "try_into",
    "as_array",
    "as_object",
    "deref",
    "lock",
    "read",
    "next",
    "await",
    "boxed",
    "into_bytes",
    "to_vec",
    "context",
    "with_context",
    "as_deref_mut",
    "trim",
    "get_or_init",
    "to_str",
    "parse",
];

/// Methods that answer what their closure does.
pub const MAPPED: [&str; 9] =
    ["map", "and_then", "map_or", "map_or_else", "filter_map", "flat_map", "then", "find_map", "is_some_and"];

/// Methods that turn a lost error into something else.
pub const FORGETS: [&str; 5] = ["ok", "unwrap_or", "unwrap_or_default", "unwrap_or_else", "is_ok_and"];

/// Methods that read a part of a map or of JSON.
pub const READS: [&str; 5] = ["get", "get_mut", "first", "pointer", "remove"];

/// Methods of a text that say whether it is a certain one.
pub const JUDGES: [&str; 7] =
    ["starts_with", "ends_with", "contains", "eq", "eq_ignore_ascii_case", "strip_prefix", "strip_suffix"];

/// Methods of a result that end its error.
const ENDS: [&str; 8] =
    ["ok", "unwrap", "expect", "unwrap_or", "unwrap_or_else", "unwrap_or_default", "context", "with_context"];

/// What a method of a value gives its closure or function at `index`: of a result, what it holds or its error.
pub fn handed(value: &Value, method: &str, index: usize) -> Value {
    if !value.has(Kind::Fallible) {
        return value.clone();
    }
    match (method, index) {
        ("map_err" | "or_else" | "unwrap_or_else" | "inspect_err", _) | ("map_or_else", 0) => {
            Value::failure()
        }
        _ => value.clone().without(Kind::Fallible),
    }
}

/// What a method says of an error: the error itself, or only of which kind it is.
pub fn of_error(value: &Value, method: &str) -> Option<Value> {
    if value.has(Kind::Fallible) && ["err", "unwrap_err", "expect_err"].contains(&method) {
        return Some(Value::failure());
    }
    let asks = value.has(Kind::Failure) && method.starts_with("is_");
    asks.then(|| Value { effect: None, ..value.derived().without(Kind::Failure) })
}

/// What is left of a result's error after a method, whose closure answers `made`.
pub fn after(value: Value, method: &str, made: &Value, own: bool) -> Value {
    let ends = ENDS.contains(&method) || (method == "map_err" && (own || !made.has(Kind::Failure)));
    if ends { value.without(Kind::Fallible) } else { value }
}

/// What other crates' functions answer.
pub fn answer(owner: Option<&str>, name: &str, args: &[Value]) -> Value {
    let first = args.first().cloned().unwrap_or_default();
    match (owner, name) {
        (Some("Value" | "Map" | "Default"), "default" | "new") if args.is_empty() => {
            Value { built: true, ..Value::of_type("json") }
        }
        (_, "Err") if first.has(Kind::Failure) => Value::default().fallible(),
        (_, "Err") => Value::default(),
        (Some("Uuid"), "new_v4" | "now_v7" | "now_v1") | (Some("Ulid"), "new") => {
            Value::marked(Kind::Random, format!("{}::{name}", owner.unwrap_or_default()))
        }
        (Some("rand"), "random") | (_, "thread_rng" | "random" | "nanoid") => {
            Value::marked(Kind::Random, "a random number")
        }
        (
            Some("SystemTime" | "Utc" | "Local" | "OffsetDateTime" | "Timestamp" | "Zoned"),
            "now" | "now_utc",
        ) => Value::marked(Kind::Time, "the time of day"),
        (Some("serde_json"), "to_string" | "to_string_pretty" | "to_vec" | "to_value") => first.copied(),
        (_, "from_slice" | "from_str" | "from_reader") if first.has(Kind::Body) => {
            first.derived().and(Kind::Parsed, "the body")
        }
        // Wrappers and conversions: `Some(x)`, `Arc::new(x)`, `String::from(x)`, `AttributeValue::S(x)`.
        _ if args.len() == 1 && is_wrapper(owner, name) => Value { ty: None, ..first },
        _ => {
            let made = args.iter().fold(Value::default(), Value::mixed);
            let ty = owner.filter(|owner| owner.starts_with(char::is_uppercase)).map(str::to_owned);
            statement(&first).unwrap_or(Value { ty, ..made })
        }
    }
}

fn is_wrapper(owner: Option<&str>, name: &str) -> bool {
    match owner {
        Some("AttributeValue" | "Value" | "Body" | "Message" | "SdkBody") | None => {
            name.starts_with(char::is_uppercase) || name == "from" || name == "drop"
        }
        Some(owner) => {
            const MAKERS: [&str; 11] = [
                "new",
                "from",
                "pin",
                "clone",
                "from_utf8",
                "from_utf8_lossy",
                "from_static",
                "from_str",
                "try_from",
                "Owned",
                "Borrowed",
            ];
            const HOLDERS: [&str; 13] = [
                "Arc",
                "Rc",
                "Box",
                "String",
                "str",
                "Cow",
                "Option",
                "Result",
                "Mutex",
                "RwLock",
                "OnceLock",
                "HeaderName",
                "HeaderValue",
            ];
            MAKERS.contains(&name) && HOLDERS.contains(&owner)
        }
    }
}

/// A table's name: the variable that names it, a constant, or the field that holds it.
pub fn table(arg: &Value, found: &ExprMethodCall) -> Option<String> {
    let variable = arg.mark(Kind::Variable).map(|mark| mark.what.clone());
    let written = found.args.first().and_then(last_name);
    variable.or_else(|| arg.literal.clone()).or(written)
}

/// The name of a field: two fields of one struct are two tables. A parameter's name says nothing.
fn last_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Reference(found) => last_name(&found.expr),
        Expr::MethodCall(found) => last_name(&found.receiver),
        Expr::Field(found) => Some(access::member(&found.member)).filter(|name| name != "name"),
        _ => None,
    }
}

/// A SQL statement that writes, with its table.
pub fn statement(text: &Value) -> Option<Value> {
    let literal = text.literal.as_deref()?;
    let upper = literal.to_ascii_uppercase();
    let words: Vec<&str> = upper.split_whitespace().collect();
    let table = match words.as_slice() {
        ["INSERT", "INTO", table, ..] | ["UPDATE", table, ..] | ["DELETE", "FROM", table, ..] => *table,
        _ => return None,
    };
    let table = plain(table.split('(').next().unwrap_or(table));
    let harmless = ["ON CONFLICT", "ON DUPLICATE", "OR IGNORE", "NOT EXISTS"];
    let conditional = words[0] != "INSERT" || harmless.into_iter().any(|part| upper.contains(part));
    let tables = BTreeSet::from([format!("sql:{table}")]);
    Some(Value {
        effect: Some(Effect { operation: "sql".to_owned(), tables, conditional, ..Effect::default() }),
        ..Value::default()
    })
}
