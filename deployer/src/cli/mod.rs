//! The command line. One file a command: gather, call one function of the core, show one result.
//!
//! stdout is data, stderr is status ([`ui`]); every error becomes a message and an exit code in
//! [`failure`]; [`session`] gathers what most commands begin with.

mod bootstrap;
mod build;
mod call;
mod changes;
mod check;
mod code;
mod completions;
mod database;
mod down;
mod events;
mod failure;
mod invoke;
mod logs;
mod outputs;
mod paint;
mod plan;
mod policy;
mod render;
mod rollback;
mod session;
mod status;
mod summary;
mod token;
mod ui;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::local::{ServeArgs, serve};
use failure::Failure;
use ui::Ui;

/// Deploys a workspace of Rust Lambda functions, with everything they need, through CloudFormation
#[derive(Debug, Parser)]
#[command(name = "deployer", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
struct Global {
    /// The stage: a file of environments/, or a member of a family such as pr-7
    #[arg(long, global = true, env = "DEPLOYER_STAGE", value_name = "STAGE")]
    stage: Option<String>,
    /// The project's folder; otherwise the nearest one above that has environments/
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<PathBuf>,
    /// How results and progress are shown
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Show every event, and the whole cascade of a failure
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Answer every question that takes a yes
    #[arg(short, long, global = true)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    /// JSON lines on stdout
    Json,
    /// Annotations and groups for GitHub Actions
    Github,
    /// NAME=value lines, for `outputs` alone
    Env,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::UpArgs),
    Down(down::DownArgs),
    Plan(plan::PlanArgs),
    Render(render::RenderArgs),
    Rollback(rollback::RollbackArgs),
    Check(check::CheckArgs),
    Policy(policy::PolicyArgs),
    Build(build::BuildArgs),
    Bootstrap(bootstrap::BootstrapArgs),
    Status(status::StatusArgs),
    Outputs(outputs::OutputsArgs),
    Events(events::EventsArgs),
    Logs(logs::LogsArgs),
    Call(call::CallArgs),
    Invoke(invoke::InvokeArgs),
    Token(token::TokenArgs),
    #[command(name = "db")]
    Database(database::DatabaseArgs),
    Completions(completions::CompletionsArgs),
    /// Serve the embedded cloud (what `up --stage local` starts in the background)
    #[command(hide = true)]
    LocalCloud(ServeArgs),
}

/// Exit code 1: this tool's own fault.
const INTERNAL: u8 = 1;
/// Exit code 2: wrong input or configuration.
const INPUT: u8 = 2;

/// Parses the command line and runs it to its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            Ui::new(&cli.global).error(&Failure::Io { doing: "start".to_owned(), source: error });
            return ExitCode::from(INTERNAL);
        }
    };
    let code = runtime.block_on(run(cli));
    // A blocked read of the terminal must not hold up the end.
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn run(cli: Cli) -> u8 {
    let ui = Ui::new(&cli.global);
    trace(cli.global.verbose, matches!(cli.command, Command::LocalCloud(_)));
    if cli.global.format == Format::Env && !matches!(cli.command, Command::Outputs(_)) {
        ui.error(&Failure::usage("--format env is for `outputs` alone", "use human, json or github"));
        return INPUT;
    }
    let global = &cli.global;
    let result = match cli.command {
        Command::Up(args) => up::run(&ui, global, args).await,
        Command::Down(args) => down::run(&ui, global, args).await,
        Command::Plan(args) => plan::run(&ui, global, args).await,
        Command::Render(args) => render::run(&ui, global, args),
        Command::Rollback(args) => rollback::run(&ui, global, args).await,
        Command::Check(args) => check::run(&ui, global, args),
        Command::Bootstrap(args) => bootstrap::run(&ui, global, args).await,
        Command::Policy(args) => policy::run(&ui, global, args),
        Command::Build(args) => build::run(&ui, global, args).await,
        Command::Status(args) => status::run(&ui, global, args).await,
        Command::Outputs(args) => outputs::run(&ui, global, args).await,
        Command::Events(args) => events::run(&ui, global, args).await,
        Command::Logs(args) => logs::run(&ui, global, args).await,
        Command::Call(args) => call::run(&ui, global, args).await,
        Command::Invoke(args) => invoke::run(&ui, global, args).await,
        Command::Token(args) => token::run(&ui, global, args).await,
        Command::Database(args) => database::run(&ui, global, args).await,
        Command::Completions(args) => completions::run(&ui, args),
        Command::LocalCloud(args) => match serve(args).await {
            Ok(()) => Ok(0),
            Err(error) => {
                // One line for the log: whoever started this process quotes it.
                ui.status(&error.to_string());
                Ok(INTERNAL)
            }
        },
    };
    match result {
        Ok(0) if ui.lost_result() => INTERNAL,
        Ok(code) => code,
        Err(failure) => {
            ui.error(&failure);
            failure.exit_code()
        }
    }
}

/// Diagnostics for whoever looks for a fault in this tool itself: nothing unless asked for.
fn trace(verbose: u8, daemon: bool) {
    let default = if daemon {
        "warn"
    } else if verbose > 1 {
        "deployer=debug"
    } else {
        "off"
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("DEPLOYER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}
