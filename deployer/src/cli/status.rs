//! `status`: what is there.

use serde_json::json;

use super::failure::Failure;
use super::session::{project, reach};
use super::ui::Ui;
use super::{Format, Global};

/// Show what is there
#[derive(Debug, clap::Args)]
pub struct StatusArgs {}

pub async fn run(ui: &Ui, global: &Global, _args: StatusArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    let aws = reach(&project).await?;
    let name = project.stack_name.as_str();
    // One call: a stack's ARN says its account.
    let stack = aws.stack(name).await.map_err(Failure::aws(format!("look at {name}")))?;
    let region = aws.region();
    match (stack, ui.format) {
        (None, Format::Json) => ui.json(&json!({"type": "status", "stack": name, "status": null})),
        (None, _) => ui.result(&format!("{name} does not exist in {region}")),
        (Some(stack), Format::Json) => ui.json(&json!({
            "type": "status",
            "stack": name,
            "id": stack.id,
            "status": stack.status,
            "reason": stack.reason,
            "account": stack.account(),
            "region": region,
            "updated": stack.updated.or(stack.created),
            "termination_protection": stack.termination_protection,
            "tags": stack.tags,
        })),
        (Some(stack), _) => {
            let mut lines = vec![
                format!("stack      {name}"),
                format!("status     {}", stack.status),
                format!("account    {}", stack.account()),
                format!("region     {region}"),
            ];
            lines.extend(stack.reason.map(|reason| format!("reason     {reason}")));
            lines.extend(
                stack.updated.or(stack.created).map(|time| format!("changed    {}", time.strftime("%F %TZ"))),
            );
            if stack.termination_protection {
                lines.push("protected  against termination".to_owned());
            }
            lines.extend(aws.endpoint().map(|endpoint| format!("endpoint   {endpoint}")));
            ui.result(&lines.join("\n"));
        }
    }
    Ok(0)
}
