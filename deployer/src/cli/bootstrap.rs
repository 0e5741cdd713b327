//! `bootstrap`: what pipelines need to deploy a stage, as a template or deployed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::failure::Failure;
use super::session::{Run, Session, approvals, project, rendered};
use super::ui::Ui;
use super::{Format, Global, summary};
use crate::bootstrap::{Bootstrap, Error, Trust, bootstrap};
use crate::deploy::{Desired, Outcome, bucket_name, planner};
use crate::project::{Class, Project, Target, neighbours};
use crate::whole;

/// Make what pipelines deploy a stage with: the artefact bucket, the service role, the permissions
/// boundary, the pipelines' role. Prints the template; deploys it with --yes
#[derive(Debug, clap::Args)]
pub struct BootstrapArgs {
    /// The GitHub repository whose jobs may deploy the stage, in its environment of that name
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<String>,
    /// Make GitHub's identity provider, too; an account has one
    #[arg(long, requires = "repository")]
    with_provider: bool,
    /// Write bootstrap.yaml into this folder instead
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let help = match &error {
            Error::UnknownType { .. } => {
                "deploy this stage with your own rights, or leave the resource to a stack of its own"
            }
            Error::LongName { .. } => "choose a shorter name for the service or the stage",
            Error::Repository { .. } => "for example --repository acme/shop",
            Error::Own { .. } => "choose another pattern for the family of stages",
            Error::Reach { .. } => {
                "rename one of the two, such as dev2 for dev-2, or name an account of its own in each file"
            }
        };
        Self::usage(error.to_string(), help)
    }
}

pub async fn run(ui: &Ui, global: &Global, args: BootstrapArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    if project.target == Target::Local {
        return Err(Failure::usage(
            format!(
                "the stage {} is the embedded cloud's, which no pipeline needs rights for",
                project.stage
            ),
            "name a stage on AWS",
        ));
    }
    let trust = args.repository.map(|repository| Trust::new(&repository, args.with_provider)).transpose()?;
    let template = rendered(ui, &project)?;
    let bucket = bucket_name("${AWS::AccountId}", "${AWS::Region}");
    let all = neighbours(&project.root)?;
    let made = bootstrap(&project, &template, &all, &bucket, trust.as_ref())?;
    if let Some(folder) = args.out {
        let path = folder.join("bootstrap.yaml");
        std::fs::create_dir_all(&folder)
            .map_err(Failure::io(format!("make the folder {}", folder.display())))?;
        whole::write(&path, made.template.as_bytes())
            .map_err(Failure::io(format!("write {}", path.display())))?;
        ui.status(&format!("wrote {}", path.display()));
    } else if !global.yes {
        ui.result(&made.template);
    }
    if !global.yes {
        ui.hint("deploy it with --yes and the credentials of an administrator");
        return Ok(0);
    }
    deploy(ui, global, project, made).await
}

async fn deploy(ui: &Ui, global: &Global, project: Project, made: Bootstrap) -> Result<u8, Failure> {
    let written = written(&project, &made);
    let mut session = Session::open(project).await?.with_own_rights();
    session.project.stack_name = made.scope.stack().parse().map_err(|error: crate::project::NameError| {
        Failure::usage(error.to_string(), "choose a shorter name for the service or the stage")
    })?;
    let desired = Desired {
        stack: made.scope.stack(),
        class: Class::Development,
        template: made.template,
        parameters: BTreeMap::new(),
        tags: BTreeMap::from([("deployer:stack".to_owned(), "bootstrap".to_owned())]),
        protected: false,
        stack_policy: false,
    };
    let run = Run::new(ui, &session, std::time::Duration::from_secs(1800), planner::Options::default());
    let ended = async {
        let approvals = approvals(global, &[]);
        match run.engine.ensure_bucket(&session.caller.account, false, &approvals).await? {
            Some(outcome) => Ok(outcome),
            None => run.engine.up(&desired, None, &approvals).await,
        }
    }
    .await;
    run.end().await;
    let outcome = ended?;
    match &outcome {
        Outcome::Deployed { outputs, .. } | Outcome::Unchanged { outputs } if ui.format != Format::Json => {
            let lines: Vec<String> =
                outputs.iter().map(|(name, value)| format!("{name:<18} {value}\n")).collect();
            ui.result(&lines.concat());
            if let Some(written) = written {
                ui.hint(&written);
            }
            Ok(outcome.exit_code())
        }
        Outcome::Deployed { .. } | Outcome::Unchanged { .. } => {
            ui.json(&json!({"type": "outcome", "stack": desired.stack, "exit_code": 0, "result": outcome}));
            Ok(outcome.exit_code())
        }
        _ => Ok(summary::show(ui, &session, None, &outcome)),
    }
}

/// What the stage's file has to say for its deployments to use what was made. `None`: it does.
fn written(project: &Project, made: &Bootstrap) -> Option<String> {
    let (role, boundary) = (made.scope.service_role(), made.scope.boundary());
    let says = |key: &Option<String>, name: &str| {
        key.as_deref().is_some_and(|text| text.rsplit('/').next() == Some(name))
    };
    let done = says(&project.service_role, &role) && says(&project.permissions_boundary, &boundary);
    (!done).then(|| {
        format!(
            "write into the stage's file: deployment: {{service_role: {role}, permissions_boundary: {boundary}}}"
        )
    })
}
