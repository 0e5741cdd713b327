//! What the fragments see of a project.

use minijinja::value::{Serde, Value};
use serde_json::{Map, Value as Json, json};

use crate::policy::{self, On, Statement};
use crate::project::{EncryptionKey, Function, Method, Project, Table, pascal_case};

/// The values of a fragment that is rendered once a stage.
pub fn stage(project: &Project) -> Map<String, Json> {
    let class = project.class;
    let functions: Vec<Json> = project.functions.iter().map(|function| json(project, function)).collect();
    let triggers: Vec<Json> = project
        .functions
        .iter()
        .filter_map(|function| {
            let trigger = function.trigger?;
            Some(json!({ "name": trigger.as_str(), "function": function.logical_id }))
        })
        .collect();
    let redirect =
        project.user_pool.callback_urls.first().map_or_else(String::new, |url| percent_encode(url));
    let values = json!({
        "service": project.service,
        "stage": project.stage,
        "stack_name": project.stack_name,
        "permissions_boundary": project.permissions_boundary.as_deref().map(boundary_arn),
        "architecture": project.architecture,
        "class": {
            "name": class,
            "deletion_policy": class.deletion_policy(),
            "update_replace_policy": class.update_replace_policy(),
            "protected": class.protected(),
            "recovery_days": class.recovery_days(),
            "encryption": class.encryption(),
            "customer_key": class.encryption() == EncryptionKey::Customer,
            "mfa": class.mfa(),
            "password_length": class.password_length(),
            "log_retention_days": class.log_retention_days(),
            "test_users": class.test_users(),
        },
        "user_pool": {
            "callback_urls": project.user_pool.callback_urls,
            "logout_urls": project.user_pool.logout_urls,
            "sign_in_redirect": redirect,
        },
        "http_api": {
            "cors_origins": project.http_api.cors_origins,
            "cors_methods": cors_methods(project),
            "throttling_rate": project.http_api.throttling_rate,
            "throttling_burst": project.http_api.throttling_burst,
            "log_group": format!("/aws/vendedlogs/http-api/{}", project.stack_name),
        },
        "database": { "network": project.database.as_ref().and_then(|database| database.network.as_ref()) },
        "functions": functions,
        "tables": project.tables.iter().map(table_json).collect::<Vec<_>>(),
        "triggers": triggers,
    });
    match values {
        Json::Object(values) => values,
        _ => Map::new(),
    }
}

/// The ARN of a managed policy, as `Fn::Sub` takes it.
fn boundary_arn(policy: &str) -> String {
    match policy.starts_with("arn:") {
        true => policy.to_owned(),
        false => format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/{policy}"),
    }
}

/// The values of a fragment that is rendered once a function.
pub fn function(stage: &Map<String, Json>, project: &Project, function: &Function) -> Value {
    with(stage, "function", json(project, function))
}

/// The values of a fragment that is rendered once a table.
pub fn table(stage: &Map<String, Json>, table: &Table) -> Value {
    with(stage, "table", table_json(table))
}

fn with(stage: &Map<String, Json>, key: &str, value: Json) -> Value {
    let mut values = stage.clone();
    values.insert(key.to_owned(), value);
    Value::from(Serde(&values))
}

fn table_json(table: &Table) -> Json {
    let indexes: Vec<Json> = table
        .indexes
        .iter()
        .map(|index| json!({ "name": index.name, "partition_key": index.partition_key, "sort_key": index.sort_key }))
        .collect();
    json!({
        "name": table.name,
        "logical_id": table.logical_id,
        "output": table.output,
        "partition_key": table.partition_key,
        "sort_key": table.sort_key,
        "key_attributes": key_attributes(table),
        "indexes": indexes,
        "ttl_attribute": table.ttl_attribute,
    })
}

