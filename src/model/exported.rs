//! Models as the common exporters write them: each comes out as onnxruntime computed it, and the page about models
//! says how exactly.

use super::fixtures::{self, distance, matrix, unit};
use super::graph::{self, Precision};
use serde_json::Value;
use tract_onnx::prelude::*;

/// How many units in the last place a score may be off.
const MOST_ULP_F32: f64 = 2.0;
const MOST_ULP_F64: f64 = 1.0;

/// All fixtures in order, with what is known of each.
fn fixtures() -> Vec<(String, Value)> {
    let fixtures = fixtures::all("exporters");
    assert!(fixtures.len() >= 30, "only {} fixtures", fixtures.len());
    fixtures
}

/// The scores of the rows, `[rows, labels]` or `[rows, 1]`, by the graph as it is served.
fn scores(name: &str, inputs: &Value, columns: usize) -> Vec<Vec<f64>> {
    let proto = fixtures::proto("exporters", name);
    let (shape, inputs) = matrix(inputs);
    // One value a row counts as the probability of one of two labels.
    let graph = graph::build(proto, shape[1], columns.max(2), name).unwrap_or_else(|error| panic!("{error}"));
    let parts = graph.inputs.parts().iter().map(|part| {
        let values: Vec<f64> = inputs
            .chunks_exact(shape[1])
            .flat_map(|row| &row[part.columns.clone()])
            .copied()
            .collect();
        let tensor = Tensor::from_shape(&[shape[0], part.columns.len()], &values).unwrap();
        let datum_type = match part.precision {
            Precision::F32 => f32::datum_type(),
            Precision::F64 => f64::datum_type(),
        };
        tensor.cast_to_dt(datum_type).unwrap().into_owned().into_tvalue()
    });
    let outputs = graph
        .plan
        .run(parts.collect())
        .unwrap_or_else(|error| panic!("{name}: {error:#}"));
    let scores = outputs[0].cast_to::<f64>().unwrap();
    let scores = scores.try_as_plain_ram().unwrap();
    scores
        .as_slice::<f64>()
        .unwrap()
        .chunks_exact(columns)
        .map(<[f64]>::to_vec)
        .collect()
}

/// How far the scores of a row are off, in units in the last place. The first of two probabilities is what the other
/// leaves of one, and cannot be more exact than that: its unit is that of the larger of both.
fn off(got: &[f64], expected: &[f64], double: bool) -> f64 {
    let mut most = 0f64;
    for (position, (&got, &score)) in got.iter().zip(expected).enumerate() {
        let magnitude = match expected {
            [first, second] if position == 0 => first.max(*second),
            _ => score,
        };
        most = most.max(distance(got, score, unit(magnitude, double)));
    }
    most
}

/// The largest difference of all scores of a fixture.
fn largest(name: &str, fixture: &Value) -> f64 {
    let (shape, expected) = matrix(&fixture["outputs"]);
    let got = scores(name, &fixture["inputs"], shape[1]);
    assert_eq!(got.len(), shape[0], "{name}");
    let double = fixture["precision"] == "double";
    got.iter()
        .zip(expected.chunks_exact(shape[1]))
        .map(|(got, expected)| off(got, expected, double))
        .fold(0.0, f64::max)
}

/// What the largest difference may be.
fn allowed(fixture: &Value) -> f64 {
    if fixture["precision"] == "double" {
        MOST_ULP_F64
    } else {
        MOST_ULP_F32
    }
}

#[test]
fn every_exporters_models_score_as_onnxruntime_scores_them() {
    let mut wrong = vec![];
    for (name, fixture) in fixtures() {
        let largest = largest(&name, &fixture);
        let most = allowed(&fixture);
        if largest > most {
            wrong.push(format!("{name} is off by {largest} ulp, more than {most}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_likeliest_label_is_the_one_that_onnxruntime_gives() {
    let mut checked = 0;
    for (name, fixture) in fixtures() {
        let (Some(classes), Some(labels)) = (fixture["classes"].as_array(), fixture["labels"].as_array()) else {
            continue;
        };
        let scores = scores(&name, &fixture["inputs"], classes.len());
        assert_eq!(scores.len(), labels.len(), "{name}");
        for (row, (scores, label)) in scores.iter().zip(labels).enumerate() {
            let position = classes.iter().position(|class| class == label).unwrap();
            let likeliest = scores.iter().copied().fold(f64::MIN, f64::max);
            // Two that are equally likely are told apart by nothing.
            assert_eq!(scores[position], likeliest, "{name}, row {row}: {label} of {scores:?}");
            checked += 1;
        }
    }
    assert!(checked > 700, "only {checked} labels");
}

#[test]
fn the_first_of_two_probabilities_counts_in_units_of_the_larger() {
    assert_eq!(off(&[0.25, 0.25], &[0.25, 0.25 + 2.0 * f64::EPSILON], true), 8.0);
    assert_eq!(off(&[0.125 + f64::EPSILON, 0.875], &[0.125, 0.875], true), 2.0);
    assert_eq!(off(&[0.125 + f64::EPSILON], &[0.125], true), 8.0);
}

/// The lines of the table in `docs/models.md`: what cannot change without the fixtures, the largest difference here, and
/// what it may be.
fn table() -> Vec<(String, f64, f64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = |(name, fixture): &(String, Value)| {
        let of = |key: &str| text(&fixture[key]);
        let rows = fixture["inputs"].as_array().unwrap().len();
        let from_library = fixture["library_difference"].as_f64().unwrap();
        let line = format!(
            "| {} | {} | {} {} | {} | {rows} | {from_library:.1e} |",
            of("exporter"),
            of("exporter_version"),
            of("library"),
            of("library_version"),
            of("model"),
        );
        (line, largest(name, fixture), allowed(fixture))
    };
    let mut lines: Vec<_> = fixtures().iter().map(line).collect();
    lines.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    lines
}

#[test]
fn the_page_about_models_has_the_table_of_exporters() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/models.md");
    let page = std::fs::read_to_string(page).unwrap();
    let stated = |line: &str| {
        let rest = page.lines().find_map(|stated| stated.strip_prefix(line))?;
        rest.strip_suffix('|')?.trim().parse::<f64>().ok()
    };
    let table = table();
    // The last bits depend on the processor: the page has those of one.
    let holds = table
        .iter()
        .all(|(line, _, allowed)| stated(line).is_some_and(|stated| (0.0..=*allowed).contains(&stated)));
    let exporters = ["| onnxmltools | ", "| skl2onnx | ", "| catboost | "];
    let rows = page
        .lines()
        .filter(|line| exporters.iter().any(|exporter| line.starts_with(exporter)));
    let lines: Vec<_> = table
        .iter()
        .map(|(line, largest, _)| format!("{line} {largest} |"))
        .collect();
    assert!(
        holds && rows.count() == lines.len(),
        "docs/models.md should have these rows:\n{}",
        lines.join("\n")
    );
}
