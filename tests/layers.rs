//! Dependencies point one way: what a row, a model, an output and their figures are knows nothing of what
//! surrounds them.

use std::fs;
use std::path::{Path, PathBuf};

const INNER: &[&str] = &["flight", "model", "output", "quality", "drift"];

const OUTER: &[&str] = &[
    "rdkafka",
    "axum",
    "tokio",
    "prometheus",
    "crate::config",
    "crate::metrics",
    "crate::stream",
    "crate::service",
    "crate::commands",
];

#[test]
fn the_inner_layers_know_nothing_of_kafka_http_tokio_configuration_or_metrics() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for layer in INNER {
        let files = rust_files(&sources.join(layer));
        assert!(!files.is_empty(), "src/{layer} has no files");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let shown = file.strip_prefix(&sources).unwrap().display();
            found.extend(mentions(&text).map(|(line, name)| format!("src/{shown}:{line} mentions {name}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_forbidden_name_is_found_in_any_form() {
    let text = "use rdkafka::Message;\nuse crate::{\n    config,\n    flight,\n};\nuse super::super::metrics::Metrics;\n// tokio";
    let found: Vec<_> = mentions(text).collect();
    assert_eq!(
        found,
        [
            (1, "rdkafka"),
            (2, "crate::config"),
            (6, "crate::metrics"),
            (7, "tokio")
        ]
    );
    assert_eq!(
        mentions("use crate::{flight::Row, model};\nuse super::config_of;\nlet config = 1;").count(),
        0
    );
}

/// Line number, from 1, and what is mentioned there; a statement that begins with `use` is one line.
fn mentions(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let mut lines = (1..).zip(text.lines());
    std::iter::from_fn(move || {
        let (number, line) = lines.next()?;
        let mut statement = line.to_owned();
        while statement.trim_start().starts_with("use ") && !statement.contains(';') {
            statement += lines.next()?.1;
        }
        let found = OUTER.iter().copied().filter(move |name| mentioned(&statement, name));
        Some(found.map(move |name| (number, name)))
    })
    .flatten()
}

fn mentioned(statement: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let words: Vec<&str> = statement
        .split(|c| !is_word(c))
        .filter(|word| !word.is_empty())
        .collect();
    match name.strip_prefix("crate::") {
        None => words.contains(&name),
        // One of this crate's modules: in a path from its root, in braces or through `super`.
        Some(module) => {
            let from_root = words
                .iter()
                .any(|word| matches!(*word, "crate" | "super" | "flight_delay_scorer"));
            from_root && statement.contains("::") && words.contains(&module)
        }
    }
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
