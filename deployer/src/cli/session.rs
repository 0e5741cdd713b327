//! What most commands begin with: the project, its template, and a way to AWS.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::paint::Painter;
use super::ui::Ui;
use super::{Format, Global};
use crate::artifact::Artifact;
use crate::aws::{Aws, Caller, Settings};
use crate::deploy::{
    Approvals, BUCKET_STACK, Commit, Desired, Engine, Interrupt, PROTECTION, Reporter, Sealing, Upload,
    bucket_name, planner,
};
use crate::lint::{self, Waived};
use crate::local::{self, DatabaseUrl};
use crate::project::{self, AccountId, Project, Region, Target, Waiver, stages};
use crate::template::{self, Template};

/// Reads the project of the stage that was asked for.
pub fn project(global: &Global) -> Result<Project, Failure> {
    let root = root(global)?;
    let Some(stage) = &global.stage else {
        let known: Vec<String> = stages(&root)?.into_iter().map(|stage| stage.name).collect();
        return Err(Failure::usage(
            "no stage is named",
            format!("add --stage with one of: {}", known.join(", ")),
        ));
    };
    Ok(Project::load(&root, stage)?)
}

/// Waits until no other deployer builds in this folder, or works on its embedded cloud. Two would
/// write the same zips, and one would remove the cloud that the other uses.
pub async fn turn(ui: &Ui, project: &Project) -> Result<File, Failure> {
    let taking = || Failure::io(format!("take a turn in {}", project.root.display()));
    // The folder itself is locked: there is no file to leave behind.
    let folder = File::open(&project.root).map_err(taking())?;
    match folder.try_lock() {
        Ok(()) => return Ok(folder),
        Err(TryLockError::WouldBlock) => {
            ui.status("another deployer is at work in this folder; waiting for it")
        }
        Err(TryLockError::Error(error)) => return Err(taking()(error)),
    }
    let locked = tokio::task::spawn_blocking(move || folder.lock().map(|()| folder)).await;
    locked.map_err(std::io::Error::other).and_then(|folder| folder).map_err(taking())
}

/// The folder that was named, or the nearest one above that holds a project.
pub fn root(global: &Global) -> Result<PathBuf, Failure> {
    let is_project =
        |folder: &Path| folder.join("environments").is_dir() && folder.join("Cargo.toml").is_file();
    if let Some(folder) = &global.project {
        let folder = folder.canonicalize().map_err(|error| {
            Failure::usage(
                format!("the folder {} cannot be opened: {error}", folder.display()),
                "name the project's folder with --project",
            )
        })?;
        return if is_project(&folder) {
            Ok(folder)
        } else {
            Err(Failure::usage(
                format!("{} is no project: it needs Cargo.toml and environments/", folder.display()),
                "name the project's folder with --project",
            ))
        };
    }
    let here = std::env::current_dir().map_err(Failure::io("find the current folder"))?;
    here.ancestors().find(|folder| is_project(folder)).map(Path::to_owned).ok_or_else(|| {
        Failure::usage(
            format!("neither {} nor a folder above it is a project", here.display()),
            "a project has Cargo.toml and environments/; name its folder with --project",
        )
    })
}

/// A stage with a way to reach it.
pub struct Session {
    pub project: Project,
    pub aws: Aws,
    pub caller: Caller,
    pub region: Region,
    pub account: AccountId,
    /// The embedded cloud was started by this run.
    pub started: bool,
}

impl Session {
    /// Connects to the stage's AWS, starting the embedded cloud for a local stage.
    pub async fn open(project: Project) -> Result<Self, Failure> {
        match project.target {
            Target::Local => {
                let root = project.root.clone();
                let cloud = local::ensure(&root, fixed_port(&project)?).await?;
                let started = cloud.started;
                let connected = Self::connect(project, Some(cloud)).await;
                if started && connected.is_err() {
                    // Why it could not be reached is worth more than why it could not be removed.
                    let _ = local::remove(&root).await;
                }
                connected
            }
            Target::Aws => Self::connect(project, None).await,
        }
    }

