//! `evaluate`: predictions and the truth that came later.

use crate::support::kafka::{Kafka, Names};
use crate::support::program::{self, Run};
use crate::support::records::Record;
use crate::support::rows::{SEED, seed_1999};
use crate::support::service::Service;
use crate::{on, wait_committed};
use serde_json::{Value, json};

const HASH: &str = "0123456789ab";

/// A row of truth about a flight of that number.
fn truth(number: u32, label: &str) -> String {
    let row = SEED.replacen("1451", &number.to_string(), 1);
    format!("{}{label}", row.strip_suffix("YES").unwrap())
}

/// A prediction for a flight of that number, made from the input at that offset.
fn prediction(number: u32, offset: i64, label: &str, yes: &str) -> String {
    format!(
        r#"{{"label":"{label}","probabilities":{{"NO":0.5,"YES":{yes}}},"threshold":0.7,"flight":{{"date":"1987-10-14","carrier":"PS","number":"{number}","origin":"SAN","destination":"SFO","scheduled_departure":"07:30"}},"model":{{"name":"hand-made","sha256":"{HASH}"}},"source":{{"topic":"in","partition":0,"offset":{offset}}}}}"#
    )
}

fn produce(kafka: &Kafka, topic: &str, values: &[String]) {
    let records: Vec<Record> = (0..)
        .zip(values)
        .map(|(number, value)| Record::new(number % 10, None, value))
        .collect();
    kafka.produce(topic, &records);
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"))
}

#[track_caller]
fn near(value: &Value, expected: f64) {
    let value = value.as_f64().expect("a number");
    assert!((value - expected).abs() < 1e-12, "{value} is not {expected}");
}

