//! What is known of the AWS SDK for Rust: its clients, their operations, and which of their settings name a
//! resource.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Operations by service.
struct Operations {
    of: HashMap<&'static str, HashSet<&'static str>>,
    /// Names that are an operation's wherever they are called.
    telling: HashSet<&'static str>,
}

static OPERATIONS: LazyLock<Operations> = LazyLock::new(|| {
    let mut operations = Operations { of: HashMap::new(), telling: HashSet::new() };
    for line in include_str!("operations.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(service) = words.next() else { continue };
        let known = operations.of.entry(service).or_default();
        for word in words {
            known.insert(word.trim_start_matches('!'));
            if !word.starts_with('!') {
                operations.telling.insert(word);
            }
        }
    }
    operations
});

/// Methods of every client that are no operations.
const NO_OPERATIONS: [&str; 9] =
    ["config", "clone", "as_ref", "borrow", "to_owned", "into", "as_ptr", "fmt", "deref"];

/// Whether a name is, wherever it is called, most likely an operation.
pub fn is_operation(name: &str) -> bool {
    OPERATIONS.telling.contains(name) || is_waiter(name)
}

/// Whether a method of a client asks again and again, until something is so.
pub fn is_waiter(method: &str) -> bool {
    method.starts_with("wait_until_")
}

/// The operations that waiters send, by service (`src/waiters` of the crates: dynamodb 1.136, lambda 1.156, s3 1.157).
const WAITERS: [(&str, &str, &str); 16] = [
    ("dynamodb", "contributor_insights_enabled", "describe_contributor_insights"),
    ("dynamodb", "export_completed", "describe_export"),
    ("dynamodb", "import_completed", "describe_import"),
    ("dynamodb", "kinesis_streaming_destination_active", "describe_kinesis_streaming_destination"),
    ("dynamodb", "table_exists", "describe_table"),
    ("dynamodb", "table_not_exists", "describe_table"),
    ("lambda", "function_active", "get_function_configuration"),
    ("lambda", "function_active_v2", "get_function"),
    ("lambda", "function_exists", "get_function"),
    ("lambda", "function_updated", "get_function_configuration"),
    ("lambda", "function_updated_v2", "get_function"),
    ("lambda", "published_version_active", "get_function_configuration"),
    ("s3", "bucket_exists", "head_bucket"),
    ("s3", "bucket_not_exists", "head_bucket"),
    ("s3", "object_exists", "head_object"),
    ("s3", "object_not_exists", "head_object"),
];

/// The operation that a method of a client sends: that of its name, or what a waiter asks.
pub fn operation_of<'a>(service: &str, method: &'a str) -> &'a str {
    let until = method.strip_prefix("wait_until_");
    let mut waiters = WAITERS.iter().filter(|(of, ..)| *of == service);
    waiters.find(|(_, name, _)| until == Some(*name)).map_or(method, |(.., operation)| operation)
}

/// Whether a module of the SDK has a name, as far as it matters here: what `use aws_sdk_dynamodb::*` brings.
pub fn has(module: &[String], name: &str) -> bool {
    let module: Vec<&str> = module.iter().map(String::as_str).collect();
    let Some(service) = module.first().and_then(|first| first.strip_prefix("aws_sdk_")) else { return false };
    match module[1..] {
        [] => matches!(name, "Client" | "client" | "operation" | "types"),
        ["client"] => name == "Client",
        ["operation"] => begins(service, name),
        ["operation", _] => name == "builders" || name.ends_with("Input") || name.ends_with("FluentBuilder"),
        ["operation", _, "builders"] => name.ends_with("Builder"),
        ["types"] => matches!(name, "Put" | "Update" | "Delete" | "ConditionCheck" | "Get" | "builders"),
        ["types", "builders"] => name.ends_with("Builder"),
        _ => false,
    }
}

/// Whether a method of a service's client begins a request. Of a service that is not listed every method does.
pub fn begins(service: &str, method: &str) -> bool {
    match OPERATIONS.of.get(service) {
        Some(known) => known.contains(method) || is_waiter(method),
        None => !NO_OPERATIONS.contains(&method),
    }
}

/// The service whose client a path names: `aws_sdk_dynamodb::Client`.
pub fn client(path: &[String]) -> Option<String> {
    let service = path.first()?.strip_prefix("aws_sdk_")?;
    (path.len() > 1 && path.last().is_some_and(|last| last == "Client")).then(|| service.to_owned())
}

/// What a path that makes a builder begins: service, operation, and whether that is a member of a transaction.
pub fn builder(path: &[String]) -> Option<(String, String, bool)> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let service = parts.first()?.strip_prefix("aws_sdk_")?;
    match parts.as_slice() {
        [_, "operation", operation, .., "builder" | "default" | "new"] => {
            begins(service, operation).then(|| (service.to_owned(), (*operation).to_owned(), false))
        }
        [.., of, "builder" | "default"] if service == "dynamodb" => {
            let operation = match of.trim_end_matches("Builder") {
                "Put" => "put_item",
                "Update" => "update_item",
                "Delete" => "delete_item",
                "ConditionCheck" => "condition_check_item",
                "Get" => "get_item",
                _ => return None,
            };
            Some((service.to_owned(), operation.to_owned(), true))
        }
        _ => None,
    }
}

/// `set_table_name` -> `table_name`.
pub fn setting(method: &str) -> &str {
    method.strip_prefix("set_").unwrap_or(method)
}