    /// Like [`Session::open`], for commands that only look: a local stage must be up already.
    pub async fn open_running(project: Project) -> Result<Self, Failure> {
        match project.target {
            Target::Local => match local::running(&project.root).await? {
                Some(cloud) => Self::connect(project, Some(cloud)).await,
                None => Err(Failure::usage(
                    format!("the stage {} is not up: no embedded cloud runs here", project.stage.as_str()),
                    format!("start it with `deployer up --stage {}`", project.stage.as_str()),
                )),
            },
            Target::Aws => Self::connect(project, None).await,
        }
    }

    async fn connect(project: Project, cloud: Option<local::Cloud>) -> Result<Self, Failure> {
        let started = cloud.as_ref().is_some_and(|cloud| cloud.started);
        let settings = Settings {
            region: project.region.as_ref().map(|region| region.as_str().to_owned()),
            endpoint: cloud.as_ref().map_or(project.endpoint.clone(), |cloud| Some(cloud.endpoint.clone())),
            embedded: cloud.is_some(),
        };
        let aws = Aws::connect(&settings).await.map_err(Failure::aws("reach AWS"))?;
        let caller = aws.caller().await.map_err(Failure::aws("find out whose credentials these are"))?;
        if let Some(wanted) = &project.account
            && wanted.as_str() != caller.account
        {
            return Err(Failure::usage(
                format!(
                    "the stage {} belongs to account {wanted}, and these credentials are of {} ({})",
                    project.stage.as_str(),
                    caller.account,
                    caller.arn
                ),
                "use a profile of that account (AWS_PROFILE), or correct `account` in the environment's file",
            ));
        }
        let name =
            |error: crate::project::NameError| Failure::usage(error.to_string(), "this is what AWS answered");
        let region = aws.region().parse().map_err(name)?;
        let account = caller.account.parse().map_err(name)?;
        let aws = aws.with_service_role(project.service_role.as_deref().map(|role| caller.role(role)));
        Ok(Self { project, aws, caller, region, account, started })
    }

    /// The same stage, worked on with the caller's rights and not as its service role.
    pub fn with_own_rights(self) -> Self {
        Self { aws: self.aws.with_service_role(None), ..self }
    }

    /// Stacks that live in this account and region; the artefact bucket's does not count.
    pub async fn living(&self) -> Result<Vec<String>, Failure> {
        let stacks = self.aws.stacks().await.map_err(Failure::aws("list the stacks that are left"))?;
        Ok(stacks.into_iter().map(|stack| stack.name).filter(|name| name != BUCKET_STACK).collect())
    }

    /// A cloud that this run started and put nothing into goes again. What went wrong with that is
    /// only a warning beside what the command itself has to say.
    pub async fn leave_no_empty_cloud(&self, ui: &Ui) {
        if !self.started {
            return;
        }
        let removed = match self.living().await {
            Ok(living) if living.is_empty() => local::remove(&self.project.root).await.map_err(Failure::from),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            ui.warn(&format!("the embedded cloud that was started stays: {error}"));
        }
    }

    /// Puts the way to a local stage's database where its functions look for it.
    pub async fn keep_database_secret(&self, url: &DatabaseUrl) -> Result<(), Failure> {
        let Some(database) = &self.project.database else { return Ok(()) };
        let kept = self.aws.put_secret(&database.secret, &url.secret()).await;
        kept.map_err(Failure::aws(format!("keep the secret {}", database.secret)))
    }

    /// Takes away what [`Session::keep_database_secret`] left.
    pub async fn forget_database_secret(&self) -> Result<(), Failure> {
        let Some(database) = self.project.database.as_ref().filter(|database| database.url_from.is_some())
        else {
            return Ok(());
        };
        let gone = self.aws.delete_secret(&database.secret).await;
        gone.map_err(Failure::aws(format!("delete the secret {}", database.secret)))
    }