#[test]
fn each_prediction_is_held_against_the_truth_about_its_flight() {
    let kafka = Kafka::shared();
    let names = Names::of("evaluate");
    kafka.create_topics(&names);
    let scores = [(1, "0.9"), (2, "0.8"), (3, "0.6"), (4, "0.1"), (5, "0.8")];
    let mut predictions: Vec<String> = scores
        .iter()
        .map(|&(number, yes)| {
            let label = if yes >= "0.7" { "YES" } else { "NO" };
            prediction(number, number.into(), label, yes)
        })
        .collect();
    predictions.extend([
        // Once more, and for the same flight from another input.
        prediction(1, 1, "YES", "0.9"),
        prediction(6, 6, "YES", "0.9"),
        prediction(7, 7, "YES", "0.9"),
        prediction(8, 8, "YES", "null"),
        prediction(9, 9, "YES", "0.9"),
        "YES,0.1,0.9".to_owned(),
        prediction(1, 10, "YES", "0.9").replace("\"carrier\":\"PS\"", "\"carrier\":null"),
    ]);
    produce(kafka, &names.output, &predictions);
    let truths: Vec<String> = [
        (1, "YES"),
        (2, "NO"),
        (3, "YES"),
        (3, "YES"),
        (4, "NO"),
        (5, "YES"),
        // Contradicting rows, a label that the model does not have, one that is missing, a flight without prediction.
        (6, "YES"),
        (6, "NO"),
        (7, "MAYBE"),
        (8, "YES"),
        (10, "NA"),
        (11, "YES"),
    ]
    .into_iter()
    .map(|(number, label)| truth(number, label))
    .collect();

    let mut lines = vec!["Year,Month".to_owned()];
    lines.extend(truths.iter().cloned());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    let path = file.path().to_str().unwrap();
    let of_file = on(kafka, &names, "evaluate", &["--truth", path, "--json"]).exits(0);
    let found = report(&of_file);
    let expected = json!({
        "rows": 12, "bad": 0, "without_flight": 0, "without_label": 1, "ambiguous_flights": 1,
    });
    assert_eq!(found["truth"], expected, "{found:#}");
    for (name, count) in [
        ("predictions", 10),
        ("duplicates", 1),
        ("matched", 5),
        // 9, and the one without a carrier.
        ("without_truth", 2),
        ("ambiguous", 1),
        ("other_label", 1),
        ("without_score", 1),
        ("tombstones", 0),
    ] {
        assert_eq!(found[name], count, "{name} in {found:#}");
    }
    assert_eq!(found["unreadable"], json!({"csv": 1}));
    let [model] = &found["models"].as_array().unwrap()[..] else {
        panic!("{found:#}");
    };
    assert_eq!((&model["name"], &model["sha256"]), (&json!("hand-made"), &json!(HASH)));
    // Worked out by hand: of the six pairs of late and punctual flights four are in order and one has equal scores;
    // (0.01 + 0.64 + 0.16 + 0.01 + 0.04) / 5; -(ln 0.9 + ln 0.2 + ln 0.6 + ln 0.9 + ln 0.8) / 5; 2 and 3 are wrong.
    let figures = &model["figures"];
    assert_eq!((&figures["rows"], &figures["positives"]), (&json!(5), &json!(3)));
    near(&figures["auc"]["value"], 4.5 / 6.0);
    near(&figures["brier"], 0.172);
    near(&figures["log_loss"], 0.5108256237659907);
    near(&figures["accuracy"], 0.6);
    let confusion = json!({"true_positives": 2, "false_positives": 1, "true_negatives": 1, "false_negatives": 1});
    assert_eq!(figures["confusion"], confusion);

    // The same rows from a topic, and as text.
    kafka.create_topic("evaluate-truth", 3, &[]);
    let records: Vec<Record> = (0..)
        .zip(&truths)
        .map(|(number, row)| Record::new(number % 3, None, row))
        .collect();
    kafka.produce("evaluate-truth", &records);
    let of_topic = on(
        kafka,
        &names,
        "evaluate",
        &["--truth-topic", "evaluate-truth", "--json"],
    )
    .exits(0);
    assert_eq!(report(&of_topic), found);
    on(kafka, &names, "evaluate", &["--truth-topic", "evaluate-truth"])
        .exits(0)
        .says("  matched          5\n")
        .says("  ambiguous        1\n")
        .says("model              hand-made 0123456789ab\n")
        .says("AUC                0.7500");

    // Rows that cannot be read are told by their lines.
    lines.insert(2, "bad".to_owned());
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    let run = on(kafka, &names, "evaluate", &["--truth", path, "--json"]).exits(7);
    let run = run.complains(&format!("{path}, line 3: row_width: "));
    assert_eq!(
        (&report(&run)["truth"]["bad"], &report(&run)["models"]),
        (&json!(1), &found["models"])
    );

    on(
        kafka,
        &names,
        "evaluate",
        &["--truth", path, "--since", "2100-01-01T00:00:00Z"],
    )
    .exits(1)
    .complains("no prediction in evaluate-out has a truth");
    on(kafka, &names, "evaluate", &[]).exits(2).complains("--truth");
    on(kafka, &names, "evaluate", &["--truth-topic", "evaluate-nowhere"])
        .exits(4)
        .complains("topic evaluate-nowhere does not exist");
    program::run(&["evaluate", "--truth", "/no/such/file"], b"")
        .exits(1)
        .complains("cannot open /no/such/file");

    // Another model's prediction for the same input is not one that came again.
    let other = prediction(1, 1, "NO", "0.6").replace(HASH, "0123456789ac");
    produce(kafka, &names.output, &[other]);
    let run = on(
        kafka,
        &names,
        "evaluate",
        &["--truth-topic", "evaluate-truth", "--json"],
    )
    .exits(0);
    let both = report(&run);
    assert_eq!(
        (&both["matched"], &both["duplicates"]),
        (&json!(6), &json!(1)),
        "{both:#}"
    );
    assert_eq!(both["models"][0], found["models"][0]);
    assert_eq!(
        (&both["models"][1]["sha256"], &both["models"][1]["predictions"]),
        (&json!("0123456789ac"), &json!(1))
    );
    near(&both["models"][1]["figures"]["brier"], 0.16);

    // A model that is not here, and has no YES.
    let other = prediction(1, 1, "late", "0.9")
        .replace("\"YES\"", "\"late\"")
        .replace(HASH, "00000000000f");
    produce(kafka, &names.output, &[other]);
    on(kafka, &names, "evaluate", &["--truth-topic", "evaluate-truth"])
        .exits(1)
        .complains("the model hand-made (00000000000f) is the positive one is not known: it has NO, late");
}

#[test]
fn the_predictions_of_a_service_are_judged_by_the_labels_of_their_own_rows() {
    let kafka = Kafka::shared();
    let names = Names::of("evaluate-service");
    kafka.create_topics(&names);
    let rows = [Record::new(1, None, SEED), Record::new(2, None, seed_1999())];
    kafka.produce(&names.input, &rows);
    let service = Service::start_ready(kafka, &names, &[]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    service.stop();
    let run = on(kafka, &names, "evaluate", &["--truth-topic", &names.input, "--json"]).exits(0);
    let found = report(&run);
    assert_eq!(
        (&found["predictions"], &found["matched"]),
        (&json!(2), &json!(2)),
        "{found:#}"
    );
    let figures = &found["models"][0]["figures"];
    // Both are labelled YES, with the probabilities of H2O: (0.4319916897116479² + 0.5955978728809052²) / 2.
    near(&figures["brier"], 0.2706768230800918);
    near(&figures["accuracy"], 0.5);
    assert_eq!(figures["auc"], Value::Null);
}
