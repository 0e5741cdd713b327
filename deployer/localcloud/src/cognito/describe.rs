//! What is there: pools, clients, domains, and users found by a filter.

use serde_json::{Map, Value, json};

use super::admin::describe_user;
use super::errors;
use super::input::Input;
use super::operation::Operation;
use super::state::{Client, Pool, User, seconds};
use crate::cloud::{ACCOUNT, arn};
use crate::wire::AwsError;

/// One page of a list. The token is the place to go on from.
pub(super) fn page(
    member: &str,
    token_member: &str,
    items: impl Iterator<Item = Value>,
    limit: usize,
    token: Option<&str>,
) -> Result<Value, AwsError> {
    let start = match token {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .map_err(|_| errors::invalid_parameter(format!("Invalid {token_member}.")))?,
    };
    let mut rest = items.skip(start);
    let found: Vec<Value> = rest.by_ref().take(limit).collect();
    let mut answer = Map::from_iter([(member.to_owned(), json!(found))]);
    if rest.next().is_some() {
        answer.insert(token_member.to_owned(), json!((start + limit).to_string()));
    }
    Ok(Value::Object(answer))
}

pub(super) fn list_users(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let pool_id = op.admin_pool("ListUsers", &mut input)?;
    let attributes = input.texts("AttributesToGet")?;
    let limit = input.page_size("Limit", 60)?;
    let token = input.optional_text("PaginationToken")?;
    let filter = input.optional_text("Filter")?;
    input.finish()?;
    let filter =
        filter.filter(|text| !text.trim().is_empty()).map(|text| Filter::parse(&text)).transpose()?;
    let users = op
        .pool(&pool_id)?
        .users
        .values()
        .filter(|user| filter.as_ref().is_none_or(|filter| filter.matches(user)))
        .map(|user| describe_user(user, attributes.as_deref()));
    page("Users", "PaginationToken", users, limit, token.as_deref())
}

/// `name = "value"` or `name ^= "value"` (begins with).
#[derive(Debug, PartialEq)]
struct Filter {
    attribute: String,
    prefix: bool,
    value: String,
}

/// What ListUsers can search by (API reference, Filter).
const SEARCHABLE: [&str; 11] = [
    "username",
    "email",
    "phone_number",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "cognito:user_status",
    "status",
    "sub",
    "updated_at",
];

impl Filter {
    fn parse(text: &str) -> Result<Self, AwsError> {
        let invalid = || errors::invalid_parameter("Error while parsing filter");
        let (attribute, value) = text.split_once('=').ok_or_else(invalid)?;
        let (attribute, prefix) = match attribute.strip_suffix('^') {
            Some(attribute) => (attribute, true),
            None => (attribute, false),
        };
        let attribute = attribute.trim().trim_matches('"');
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).ok_or_else(invalid)?;
        if !SEARCHABLE.contains(&attribute) {
            return Err(errors::invalid_parameter(format!("Invalid search attribute: {attribute}")));
        }
        Ok(Self { attribute: attribute.to_owned(), prefix, value: value.replace("\\\"", "\"") })
    }

    fn matches(&self, user: &User) -> bool {
        let enabled = if user.enabled { "Enabled" } else { "Disabled" };
        let actual = match self.attribute.as_str() {
            "username" => Some(user.username.as_str()),
            "cognito:user_status" => Some(user.status.name()),
            "status" => Some(enabled),
            attribute => user.attribute(attribute),
        };
        actual.is_some_and(
            |actual| if self.prefix { actual.starts_with(&self.value) } else { actual == self.value },
        )
    }
}

pub(super) fn describe_user_pool(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let pool_id = op.admin_pool("DescribeUserPool", &mut input)?;
    input.finish()?;
    let pool = op.pool(&pool_id)?;
    let mut shown = object(json!(pool.settings));
    // Named otherwise in the API than in a template, or not part of it.
    for name in ["Schema", "UserPoolName", "EnabledMfas"] {
        shown.remove(name);
    }
    let mut set = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    set("Id", json!(pool.id));
    set("Name", json!(pool.settings.user_pool_name));
    set("Arn", json!(pool.arn()));
    set("CreationDate", json!(seconds(pool.created)));
    set("LastModifiedDate", json!(seconds(pool.modified)));
    set("SchemaAttributes", pool.schema().describe());
    set("EstimatedNumberOfUsers", json!(pool.users.len()));
    if let Some(domain) = &pool.domain {
        set("Domain", json!(domain));
    }
    Ok(json!({"UserPool": shown}))
}

