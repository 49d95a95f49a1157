//! Making and checking topics, and the ways in which the service does not start or cannot stay.

use crate::support::kafka::{Kafka, Names};
use crate::support::program;
use crate::support::service::Service;
use crate::{on, topics};

#[test]
fn topics_creates_what_is_missing_changes_nothing_and_checks() {
    let kafka = Kafka::shared();
    let names = Names::of("topics");
    topics(kafka, &names, &["--check"])
        .exits(4)
        .complains("topics-in, topics-out, topics-dead do not exist")
        .complains("flight-delay-scorer topics");
    let created = topics(kafka, &names, &[])
        .exits(0)
        .says("Fewer replicas than the 3 wanted: there is 1 broker.");
    for topic in [&names.input, &names.output, &names.dead_letter] {
        assert!(created.stdout.contains(&format!("{topic}: created")), "{created:#?}");
        assert_eq!(kafka.ends(topic), [0; 10]);
    }
    let again = topics(kafka, &names, &["--partitions", "20"]).exits(0);
    assert_eq!(again.stdout.matches("unchanged").count(), 3, "{again:#?}");
    assert_eq!(kafka.ends(&names.input), [0; 10]);
    topics(kafka, &names, &["--check"])
        .exits(0)
        .says("topics-dead has room for the largest input");

    let other = Names {
        dead_letter: "topics-compacted".into(),
        ..names
    };
    kafka.create_topic(&other.dead_letter, 10, &[("cleanup.policy", "compact")]);
    topics(kafka, &other, &["--check"])
        .exits(4)
        .says("topics-compacted is compacted")
        .says("set cleanup.policy=delete");
    let serve = on(kafka, &other, "serve", &["--set", "http.listen=127.0.0.1:0"]);
    serve.exits(4).complains("topics-compacted is compacted");
}

#[test]
fn each_way_not_to_start_has_its_exit_code_and_says_what_to_do() {
    let kafka = Kafka::shared();
    let names = Names::of("missing");
    let servers = &*kafka.bootstrap_servers;
    let serve = |settings: &[&str]| {
        let mut all = vec![
            "serve",
            "--bootstrap-servers",
            servers,
            "--set",
            "http.listen=127.0.0.1:0",
        ];
        all.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        program::run(&all, b"")
    };
    serve(&["kafka.grup_id=x"])
        .exits(2)
        .complains("did you mean kafka.group_id?");
    serve(&["delivery.checkpoint_interval=soon"])
        .exits(2)
        .complains("checkpoint_interval");
    serve(&["kafka.producer.acks=1"])
        .exits(2)
        .complains("nothing may be lost");
    program::run(&["serve", "--config", "no-such-file.toml"], b"")
        .exits(2)
        .complains("no-such-file.toml");

    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("broken.onnx");
    let setting = format!("model.path={}", model.display());
    serve(&[&setting]).exits(3).complains("broken.onnx");
    let whole = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/airline-gbm.onnx")).unwrap();
    std::fs::write(&model, &whole[..whole.len() / 2]).unwrap();
    serve(&[&setting]).exits(3).complains("broken.onnx");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let listen = format!("http.listen={taken}");
    serve(&[&listen]).exits(2).complains(&taken).complains("http.listen");

    let mut settings = names.settings();
    settings.push("kafka.startup_timeout=2s".into());
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let missing = serve(&settings).exits(4);
    missing
        .complains("missing-in, missing-out, missing-dead do not exist")
        .complains("flight-delay-scorer topics");
    kafka.create_topic(&names.input, 1, &[]);
    kafka.create_topic(&names.output, 1, &[]);
    serve(&settings).exits(4).complains("topic missing-dead does not exist");

    // Nobody listens where somebody has just stopped to.
    drop(listener);
    let nobody = [
        "--bootstrap-servers",
        &taken,
        "--set",
        "http.listen=127.0.0.1:0",
        "--set",
        "kafka.startup_timeout=2s",
    ];
    let nobody = program::run(&[&["serve"], &nobody[..]].concat(), b"").exits(4);
    nobody.complains(&taken).complains("kafka.bootstrap_servers");
}

#[test]
fn a_property_that_librdkafka_does_not_know_is_a_wrong_setting() {
    for setting in [
        "kafka.common.socket.timeout=1",
        "kafka.consumer.fetch.wait.max=1",
        "kafka.producer.linger.ms=soon",
    ] {
        let nowhere = ["--bootstrap-servers", "127.0.0.1:1", "--set", "http.listen=127.0.0.1:0"];
        let waits = ["--set", "kafka.startup_timeout=1s", "--set", setting];
        let property = setting.split('=').next().unwrap().splitn(3, '.').nth(2).unwrap();
        program::run(&[&["serve"], &nowhere[..], &waits].concat(), b"")
            .exits(2)
            .complains(property);
    }
}

#[test]
fn a_stop_is_obeyed_while_topics_or_brokers_are_waited_for() {
    let kafka = Kafka::shared();
    for settings in [&[][..], &["kafka.bootstrap_servers=127.0.0.1:1"]] {
        let service = Service::start(kafka, &Names::of("never-made"), settings);
        assert_eq!(service.get("/health/live").0, 200);
        assert_eq!(service.get("/health/startup").0, 200);
        let (code, body) = service.get("/health/ready");
        assert_eq!(code, 503, "{body}");
        service.stop();
    }
}

#[test]
fn a_service_whose_input_topic_is_deleted_ends_and_names_it() {
    let kafka = Kafka::shared();
    let names = Names::of("deleted");
    kafka.create_topics(&names);
    let impatient = [
        "kafka.startup_timeout=2s",
        "kafka.consumer.topic.metadata.refresh.interval.ms=1000",
    ];
    let service = Service::start_ready(kafka, &names, &impatient);
    kafka.delete_topic(&names.input);
    assert_eq!(service.wait_exit(), Some(4), "{}", service.stderr());
    let log = service.stderr();
    let last = log.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: ") && last.contains(&names.input), "{log}");
}
