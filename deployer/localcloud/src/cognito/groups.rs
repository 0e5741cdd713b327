//! Groups of users, which show in tokens.

use serde_json::{Map, Value, json};

use super::admin::describe_user;
use super::describe::page;
use super::errors;
use super::input::{GROUP_NAME, Input};
use super::operation::Operation;
use super::state::{Group, seconds};
use crate::wire::AwsError;

pub(super) fn create_group(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let pool_id = op.admin_pool("CreateGroup", &mut input)?;
    let name = input.limited("GroupName", GROUP_NAME)?;
    let group = Group {
        name: name.clone(),
        description: input.optional_text("Description")?,
        role_arn: input.optional_text("RoleArn")?,
        precedence: input.number("Precedence")?,
        created: op.now,
        modified: op.now,
    };
    input.finish()?;
    let pool = op.state.pool_mut(&pool_id)?;
    if pool.groups.contains_key(&name) {
        return Err(errors::group_exists(&name));
    }
    let answer = json!({"Group": describe(&pool_id, &group)});
    pool.groups.insert(name, group);
    Ok(answer)
}

fn describe(pool_id: &str, group: &Group) -> Value {
    let mut shown = Map::from_iter([
        ("GroupName".to_owned(), json!(group.name)),
        ("UserPoolId".to_owned(), json!(pool_id)),
        ("CreationDate".to_owned(), json!(seconds(group.created))),
        ("LastModifiedDate".to_owned(), json!(seconds(group.modified))),
    ]);
    let mut set = |name: &str, value: Option<Value>| value.map(|value| shown.insert(name.to_owned(), value));
    set("Description", group.description.as_ref().map(|text| json!(text)));
    set("RoleArn", group.role_arn.as_ref().map(|text| json!(text)));
    set("Precedence", group.precedence.map(|number| json!(number)));
    Value::Object(shown)
}

/// The pool and the name of a group that is there.
fn group(op: &Operation<'_>, action: &str, input: &mut Input) -> Result<(String, String), AwsError> {
    let pool_id = op.admin_pool(action, input)?;
    let name = input.limited("GroupName", GROUP_NAME)?;
    if op.pool(&pool_id)?.groups.contains_key(&name) {
        Ok((pool_id, name))
    } else {
        Err(errors::group_not_found())
    }
}

pub(super) fn delete_group(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let (pool_id, name) = group(op, "DeleteGroup", &mut input)?;
    input.finish()?;
    let pool = op.state.pool_mut(&pool_id)?;
    pool.groups.remove(&name);
    for user in pool.users.values_mut() {
        user.groups.remove(&name);
    }
    Ok(Value::Null)
}

pub(super) fn get_group(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let (pool_id, name) = group(op, "GetGroup", &mut input)?;
    input.finish()?;
    let group = op.pool(&pool_id)?.groups.get(&name).ok_or_else(errors::group_not_found)?;
    Ok(json!({"Group": describe(&pool_id, group)}))
}

pub(super) fn list_groups(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let pool_id = op.admin_pool("ListGroups", &mut input)?;
    let limit = input.page_size("Limit", 60)?;
    let token = input.optional_text("NextToken")?;
    input.finish()?;
    let groups = op.pool(&pool_id)?.groups.values().map(|group| describe(&pool_id, group));
    page("Groups", "NextToken", groups, limit, token.as_deref())
}

pub(super) fn add_user_to_group(op: &mut Operation<'_>, input: Input) -> Result<Value, AwsError> {
    membership(op, "AdminAddUserToGroup", input, true)
}

pub(super) fn remove_user_from_group(op: &mut Operation<'_>, input: Input) -> Result<Value, AwsError> {
    membership(op, "AdminRemoveUserFromGroup", input, false)
}

fn membership(
    op: &mut Operation<'_>,
    action: &str,
    mut input: Input,
    member: bool,
) -> Result<Value, AwsError> {
    let (pool_id, name) = group(op, action, &mut input)?;
    let username = input.username()?;
    input.finish()?;
    let user = op.state.pool_mut(&pool_id)?.user_mut(&username).ok_or_else(errors::user_not_found)?;
    if member {
        user.groups.insert(name);
    } else {
        user.groups.remove(&name);
    }
    Ok(Value::Null)
}

pub(super) fn list_groups_for_user(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let pool_id = op.admin_pool("AdminListGroupsForUser", &mut input)?;
    let username = input.username()?;
    let limit = input.page_size("Limit", 60)?;
    let token = input.optional_text("NextToken")?;
    input.finish()?;
    let pool = op.pool(&pool_id)?;
    let user = pool.user(&username).ok_or_else(errors::user_not_found)?;
    let groups =
        user.groups.iter().filter_map(|name| pool.groups.get(name)).map(|group| describe(&pool_id, group));
    page("Groups", "NextToken", groups, limit, token.as_deref())
}

pub(super) fn list_users_in_group(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let (pool_id, name) = group(op, "ListUsersInGroup", &mut input)?;
    let limit = input.page_size("Limit", 60)?;
    let token = input.optional_text("NextToken")?;
    input.finish()?;
    let pool = op.pool(&pool_id)?;
    let users =
        pool.users.values().filter(|user| user.groups.contains(&name)).map(|user| describe_user(user, None));
    page("Users", "NextToken", users, limit, token.as_deref())
}