pub(super) fn describe_user_pool_client(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let pool_id = op.admin_pool("DescribeUserPoolClient", &mut input)?;
    let client_id = input.client_id()?;
    input.finish()?;
    let pool = op.pool(&pool_id)?;
    Ok(json!({"UserPoolClient": describe_client(pool, pool.client(&client_id)?)}))
}

fn describe_client(pool: &Pool, client: &Client) -> Value {
    let mut shown = object(json!(client.settings));
    shown.remove("GenerateSecret");
    let mut set = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    set("UserPoolId", json!(pool.id));
    set("ClientId", json!(client.id));
    set("ClientName", json!(client.name));
    set("EnableTokenRevocation", json!(client.settings.revokes()));
    set("RefreshTokenValidity", json!(client.settings.refresh_token_validity.unwrap_or(30)));
    set("CreationDate", json!(seconds(client.created)));
    set("LastModifiedDate", json!(seconds(client.modified)));
    if let Some(secret) = &client.secret {
        set("ClientSecret", json!(secret));
    }
    Value::Object(shown)
}

pub(super) fn describe_user_pool_domain(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let domain = input.text("Domain")?;
    input.finish()?;
    op.authorize("DescribeUserPoolDomain", "*")?;
    let description = match op.state.pool_of_domain(&domain) {
        Some(pool) => json!({
            "UserPoolId": pool.id,
            "AWSAccountId": ACCOUNT,
            "Domain": domain,
            "Status": "ACTIVE",
            "ManagedLoginVersion": 1,
        }),
        // An absent domain is an empty description, no error.
        None => json!({}),
    };
    Ok(json!({"DomainDescription": description}))
}

pub(super) fn list_user_pools(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let limit = input.page_size("MaxResults", 60)?;
    let token = input.optional_text("NextToken")?;
    input.finish()?;
    op.authorize("ListUserPools", &arn("cognito-idp", op.region, "userpool/*"))?;
    let pools = op.state.pools.values().filter(|pool| pool.region == op.region).map(|pool| {
        json!({
            "Id": pool.id,
            "Name": pool.settings.user_pool_name,
            "LambdaConfig": pool.settings.lambda_config,
            "CreationDate": seconds(pool.created),
            "LastModifiedDate": seconds(pool.modified),
        })
    });
    page("UserPools", "NextToken", pools, limit, token.as_deref())
}

pub(super) fn list_user_pool_clients(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let pool_id = op.admin_pool("ListUserPoolClients", &mut input)?;
    let limit = input.page_size("MaxResults", 60)?;
    let token = input.optional_text("NextToken")?;
    input.finish()?;
    let clients = op
        .pool(&pool_id)?
        .clients
        .values()
        .map(|client| json!({"ClientId": client.id, "ClientName": client.name, "UserPoolId": pool_id}));
    page("UserPoolClients", "NextToken", clients, limit, token.as_deref())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_have_a_name_an_operator_and_a_quoted_value() {
        let filter = |attribute: &str, prefix, value: &str| Filter {
            attribute: attribute.to_owned(),
            prefix,
            value: value.to_owned(),
        };
        assert_eq!(Filter::parse("email = \"a@b.c\"").unwrap(), filter("email", false, "a@b.c"));
        assert_eq!(Filter::parse("\"sub\"^=\"12\"").unwrap(), filter("sub", true, "12"));
        for wrong in ["email", "email = a@b.c", "custom:x = \"y\"", "email > \"a\""] {
            assert!(Filter::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_says_where_the_next_begins() {
        let items = || (0..5).map(|number| json!(number));
        let first = page("Items", "NextToken", items(), 2, None).unwrap();
        assert_eq!(first, json!({"Items": [0, 1], "NextToken": "2"}));
        let last = page("Items", "NextToken", items(), 2, Some("4")).unwrap();
        assert_eq!(last, json!({"Items": [4]}));
    }
}
