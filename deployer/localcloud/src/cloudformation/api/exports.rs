//! ListExports and ListImports.

use serde_json::{Value, json};

use super::{Ask, page};
use crate::cloudformation::form::invalid;
use crate::wire::AwsError;

const A_PAGE: usize = 20;

pub fn list(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["NextToken"])?;
    ask.authorize("*")?;
    let exports: Vec<Value> = ask.read(|state| {
        state
            .exports(&ask.call.region)
            .map(|(name, value, stack)| json!({"ExportingStackId": stack.id, "Name": name, "Value": value}))
            .collect()
    });
    let (exports, next) = page(exports, ask.form.text("NextToken"), A_PAGE)?;
    Ok(json!({"Exports": exports, "NextToken": next}))
}

pub fn imports(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["ExportName", "NextToken"])?;
    ask.authorize("*")?;
    let export = ask.form.required("ExportName")?;
    let importers: Vec<Value> =
        ask.read(|state| state.importers(export, &ask.call.region).into_iter().map(Value::from).collect());
    if importers.is_empty() {
        return Err(invalid(format!("Export '{export}' is not imported by any stack.")));
    }
    let (importers, next) = page(importers, ask.form.text("NextToken"), A_PAGE)?;
    Ok(json!({"Imports": importers, "NextToken": next}))
}
