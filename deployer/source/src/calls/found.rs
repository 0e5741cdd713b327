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
            "cognitoidentityprovider" if request.set.iter().any(|(key, _)| key == "user_pool_id") => {
                Ok(vec![(action("cognito-idp", &request.operation), Resource::UserPool)])
            }
            "cognitoidentityprovider" => {
                Err(("no user pool is named".to_owned(), "set user_pool_id from the variable USER_POOL_ID"))
            }
            "secretsmanager" if request.operation == "get_secret_value" => {
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
        let given = |key: &str| request.set.iter().find(|(known, _)| known == key).map(|(_, value)| value);
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
            let named = quoted.get(1).copied().filter(|name| !name.contains('{'));
            let tables = match named {
                Some(table) => vec![table.to_owned()],
                None => self.tables(statements, false)?,
            };
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

    /// The tables that a name may be of.
    fn tables(&mut self, name: &Value, literal: bool) -> Result<Vec<String>, (String, &'static str)> {
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
            let named = name.iter().filter_map(|atom| match atom {
                Atom::Variable(variable) => variable.strip_prefix("TABLE_").map(from_variable),
                Atom::Text(text) if literal => Some(text.clone()),
                _ => None,
            });
            tables.extend(named.filter(|name| !name.contains('{')));
        }
        tables.sort();
        tables.dedup();
        if untold || tables.is_empty() {
            return Err(("which table it is on cannot be told".to_owned(), NAME_IT));
        }
        Ok(tables)
    }
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
