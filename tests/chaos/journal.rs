//! What happens in a round, told as it happens and kept beside the logs.

use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub struct Journal {
    start: Instant,
    dir: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    /// A journal in this directory, which is made anew.
    pub fn new(dir: PathBuf) -> Journal {
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory for the logs");
        Journal {
            start: Instant::now(),
            file: Mutex::new(File::create(dir.join("journal")).expect("a journal")),
            dir,
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A line with the time since the start, and with the time of day (UTC) that the logs have.
    pub fn say(&self, what: fmt::Arguments<'_>) {
        let since = self.start.elapsed().as_secs_f64();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (day, millis) = (now.as_secs() % 86400, now.subsec_millis());
        let (hour, minute, second) = (day / 3600, day / 60 % 60, day % 60);
        let line = format!("{since:7.1} s  {hour:02}:{minute:02}:{second:02}.{millis:03}  {what}");
        println!("{line}");
        let mut file = self.file.lock().unwrap();
        writeln!(file, "{line}").expect("the journal is written");
    }
}
