//! Another model for a service at work: SIGHUP, and what the outputs and `/status` say of it.

use crate::support::kafka::{Kafka, Names};
use crate::support::records::Record;
use crate::support::rows::SEED;
use crate::support::service::Service;
use crate::support::{PATIENCE, poll_until};
use crate::wait_committed;
use serde_json::Value;
use std::fs;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models");

fn wait_for(service: &Service, series: &str) {
    poll_until(series, PATIENCE, || {
        let count = service.metrics().get(series);
        if count == Some(1.0) { Ok(()) } else { Err(count) }
    });
}

/// Sends the row and waits for its outcome.
fn score_one(kafka: &Kafka, names: &Names, service: &Service) {
    kafka.produce(&names.input, &[Record::new(0, None, SEED)]);
    wait_committed(kafka, names, std::slice::from_ref(service));
}

#[test]
fn sighup_promotes_the_challenger_and_refuses_half_a_file() {
    let kafka = Kafka::shared();
    let names = Names::of("sighup");
    kafka.create_topics(&names);
    let directory = tempfile::tempdir().unwrap();
    let served = directory.path().join("served.onnx");
    fs::copy(format!("{MODELS}/airline-gbm.onnx"), &served).unwrap();
    let settings = [
        format!("model.path={}", served.display()),
        format!("model.challenger={MODELS}/nyc-2013-gbm.onnx"),
    ];
    let service = Service::start_ready(kafka, &names, &settings.each_ref().map(String::as_str));
    wait_for(&service, "model_reloads_total{result=\"loaded\",role=\"challenger\"}");
    score_one(kafka, &names, &service);

    let whole = fs::read(format!("{MODELS}/nyc-2013-gbm.onnx")).unwrap();
    fs::write(&served, &whole[..whole.len() / 2]).unwrap();
    service.signal("HUP");
    wait_for(&service, "model_reloads_total{result=\"refused\",role=\"champion\"}");
    let status: Value = serde_json::from_str(&service.get("/status").1).unwrap();
    let refused = &status["refused_models"][0];
    assert_eq!(refused["role"], "champion", "{status:#}");
    assert!(refused["why"].as_str().unwrap().contains("served.onnx"), "{status:#}");
    score_one(kafka, &names, &service);

    fs::write(&served, &whole).unwrap();
    service.signal("HUP");
    wait_for(&service, "model_reloads_total{result=\"loaded\",role=\"champion\"}");
    score_one(kafka, &names, &service);
    let status: Value = serde_json::from_str(&service.get("/status").1).unwrap();
    assert_eq!(status["refused_models"], Value::Array(vec![]), "{status:#}");
    assert_eq!(status["model"]["name"], "nyc-2013-gbm");
    service.stop();

    let outputs = &kafka.read(&names.output)[0];
    let made_by: Vec<_> = outputs
        .iter()
        .map(|output| {
            let json: Value = serde_json::from_slice(output.value.as_deref().unwrap()).unwrap();
            json["model"]["name"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(made_by, ["airline-gbm", "airline-gbm", "nyc-2013-gbm"]);
}
