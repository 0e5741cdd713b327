//! One call of cargo for all functions of a stage.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use cargo_metadata::Message;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::Error;
use crate::deploy::{Progress, Reporter};
use crate::project::{Architecture, Project, Target};

/// Cargo's words for a subcommand that is not installed.
const NO_SUBCOMMAND: &str = "no such command";

/// Builds the binaries, in the order of the project's functions.
pub async fn build(project: &Project, reporter: &Reporter) -> Result<Vec<PathBuf>, Error> {
    match project.target {
        Target::Local => build_for_here(project, reporter).await,
        Target::Aws => build_for_lambda(project, reporter).await,
    }
}

/// For the embedded cloud: plain cargo, named by `--bin` without `-p`. Cargo unifies features over
/// the packages of one call, so that this form shares every compiled crate with the deployer's own
/// build in the same workspace.
async fn build_for_here(project: &Project, reporter: &Reporter) -> Result<Vec<PathBuf>, Error> {
    let mut command = cargo(&project.root);
    command.args(["build", "--message-format", "json-render-diagnostics"]);
    for function in &project.functions {
        command.args(["--bin", &function.binary]);
    }
    let mut child = spawn(&mut command, "cargo")?;
    let mut stderr = child_stderr(&mut child);
    let (found, _) = tokio::join!(executables(&mut child), pass_on(&mut stderr, reporter, NO_SUBCOMMAND));
    finished(child, "cargo").await?;
    project
        .functions
        .iter()
        .map(|function| {
            let built = found.iter().find(|(name, _)| *name == function.binary);
            let built = built.map(|(_, path)| path.clone());
            built.ok_or_else(|| Error::NoBinary { binary: function.binary.clone() })
        })
        .collect()
}

/// For AWS: `cargo lambda build`, which links against Lambda's glibc for either architecture. Named by
/// their packages, so that nothing else of the workspace adds features to what is shipped.
async fn build_for_lambda(project: &Project, reporter: &Reporter) -> Result<Vec<PathBuf>, Error> {
    let folder = project.root.join(".deployer").join("lambda").join(project.architecture.as_str());
    let mut command = cargo(&project.root);
    command.args(["lambda", "build", "--profile", profile(&project.root)]);
    command.arg(match project.architecture {
        Architecture::Arm64 => "--arm64",
        Architecture::X8664 => "--x86-64",
    });
    command.arg("--lambda-dir").arg(&folder);
    for function in &project.functions {
        command.args(["--package", &function.name, "--bin", &function.binary]);
    }
    let mut child = spawn(&mut command, "cargo lambda")?;
    let mut stderr = child_stderr(&mut child);
    let ((), no_subcommand) = tokio::join!(drain(&mut child), pass_on(&mut stderr, reporter, NO_SUBCOMMAND));
    match finished(child, "cargo lambda").await {
        Err(Error::DoesNotCompile) if no_subcommand => return Err(Error::NoCargoLambda),
        other => other?,
    }
    Ok(project.functions.iter().map(|function| folder.join(&function.binary).join("bootstrap")).collect())
}

/// The workspace's size-minded profile where it has one.
fn profile(root: &Path) -> &'static str {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    if manifest.lines().any(|line| line.trim() == "[profile.lambda]") { "lambda" } else { "release" }
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: Ctrl-C is answered here, not by a compiler error.
    command.process_group(0).kill_on_drop(true);
    command
}

fn spawn(command: &mut Command, program: &str) -> Result<Child, Error> {
    command.spawn().map_err(|source| Error::CannotRun { program: program.to_owned(), source })
}

async fn finished(mut child: Child, program: &str) -> Result<(), Error> {
    let status =
        child.wait().await.map_err(|source| Error::CannotRun { program: program.to_owned(), source })?;
    if status.success() { Ok(()) } else { Err(Error::DoesNotCompile) }
}

type Lines = Option<tokio::io::Lines<BufReader<tokio::process::ChildStderr>>>;

fn child_stderr(child: &mut Child) -> Lines {
    child.stderr.take().map(|stderr| BufReader::new(stderr).lines())
}

async fn executables(child: &mut Child) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let Some(stdout) = child.stdout.take() else { return found };
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // Hundreds of lines name libraries; only those with an executable are worth parsing.
        if !line.contains("\"executable\":\"") {
            continue;
        }
        if let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str(&line)
            && let Some(executable) = artifact.executable
            && artifact.target.is_bin()
        {
            found.push((artifact.target.name, executable.into_std_path_buf()));
        }
    }
    found
}

async fn drain(child: &mut Child) {
    let Some(stdout) = child.stdout.take() else { return };
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(_)) = lines.next_line().await {}
}

/// Passes the compiler's words on. Answers whether one of its lines held `sought`.
async fn pass_on(lines: &mut Lines, reporter: &Reporter, sought: &str) -> bool {
    let mut seen = false;
    let Some(lines) = lines else { return seen };
    while let Ok(Some(line)) = lines.next_line().await {
        seen |= line.contains(sought);
        if !line.trim_start().starts_with("Finished ") {
            reporter.tell(Progress::Compiler { line });
        }
    }
    seen
}