    pub fn embedded(&self) -> bool {
        self.project.target == Target::Local
    }

    pub fn bucket(&self) -> String {
        bucket_name(&self.caller.account, self.aws.region())
    }

    /// Everything that goes into the stage's change set.
    pub fn desired(&self, template: &Template, artifacts: &[Artifact]) -> Desired {
        let project = &self.project;
        let prefix = project.domain_prefix(&self.account, &self.region);
        let origin = match self.aws.endpoint().filter(|_| self.embedded()) {
            Some(endpoint) => format!("{endpoint}/_hosted/{prefix}"),
            None => format!("https://{prefix}.auth.{}.amazoncognito.com", self.region.as_str()),
        };
        let mut known = BTreeMap::from([
            ("ArtifactBucket".to_owned(), self.bucket()),
            ("DomainPrefix".to_owned(), prefix),
            ("SignInOrigin".to_owned(), origin),
            (PROTECTION.to_owned(), project.class.protected().to_string()),
        ]);
        for (function, artifact) in project.functions.iter().zip(artifacts) {
            known.insert(function.code_key_parameter.clone(), artifact.key(project.service.as_str()));
        }
        known.retain(|name, _| template.parameters.contains_key(name));
        Desired {
            stack: project.stack_name.as_str().to_owned(),
            class: project.class,
            template: template.body.clone(),
            parameters: known,
            tags: project.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            protected: project.class.protected(),
            stack_policy: project.class.stack_policy(),
        }
    }

    /// What a sealed plan says of this deployment.
    pub fn sealing<'a>(&'a self, desired: &'a Desired, artifacts: &[Artifact]) -> Sealing<'a> {
        let hashes = artifacts.iter().map(|artifact| (artifact.function.clone(), artifact.sha256.clone()));
        Sealing { account: &self.caller.account, desired, artifacts: hashes.collect() }
    }

    pub fn uploads(&self, artifacts: &[Artifact]) -> Vec<Upload> {
        artifacts
            .iter()
            .map(|artifact| Upload {
                key: artifact.key(self.project.service.as_str()),
                file: artifact.file.clone(),
                sha256: artifact.sha256.clone(),
                bytes: artifact.bytes,
            })
            .collect()
    }
}

/// A way to the stage's AWS that has called nobody yet; a local stage must be up already.
pub async fn reach(project: &Project) -> Result<Aws, Failure> {
    let cloud = running(project).await?;
    clients(project, cloud).await
}

/// The embedded cloud of a local stage, which must be there; `None` for a stage on AWS.
async fn running(project: &Project) -> Result<Option<local::Cloud>, Failure> {
    match project.target {
        Target::Aws => Ok(None),
        Target::Local => match local::running(&project.root).await? {
            Some(cloud) => Ok(Some(cloud)),
            None => Err(Failure::usage(
                format!("the stage {} is not up: no embedded cloud runs here", project.stage.as_str()),
                format!("start it with `deployer up --stage {}`", project.stage.as_str()),
            )),
        },
    }
}

async fn clients(project: &Project, cloud: Option<local::Cloud>) -> Result<Aws, Failure> {
    let embedded = cloud.is_some();
    let settings = Settings {
        region: project.region.as_ref().map(|region| region.as_str().to_owned()),
        endpoint: cloud.map(|cloud| cloud.endpoint).or_else(|| project.endpoint.clone()),
        embedded,
    };
    Aws::connect(&settings).await.map_err(Failure::aws("reach AWS"))
}

