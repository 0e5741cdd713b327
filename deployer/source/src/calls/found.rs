//! From requests that are sent to the rights they need.

use super::analysis::Analysis;
use super::sdk;
use super::value::{Atom, Request, Value};
use super::{Call, Resource};
use crate::place::Fault;

/// What a request needs.
type Needs = Result<Vec<(String, Resource)>, (String, &'static str)>;

const NAME_IT: &str = "call it through a handle whose type names the resource, such as Table<Profiles>, or take the \
                       name from the variable TABLE_<NAME>";

const POOL: &str = "set user_pool_id from the variable USER_POOL_ID";

const SECRET: &str =
    "grants name one secret, the database's: set secret_id from the variable DATABASE_SECRET";

impl Analysis<'_> {
    /// Everything that is called, and what could not be told.
    pub fn calls(&mut self) -> Vec<Call> {
        let mut calls = Vec::new();
        for request in std::mem::take(&mut self.sent) {
            let site = request.at;
            let place = self.index.place(site.scope, site.line, site.column);
            let chain: Vec<String> = self.chain(site.context).into_iter().map(|id| self.title(id)).collect();
            let operation = sdk::operation_name(&request.operation);
            match self.needs(&request) {
                Ok(needs) => calls.push(Call {
                    service: request.service.clone(),
                    operation: (!request.member).then_some(operation),
                    needs,
                    place,
                    chain,
                }),
                Err((message, help)) => {
                    let message = format!("{operation}: {message}");
                    self.fault(site, Fault::new("unresolved-call", message).help(help));
                }
            }
        }
        for (site, (request, sent)) in std::mem::take(&mut self.begun) {
            if !sent {
                let operation = sdk::operation_name(&request.operation);
                let message = format!("{operation} is begun here, and where it is sent cannot be told");
                let help =
                    "send it in the function that begins it, or return the builder to a function that does";
                self.fault(site, Fault::new("unresolved-call", message).help(help));
            }
        }
        calls
    }

    fn needs(&mut self, request: &Request) -> Needs {
        let action = |prefix: &str, operation: &str| format!("{prefix}:{}", sdk::operation_name(operation));
        match request.service.as_str() {
            "dynamodb" => self.of_dynamodb(request),
            "cognitoidentityprovider" if sdk::needs_no_right(&request.operation) => Ok(Vec::new()),
            _ if sdk::is_waiter(&request.operation) => Err((
                "which call this waiter makes is not known".to_owned(),
                "call that operation itself until it answers what is waited for",
            )),
            "cognitoidentityprovider" => {
                let Some(pool) = given(request, "user_pool_id") else {
                    return Err(("no user pool is named".to_owned(), POOL));
                };
                // A trigger's event names the pool that it comes from: the one that there is.
                named_otherwise(pool, "user pool", "USER_POOL_ID", POOL)?;
                Ok(vec![(action("cognito-idp", &request.operation), Resource::UserPool)])
            }
            "secretsmanager" if request.operation == "get_secret_value" => {
                let none = Value::none();
                let secret = given(request, "secret_id").unwrap_or(&none);
                named_otherwise(secret, "secret", "DATABASE_SECRET", SECRET)?;
                if secret.has(&Atom::Unknown) || !secret.has(&Atom::Variable("DATABASE_SECRET".to_owned())) {
                    return Err(("which secret it is on cannot be told".to_owned(), SECRET));
                }
                Ok(vec![(action("secretsmanager", &request.operation), Resource::Database)])
            }
            // Answers who calls, to anybody (API reference of STS).
            "sts" if request.operation == "get_caller_identity" => Ok(Vec::new()),
            other => Err((
                format!("no grant can be given for what aws_sdk_{other} calls here"),
                "grants name a table, an index, the user pool or the database",
            )),
        }
    }

    fn of_dynamodb(&mut self, request: &Request) -> Needs {
        let given = |key: &str| given(request, key);
        let none = Value::none();
        let action = format!("dynamodb:{}", sdk::operation_name(&request.operation));
        match request.operation.as_str() {
            "transact_write_items" | "transact_get_items" => {
                let items = given("transact_items").unwrap_or(&none);
                let members = items.iter().any(|atom| matches!(atom, Atom::Request(found) if found.member));
                if members && !items.has(&Atom::Unknown) {
                    return Ok(Vec::new());
                }
                let help =
                    "build its members where this can be followed: table.put(), Put::builder() and the like";
                Err(("the members of this transaction cannot be told".to_owned(), help))
            }
            "batch_get_item" | "batch_write_item" => {
                let tables = self.tables(given("request_items").unwrap_or(&none), false)?;
                Ok(tables.into_iter().map(|table| (action.clone(), Resource::Table(table))).collect())
            }
            "execute_statement" => self.of_statement(given("statement").unwrap_or(&none)),
            "batch_execute_statement" => self.of_statement(given("statements").unwrap_or(&none)),
            "execute_transaction" => self.of_statement(given("transact_statements").unwrap_or(&none)),
            "list_tables" | "describe_limits" | "describe_endpoints" | "list_backups" | "list_exports"
            | "list_imports" | "list_global_tables" => Err((
                "it is on no single table, and no role is granted `*`".to_owned(),
                "name the table that it is about",
            )),
            _ => {
                let tables = self.tables(given("table_name").unwrap_or(&none), true)?;
                let Some(indexes) = given("index_name") else {
                    return Ok(tables
                        .into_iter()
                        .map(|table| (action.clone(), Resource::Table(table)))
                        .collect());
                };
                let indexes = texts(indexes);
                if indexes.is_empty() {
                    return Err((
                        "which index it is on cannot be told".to_owned(),
                        "name the index by a constant",
                    ));
                }
                let pairs = tables.iter().flat_map(|table| indexes.iter().map(move |index| (table, index)));
                let resource = |table: &String, index: &String| Resource::Index {
                    table: table.clone(),
                    index: index.clone(),
                };
                Ok(pairs.map(|(table, index)| (action.clone(), resource(table, index))).collect())
            }
        }
    }

    /// PartiQL has an action a verb ("IAM policies with PartiQL for DynamoDB", developer guide).
    fn of_statement(&mut self, statements: &Value) -> Needs {
        let mut needs = Vec::new();
        for text in texts_of_statements(statements) {
            let verb = match text.split_whitespace().next().map(str::to_ascii_uppercase).as_deref() {
                Some("SELECT" | "EXISTS") => "Select",
                Some("INSERT") => "Insert",
                Some("UPDATE") => "Update",
                Some("DELETE") => "Delete",
                _ => continue,
            };
            let quoted: Vec<&str> = text.split('"').collect();
            if let Some(written) = quoted.get(1).filter(|name| !name.contains('{')) {
                return Err(literal(written));
            }
            let tables = self.tables(statements, false)?;
            let index = (quoted.get(2).copied() == Some(".")).then(|| quoted.get(3).copied()).flatten();
            for table in tables {
                let resource = match index {
                    Some(index) => Resource::Index { table, index: index.to_owned() },
                    None => Resource::Table(table),
                };
                needs.push((format!("dynamodb:PartiQL{verb}"), resource));
            }
        }
        if needs.is_empty() {
            return Err(("its statement cannot be told".to_owned(), "write the statement as a text here"));
        }
        Ok(needs)
    }

    /// The tables that a name may be of. What is `alone` is the name and nothing else.
    fn tables(&mut self, name: &Value, alone: bool) -> Result<Vec<String>, (String, &'static str)> {
        let mut tables = Vec::new();
        let mut untold = name.is_none() || name.has(&Atom::Unknown);
        for atom in name.iter() {
            if let Atom::Held(_, parts, _) = atom {
                let marked: Vec<String> = parts.iter().filter_map(|part| self.marked(part)).collect();
                untold |= marked.is_empty();
                tables.extend(marked);
            }
        }
        if tables.is_empty() {
            for atom in name.iter() {
                match atom {
                    Atom::Variable(variable) => match variable.strip_prefix("TABLE_") {
                        Some(rest) if !rest.contains('{') => tables.push(from_variable(rest)),
                        _ if alone => return Err(no_table(variable)),
                        _ => {}
                    },
                    Atom::Text(text) if alone && !is_placeholder(text) => return Err(literal(text)),
                    _ => {}
                }
            }
        }
        tables.sort();
        tables.dedup();
        if untold || tables.is_empty() {
            return Err(("which table it is on cannot be told".to_owned(), NAME_IT));
        }
        Ok(tables)
    }
}

