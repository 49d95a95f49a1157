//! Signals to processes.

use std::process::Command;

/// Sends a signal, named as `kill` names it.
pub fn send(signal: &str, process: u32) -> Result<(), String> {
    let status = Command::new("kill").args(["-s", signal, &process.to_string()]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("process {process} is not there any more for SIG{signal}")),
        Err(error) => Err(format!("kill: {error}")),
    }
}