/// A local stage may fix its port by `endpoint: http://127.0.0.1:<port>`.
fn fixed_port(project: &Project) -> Result<Option<u16>, Failure> {
    let Some(endpoint) = &project.endpoint else { return Ok(None) };
    let port = endpoint.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
    let loopback = endpoint.starts_with("http://127.0.0.1:") || endpoint.starts_with("http://localhost:");
    match port {
        Some(port) if loopback => Ok(Some(port)),
        _ => Err(Failure::usage(
            format!("`endpoint: {endpoint}` is no address of the embedded cloud"),
            "a local stage may fix its port by `endpoint: http://127.0.0.1:<port>`, or leave it out",
        )),
    }
}

/// Runs `work` with an engine whose progress is painted, and ends it in order.
pub struct Run<'a> {
    pub engine: Engine<'a>,
    painter: Painter,
}

impl<'a> Run<'a> {
    pub fn new(ui: &'a Ui, session: &'a Session, patience: Duration, options: planner::Options) -> Self {
        let (reporter, progress) = Reporter::new();
        let painter = Painter::start(ui.clone(), progress);
        let engine = Engine {
            aws: &session.aws,
            reporter,
            confirm: ui,
            interrupt: interrupts(ui),
            patience,
            options,
            run: Engine::new_run(),
            commit: commit(session.project.root.clone()),
        };
        Self { engine, painter }
    }

    /// Waits until everything that was told has been painted.
    pub async fn end(self) {
        drop(self.engine);
        self.painter.finish().await;
    }
}

/// The commit of the sources as git tells it, `-dirty` where they were changed since; none without git.
fn commit(root: PathBuf) -> Commit {
    Box::new(move || {
        let asked = Command::new("git")
            .args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
            .current_dir(&root)
            .stdin(Stdio::null())
            .output();
        let answer = asked.ok().filter(|output| output.status.success())?;
        let commit = String::from_utf8(answer.stdout).ok()?.trim().to_owned();
        (!commit.is_empty()).then_some(commit)
    })
}

/// The first Ctrl-C asks to stop in order, the second ends at once.
pub fn interrupts(ui: &Ui) -> Interrupt {
    let (sender, interrupt) = Interrupt::new();
    let ui = ui.clone();
    tokio::spawn(async move {
        // A pipeline that gives up sends SIGTERM where a person presses Ctrl-C.
        let (Ok(mut interrupts), Ok(mut terminates)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        let mut asked = false;
        loop {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminates.recv() => {}
            }
            if asked {
                std::process::exit(130);
            }
            asked = true;
            ui.status("stopping in order; press Ctrl-C again to end at once");
            sender.send_replace(true);
        }
    });
    interrupt
}

/// `--yes` and `--allow-replace`.
pub fn approvals(global: &Global, replace: &[String]) -> Approvals {
    Approvals { yes: global.yes, replace: replace.to_vec() }
}

/// Renders the stage's template, in which no rule is broken that is not waived.
pub fn rendered(ui: &Ui, project: &Project) -> Result<Template, Failure> {
    let template = template::render(project)?;
    let report = lint::template(project, &template, today());
    show_waived(ui, &report.waived);
    project::Error::unless_empty(report.open)?;
    Ok(template)
}

/// The day that decides whether a waiver has ended.
pub fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// What is waived is never silent: the number always, each with its reason under `-v`.
pub fn show_waived(ui: &Ui, waived: &[Waived]) {
    for Waived { finding, waiver } in waived.iter().filter(|_| ui.verbose || ui.format == Format::Json) {
        let place = finding.place.as_ref();
        let place =
            place.map(|place| format!("{}:{}: ", place.file().display(), place.line())).unwrap_or_default();
        let Waiver { rule, reason, until, .. } = waiver;
        if ui.format == Format::Json {
            ui.json(&json!({
                "type": "waived",
                "rule": rule,
                "message": finding.message,
                "place": place.trim_end_matches(": "),
                "reason": reason,
                "until": until.to_string(),
            }));
        }
        ui.status(&format!("waived until {until}: {place}{rule}: {} ({reason})", finding.message));
    }
    if !waived.is_empty() && !ui.verbose {
        ui.status(&format!("{} waived; -v shows what and why", waived.len()));
    }
}