/// What a setting of a request was given.
fn given<'a>(request: &'a Request, setting: &str) -> Option<&'a Value> {
    request.set.iter().find(|(known, _)| known == setting).map(|(_, value)| value)
}

/// An error where a resource may be another than the one in `variable`.
fn named_otherwise(
    name: &Value,
    what: &str,
    variable: &str,
    help: &'static str,
) -> Result<(), (String, &'static str)> {
    let other = name.iter().find_map(|atom| match atom {
        Atom::Text(text) if !is_placeholder(text) => Some(format!("{text:?}")),
        Atom::Variable(other) if other != variable => Some(format!("in the variable {other}")),
        _ => None,
    });
    match other {
        Some(other) => Err((format!("no grant is given for the {what} {other}"), help)),
        None => Ok(()),
    }
}

fn literal(name: &str) -> (String, &'static str) {
    let why = "and only a stage knows its tables' names";
    (format!("the table's name is written here, {name:?}, {why}"), NAME_IT)
}

fn no_table(variable: &str) -> (String, &'static str) {
    let message = match variable.contains('{') {
        true => format!("which variable {variable:?} is cannot be told, and with it the table"),
        false => format!("the variable {variable} names no table: those are TABLE_<NAME>"),
    };
    (message, NAME_IT)
}

/// Whether a text is nothing but what is put into it: `{}`, `{name}`.
fn is_placeholder(text: &str) -> bool {
    text.strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|name| !name.contains(['{', '}']))
}

/// `USER_ORDERS` -> `user-orders`, as the environments name tables.
fn from_variable(rest: &str) -> String {
    rest.to_ascii_lowercase().replace('_', "-")
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.iter().filter_map(|atom| match atom {
        Atom::Text(text) if !text.contains('{') => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

fn texts_of_statements(value: &Value) -> Vec<String> {
    let texts = value.iter().filter_map(|atom| match atom {
        Atom::Text(text) => Some(text.trim().to_owned()),
        _ => None,
    });
    texts.collect()
}
