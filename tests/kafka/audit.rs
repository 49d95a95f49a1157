//! `audit`: what was published is what the rows and the models give, and what is not is found.

use crate::support::kafka::{Kafka, Names};
use crate::support::program::Run;
use crate::support::records::Record;
use crate::support::rows::{SEED, row};
use crate::support::service::Service;
use crate::{on, wait_committed};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

const HOUR: i64 = 60 * 60 * 1000;

/// The report, and the exit code.
fn audit(kafka: &Kafka, names: &Names, arguments: &[&str], code: i32) -> (Value, Run) {
    let run = on(kafka, names, "audit", &[&["--json"], arguments].concat()).exits(code);
    let report = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"));
    (report, run)
}

/// The counts of a report: equal, different, missing inputs, unreadable, tombstones.
fn counts(report: &Value) -> [u64; 5] {
    let sum = |counts: &Value| {
        counts
            .as_object()
            .unwrap()
            .values()
            .map(|count| count.as_u64().unwrap())
            .sum()
    };
    assert_eq!(report["within_one_ulp"], 0, "{report:#}");
    [
        report["equal"].as_u64().unwrap(),
        report["different"].as_u64().unwrap(),
        report["missing_inputs"].as_u64().unwrap(),
        sum(&report["unreadable"]),
        report["tombstones"].as_u64().unwrap(),
    ]
}

/// Deletes the records of a partition before this offset.
fn delete_before(kafka: &Kafka, topic: &str, partition: i32, offset: i64) {
    let admin: AdminClient<DefaultClientContext> = kafka.client().create().expect("an admin client");
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset(topic, partition, Offset::Offset(offset))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime
        .block_on(admin.delete_records(&offsets, &AdminOptions::new()))
        .expect("the records are deleted");
}

/// A service has scored 1,200 rows, of which every hundredth is bad, and a tombstone. Half of them are two hours old.
fn scored(names: &Names, settings: &[&str]) -> &'static Kafka {
    let kafka = Kafka::shared();
    kafka.create_topics(names);
    let records: Vec<Record> = (0..1200)
        .map(|number| {
            let value = if number % 100 == 99 {
                "bad".to_owned()
            } else {
                row(number)
            };
            let mut record = Record::new(i32::try_from(number % 10).unwrap(), None, value);
            record.timestamp -= if number < 600 { 2 * HOUR } else { 0 };
            record
        })
        .collect();
    kafka.produce(&names.input, &records);
    let tombstone = Record {
        value: None,
        ..Record::new(4, Some("PS1451"), "")
    };
    kafka.produce(&names.input, [&tombstone]);
    let service = Service::start_ready(kafka, names, settings);
    wait_committed(kafka, names, std::slice::from_ref(&service));
    service.stop();
    kafka
}