/// Every attribute that is a key, once: DynamoDB refuses definitions that no key uses.
fn key_attributes(table: &Table) -> Vec<&str> {
    let own = [Some(&table.partition_key), table.sort_key.as_ref()];
    let indexed =
        table.indexes.iter().flat_map(|index| [Some(&index.partition_key), index.sort_key.as_ref()]);
    let mut names: Vec<&str> = Vec::new();
    for name in own.into_iter().chain(indexed).flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

fn json(project: &Project, function: &Function) -> Json {
    let words = pascal_case(&function.name);
    let statements = policy::statements(function, &project.tables);
    // The secret is not the stack's: its statement has an ARN of its own.
    let (database, statements): (Vec<_>, Vec<_>) =
        statements.into_iter().partition(|statement| statement.on == On::Database);
    // The pool waits for its triggers, so a trigger gets its rights over the pool afterwards.
    let (pool, others): (Vec<_>, Vec<_>) = statements
        .into_iter()
        .partition(|statement| function.trigger.is_some() && statement.on == On::UserPool);
    let routes: Vec<Json> = function
        .routes
        .iter()
        .map(|route| {
            let name = route.logical_name();
            let method = if route.method == Method::Any { "*" } else { route.method.as_str() };
            json!({
                "key": route.to_string(),
                "source": format!("{method}{}", route.path),
                "logical_id": format!("{name}Route"),
                "permission_logical_id": format!("{name}RoutePermission"),
            })
        })
        .collect();
    let environment: Vec<Json> =
        function.environment.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "name": function.name,
        "description": function.description,
        "function_name": function.function_name,
        "log_group": function.log_group,
        "logical_id": function.logical_id,
        "role_logical_id": function.role_logical_id,
        "log_group_logical_id": function.log_group_logical_id,
        "integration_logical_id": format!("{words}Integration"),
        "permission_logical_id": format!("{words}Permission"),
        "pool_policy_logical_id": format!("{words}UserPoolPolicy"),
        "code_key_parameter": function.code_key_parameter,
        "memory": function.memory,
        "timeout": function.timeout,
        "routes": routes,
        "public": function.public,
        "trigger": function.trigger,
        "statements": others.iter().map(statement).collect::<Vec<_>>(),
        "pool_actions": actions(pool).unwrap_or_default(),
        "tables": tables_of(project, &others),
        "user_pool": others.iter().any(|statement| statement.on == On::UserPool),
        "database": actions(database).and_then(|actions| database_json(project, &actions)),
        "environment": environment,
    })
}

/// All actions of the statements; none where there are none.
fn actions(statements: Vec<Statement>) -> Option<Vec<String>> {
    let actions: Vec<String> = statements.into_iter().flat_map(|statement| statement.actions).collect();
    (!actions.is_empty()).then_some(actions)
}

/// What a function with the grant `database` needs.
fn database_json(project: &Project, actions: &[String]) -> Option<Json> {
    let database = project.database.as_ref()?;
    // By its name alone a secret's ARN is known but for six characters that Secrets Manager makes up ("Permissions
    // policy examples" in its user guide).
    let secret_arn = if database.secret.starts_with("arn:") {
        database.secret.clone()
    } else {
        format!(
            "arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:{}-??????",
            database.secret
        )
    };
    Some(json!({
        "actions": actions,
        "secret": database.secret,
        "secret_arn": secret_arn,
        "kms_key": database.kms_key,
        "schema": database.schema,
        "network": database.network,
    }))
}

fn statement(statement: &Statement) -> Json {
    let (resource, index) = match &statement.on {
        On::Table(table) => (table.as_str(), None),
        On::Index { table, index } => (table.as_str(), Some(index)),
        On::UserPool => ("UserPool", None),
        // Never here: it has no logical id.
        On::Database => ("", None),
    };
    json!({ "actions": statement.actions, "resource": resource, "index": index })
}

/// The tables whose names a function needs to know.
fn tables_of(project: &Project, statements: &[Statement]) -> Vec<Json> {
    let granted = |table: &&Table| {
        statements.iter().any(|statement| match &statement.on {
            On::Table(id) | On::Index { table: id, .. } => *id == table.logical_id,
            On::UserPool | On::Database => false,
        })
    };
    let tables = project.tables.iter().filter(granted);
    tables
        .map(|table| json!({ "variable": table.environment_variable(), "logical_id": table.logical_id }))
        .collect()
}

/// The methods that a browser may use: those of the routes.
fn cors_methods(project: &Project) -> Vec<&'static str> {
    let mut methods: Vec<Method> =
        project.functions.iter().flat_map(|function| &function.routes).map(|route| route.method).collect();
    methods.sort();
    methods.dedup();
    methods.into_iter().map(|method| if method == Method::Any { "*" } else { method.as_str() }).collect()
}

/// As a part of a query (RFC 3986, unreserved characters stay).
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
