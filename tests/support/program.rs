//! The program, run to its end.

use std::io::Write;
use std::process::{Command, Output, Stdio};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_flight-delay-scorer");

/// The program with these arguments, and without an environment that could change its settings.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_clear();
    command
}

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program with `input` on its standard input.
pub fn run(arguments: &[&str], input: &[u8]) -> Run {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let output = std::thread::scope(|scope| {
        // The program may end without having read everything.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("the program ends")
    });
    Run::from(output)
}

impl Run {
    /// Checks the exit code and hands the run back.
    #[track_caller]
    pub fn exits(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "exit code; the run was {self:#?}");
        self
    }

    #[track_caller]
    pub fn says(self, part: &str) -> Run {
        assert!(self.stdout.contains(part), "\"{part}\" on standard output of {self:#?}");
        self
    }

    #[track_caller]
    pub fn complains(self, part: &str) -> Run {
        assert!(self.stderr.contains(part), "\"{part}\" on standard error of {self:#?}");
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