#[test]
fn what_a_service_published_is_equal_and_what_was_tampered_with_is_found() {
    let names = Names::of("audit");
    let kafka = scored(&names, &[]);
    let (report, run) = audit(kafka, &names, &[], 0);
    assert_eq!(counts(&report), [1188, 0, 0, 0, 1], "{report:#}");
    assert_eq!((&report["records"], &report["examples"]), (&json!(1189), &json!([])));
    assert_eq!(run.stderr, "");
    on(kafka, &names, "audit", &[]).exits(0).says("equal           1188\n");

    // Parts of the topic.
    let (report, _) = audit(kafka, &names, &["--since", "1h"], 0);
    assert_eq!(counts(&report), [594, 0, 0, 0, 1], "{report:#}");
    let (report, _) = audit(kafka, &names, &["--sample", "100"], 0);
    assert_eq!(report["records"], 100, "{report:#}");
    on(kafka, &names, "audit", &["--since", "2100-01-01T00:00:00Z"])
        .exits(1)
        .complains("there are no predictions in audit-out to check");
    on(kafka, &names, "audit", &["--since", "yesterday"])
        .exits(2)
        .complains("such as 2h");

    // A digit of a probability, a label, a place that is not there, models and forms that cannot be checked.
    let published = kafka.read(&names.output);
    let value = published[3][20].text();
    let digit = value.find("\"YES\":0.").unwrap() + "\"YES\":0.".len();
    let other = if &value[digit..=digit] == "5" { "6" } else { "5" };
    let digit = format!("{}{other}{}", &value[..digit], &value[digit + 1..]);
    let label = if value.starts_with("{\"label\":\"YES\"") {
        value.replacen("\"label\":\"YES\"", "\"label\":\"NO\"", 1)
    } else {
        value.replacen("\"label\":\"NO\"", "\"label\":\"YES\"", 1)
    };
    let at = |offset: &str| value.replacen("\"offset\":20}", &format!("\"offset\":{offset}}}"), 1);
    let json: Value = serde_json::from_str(value).unwrap();
    let sha256 = json["model"]["sha256"].as_str().unwrap();
    let tampered = [
        digit.clone(),
        label,
        at("99999"),
        // Another row's.
        at("21"),
        value.replacen(sha256, "0123456789ab", 1),
        value.replacen(&names.input, "audit-nowhere", 1),
        value.replacen("\"partition\":3", "\"partition\":99", 1),
        "YES,0.4,0.6".to_owned(),
        "hello".to_owned(),
        // Once more.
        value.to_owned(),
        digit.clone(),
        // Longer than a topic's name can be.
        value.replacen(&names.input, &"a".repeat(513), 1),
    ];
    kafka.produce(
        &names.output,
        tampered
            .iter()
            .map(|value| Record::new(3, None, value))
            .collect::<Vec<_>>()
            .iter(),
    );
    let (report, run) = audit(kafka, &names, &[], 10);
    assert_eq!(counts(&report), [1189, 4, 4, 2, 1], "{report:#}");
    assert_eq!(report["unknown_models"], json!({"0123456789ab": 1}));
    assert_eq!(report["unreadable"], json!({"csv": 1, "no_prediction": 1}));
    let end = published[3].len();
    let different = |offset: usize| {
        let examples = report["examples"].as_array().unwrap().iter();
        let mut of_it = examples.filter(|example| example["prediction"]["offset"] == offset);
        let found = of_it
            .next()
            .unwrap_or_else(|| panic!("{offset} is not shown in {report:#}"));
        assert_eq!(found["prediction"]["topic"], names.output);
        assert_eq!(found["prediction"]["partition"], 3);
        found
    };
    let input = json!({"topic": names.input, "partition": 3, "offset": 20});
    let found = different(end);
    assert_eq!((&found["outcome"], &found["input"]), (&json!("different"), &input));
    let problem = found["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("probability of YES: 0."), "{problem}");
    assert_eq!(different(end + 10)["problems"], found["problems"]);
    let problem = different(end + 1)["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("label: "), "{problem}");
    assert_eq!(different(end + 3)["input"]["offset"], 21);
    assert_eq!(different(end + 7)["outcome"], "unreadable");
    run.complains("4 of 1193 predictions in audit-out are different")
        .complains("not checked: 4 missing input")
        .complains("not checked: 1 unknown model")
        .complains("not checked: 2 unreadable");
    let text = on(kafka, &names, "audit", &["--set", "log.filter=off"]).exits(10);
    text.says(&format!(
        "  different: audit-out, partition 3, offset {end}, made from audit-in, partition 3, offset 20\n    probability of YES: "
    ));

    // Rows that retention has deleted: those before an offset of one partition, all of another.
    delete_before(kafka, &names.input, 5, 100);
    delete_before(kafka, &names.input, 6, 120);
    let (report, _) = audit(kafka, &names, &[], 10);
    assert_eq!(counts(&report), [1189 - 220, 4, 224, 2, 1], "{report:#}");
}

#[test]
fn transactions_and_models_in_a_directory_are_audited_and_without_its_model_nothing_is() {
    let names = Names::of("audit-models");
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/models/airline-gbm.onnx");
    let mut model = std::fs::read(seed).unwrap();
    // One field more, doc_string (6, a text) of one byte: the same model with another hash.
    model.extend_from_slice(b"\x32\x01x");
    std::fs::write(file("own.onnx"), &model).unwrap();
    std::fs::write(file("broken.onnx"), "no model").unwrap();
    let path = format!("model.path={}", file("own.onnx").display());
    let kafka = scored(&names, &[&path, "delivery.guarantee=exactly_once"]);
    let directory = dir.path().to_str().unwrap();
    for arguments in [&["--models", directory][..], &["--set", &path]] {
        let (report, _) = audit(kafka, &names, arguments, 0);
        assert_eq!(counts(&report), [1188, 0, 0, 0, 1], "{report:#}");
    }
    on(kafka, &names, "audit", &[])
        .exits(1)
        .says("unknown models  1188: ")
        .complains("nothing in audit-models-out could be checked: 1188 unknown model");
    on(kafka, &names, "audit", &["--models", "/no/such/models"])
        .exits(3)
        .complains("/no/such/models");

    // A service with another model goes on: each prediction is checked with its own.
    let records: Vec<Record> = (0..10).map(|number| Record::new(number, None, SEED)).collect();
    kafka.produce(&names.input, &records);
    let service = Service::start_ready(kafka, &names, &["delivery.guarantee=exactly_once"]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    service.stop();
    let (report, _) = audit(kafka, &names, &["--models", directory], 0);
    assert_eq!(counts(&report), [1198, 0, 0, 0, 1], "{report:#}");
    let (report, run) = audit(kafka, &names, &[], 0);
    assert_eq!(counts(&report), [10, 0, 0, 0, 1], "{report:#}");
    run.complains("not checked: 1188 unknown model");
    let (report, _) = audit(kafka, &names, &["--models", directory, "--sample", "50"], 0);
    assert_eq!(report["records"], 50, "{report:#}");
}
