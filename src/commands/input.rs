//! A file named on the command line, or standard input.

use anyhow::Context;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Opens a file, or standard input where it is called -, and says what to call it.
pub(super) fn open(path: &Path) -> anyhow::Result<(Box<dyn Read>, String)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), "standard input".into()));
    }
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
    Ok((Box::new(file), name))
}