/// Whether a method of a request may say what the request is on.
pub fn names_resource(method: &str) -> bool {
    matches!(
        setting(method),
        "table_name"
            | "index_name"
            | "user_pool_id"
            | "secret_id"
            | "statement"
            | "statements"
            | "transact_statements"
            | "transact_items"
            | "request_items"
    )
}

/// Services by SDK crate, with the id that the SDK gives them in texts.
const SERVICES: [(&str, &str); 18] = [
    ("cloudwatch", "CloudWatch"),
    ("cloudwatchlogs", "CloudWatch Logs"),
    ("cognitoidentityprovider", "Cognito Identity Provider"),
    ("dynamodb", "DynamoDB"),
    ("eventbridge", "EventBridge"),
    ("firehose", "Firehose"),
    ("kinesis", "Kinesis"),
    ("kms", "KMS"),
    ("lambda", "Lambda"),
    ("rdsdata", "RDS Data"),
    ("s3", "S3"),
    ("secretsmanager", "Secrets Manager"),
    ("sesv2", "SESv2"),
    ("sfn", "SFN"),
    ("sns", "SNS"),
    ("sqs", "SQS"),
    ("ssm", "SSM"),
    ("sts", "STS"),
];

/// Every service whose operations are known: SDK crate without `aws_sdk_`, and id.
pub fn service_ids() -> impl Iterator<Item = (&'static str, &'static str)> {
    SERVICES.into_iter()
}

/// The operations of a service, as in its API.
pub fn operation_names(service: &str) -> Vec<String> {
    OPERATIONS.of.get(service).into_iter().flatten().map(|method| operation_name(method)).collect()
}

/// `put_item` -> `PutItem`.
pub fn operation_name(method: &str) -> String {
    // The SDK's words do not say which of their letters are large.
    for (known, name) in [
        ("admin_set_user_mfa_preference", "AdminSetUserMFAPreference"),
        ("get_csv_header", "GetCSVHeader"),
        ("get_ui_customization", "GetUICustomization"),
        ("set_ui_customization", "SetUICustomization"),
        ("set_user_mfa_preference", "SetUserMFAPreference"),
    ] {
        if method == known {
            return name.to_owned();
        }
    }
    let mut name = String::with_capacity(method.len());
    for word in method.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.extend(letters);
    }
    name
}

/// Operations of a user pool that need no right: whoever calls them proves with a token, a password or a code
/// who they are ("Understanding API, OIDC, and managed login pages authentication", Cognito developer guide).
pub fn needs_no_right(operation: &str) -> bool {
    matches!(
        operation,
        "associate_software_token"
            | "change_password"
            | "complete_web_authn_registration"
            | "confirm_device"
            | "confirm_forgot_password"
            | "confirm_sign_up"
            | "delete_user"
            | "delete_user_attributes"
            | "delete_web_authn_credential"
            | "forget_device"
            | "forgot_password"
            | "get_device"
            | "get_tokens_from_refresh_token"
            | "get_user"
            | "get_user_attribute_verification_code"
            | "get_user_auth_factors"
            | "global_sign_out"
            | "initiate_auth"
            | "list_devices"
            | "list_web_authn_credentials"
            | "resend_confirmation_code"
            | "respond_to_auth_challenge"
            | "revoke_token"
            | "set_user_mfa_preference"
            | "set_user_settings"
            | "sign_up"
            | "start_web_authn_registration"
            | "update_device_status"
            | "update_user_attributes"
            | "verify_software_token"
            | "verify_user_attribute"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split("::").map(str::to_owned).collect()
    }

    #[test]
    fn clients_and_builders_are_known_by_their_paths() {
        assert_eq!(client(&path("aws_sdk_dynamodb::Client")).as_deref(), Some("dynamodb"));
        assert_eq!(client(&path("aws_sdk_s3::client::Client")).as_deref(), Some("s3"));
        assert_eq!(client(&path("reqwest::Client")), None);
        let put = builder(&path("aws_sdk_dynamodb::types::Put::builder"));
        assert_eq!(put, Some(("dynamodb".to_owned(), "put_item".to_owned(), true)));
        let input =
            builder(&path("aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder::default"));
        assert_eq!(input, Some(("dynamodb".to_owned(), "query".to_owned(), false)));
        assert_eq!(builder(&path("aws_sdk_dynamodb::types::TransactWriteItem::builder")), None);
    }

    #[test]
    fn common_words_are_operations_of_known_clients_alone() {
        assert!(begins("kms", "decrypt") && !is_operation("decrypt"));
        assert!(is_operation("put_item") && begins("dynamodb", "put_item") && !begins("dynamodb", "config"));
        assert!(begins("unheard_of", "do_it") && !begins("unheard_of", "clone"));
    }

    #[test]
    fn operations_are_named_as_in_the_api() {
        assert_eq!(operation_name("transact_write_items"), "TransactWriteItems");
        assert_eq!(operation_name("list_objects_v2"), "ListObjectsV2");
        assert_eq!(operation_name("admin_set_user_mfa_preference"), "AdminSetUserMFAPreference");
    }

    #[test]
    fn every_service_with_operations_has_an_id() {
        for service in OPERATIONS.of.keys() {
            assert!(SERVICES.iter().any(|(known, _)| known == service), "{service}");
        }
    }
}
