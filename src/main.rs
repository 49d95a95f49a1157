//! Arguments, command, exit code.

use clap::Parser;
use flight_delay_scorer::commands::Cli;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().run(environment) {
        Ok(exit) => exit.into(),
        Err(failed) => {
            // With standard error closed, the exit code has to say it all.
            let _ = writeln!(std::io::stderr(), "error: {:#}", failed.error);
            failed.exit.into()
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the environment is read, for `config`"
)]
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
