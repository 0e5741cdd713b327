//! `completions`: for a shell.

use clap::CommandFactory;

use super::Cli;
use super::failure::Failure;
use super::ui::Ui;

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    shell: clap_complete::Shell,
}

pub fn run(ui: &Ui, args: CompletionsArgs) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "deployer", &mut text);
    ui.result(&String::from_utf8_lossy(&text));
    Ok(0)
}
