//! The `deployer` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    deployer::cli::main()
}
