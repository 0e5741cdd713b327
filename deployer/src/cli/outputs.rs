//! `outputs`: the stack's outputs, for a person, a shell or a front end.

use std::collections::BTreeMap;

use super::failure::Failure;
use super::session::{Session, project};
use super::ui::Ui;
use super::{Format, Global};

/// Print the stack's outputs; `--format env` for a shell or a front end
#[derive(Debug, clap::Args)]
pub struct OutputsArgs {}

pub async fn run(ui: &Ui, global: &Global, _args: OutputsArgs) -> Result<u8, Failure> {
    let session = Session::open_running(project(global)?).await?;
    let outputs = outputs(&session).await?;
    match ui.format {
        Format::Json => ui.json(&outputs),
        Format::Env => {
            for (name, value) in &outputs {
                ui.result(&format!("{}={}", environment_name(name), quoted(value)));
            }
            if session.embedded()
                && let Some(endpoint) = session.aws.endpoint()
            {
                ui.result(&format!("AWS_ENDPOINT_URL={endpoint}"));
            }
        }
        Format::Human | Format::Github => {
            let width = outputs.keys().map(String::len).max().unwrap_or_default();
            for (name, value) in &outputs {
                ui.result(&format!("{name:<width$}  {value}"));
            }
        }
    }
    Ok(0)
}

/// The outputs of a stack that is there.
pub async fn outputs(session: &Session) -> Result<BTreeMap<String, String>, Failure> {
    let name = session.project.stack_name.as_str();
    let stack = session.aws.stack(name).await.map_err(Failure::aws(format!("look at {name}")))?;
    stack.map(|stack| stack.outputs).ok_or_else(|| {
        Failure::usage(
            format!(
                "{name} does not exist in account {} and {}",
                session.account.as_str(),
                session.region.as_str()
            ),
            format!("make it with `deployer up --stage {}`", session.project.stage.as_str()),
        )
    })
}

/// One output that a command needs.
pub fn output<'a>(outputs: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, Failure> {
    outputs.get(name).map(String::as_str).ok_or_else(|| {
        Failure::usage(format!("the stack has no output {name}"), "run `up` again: the templates declare it")
    })
}

/// `UserPoolId` -> `USER_POOL_ID`.
fn environment_name(name: &str) -> String {
    let mut text = String::new();
    for (index, character) in name.chars().enumerate() {
        if character.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(character.to_ascii_uppercase());
    }
    text
}

/// Readable by a shell and by dotenv readers alike: quoted only where it must be.
fn quoted(value: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@%+=,".contains(character);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_environment_variables() {
        for (name, wanted) in [
            ("ApiUrl", "API_URL"),
            ("UserPoolClientId", "USER_POOL_CLIENT_ID"),
            ("HostedSignInUrl", "HOSTED_SIGN_IN_URL"),
            ("TableProfiles", "TABLE_PROFILES"),
        ] {
            assert_eq!(environment_name(name), wanted);
        }
    }

    #[test]
    fn a_value_that_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("https://x/login?a=b&c=d"), "'https://x/login?a=b&c=d'");
        assert_eq!(quoted("us-east-1_Abc"), "us-east-1_Abc");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
