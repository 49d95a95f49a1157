//! `marathon-app.json`: whether it fits the service, and its parts each other. Marathon itself looks at its form only.

use super::http;
use super::supervisor::CLOSING;
use crate::config::{self, Config};
use crate::memory::{Budget, MIB};
use axum::body::Body;
use axum::http::Request;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use std::time::Duration;

fn app() -> Value {
    serde_json::from_str(include_str!("../../marathon-app.json")).unwrap()
}

/// The settings that the service has under Marathon.
fn settings(app: &Value) -> Config {
    let variables = app["env"].as_object().unwrap().iter();
    let environment = variables.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    Config::load(None, environment, &[]).unwrap()
}

fn seconds(value: &Value) -> Duration {
    Duration::from_secs(value.as_u64().unwrap())
}

/// The port mapping that a label or a check means by its index.
fn mapping(app: &Value, index: usize) -> &Value {
    let mapping = &app["container"]["portMappings"][index];
    assert!(mapping.is_object(), "there is no port mapping {index}");
    mapping
}

/// The only one of a list.
fn only(list: &Value) -> &Value {
    match list.as_array().unwrap().as_slice() {
        [only] => only,
        all => panic!("{} instead of one", all.len()),
    }
}

/// The HTTP status with which a service that has only just started answers.
fn status(path: &str) -> u16 {
    let router = TowerToHyperService::new(http::router(http::Service::without_workers().unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = Request::get(path).body(Body::empty()).unwrap();
    runtime.block_on(router.call(request)).unwrap().status().as_u16()
}

#[test]
fn every_variable_is_a_setting() {
    let app = app();
    for name in app["env"].as_object().unwrap().keys() {
        // Others are not read, and could be misspelt.
        assert!(name.starts_with("SCORER_") && name.contains("__"), "{name}");
    }
    settings(&app);
}

#[test]
fn the_drain_ends_before_marathon_kills() {
    let app = app();
    let grace = settings(&app).shutdown.grace;
    assert!(
        grace + CLOSING < seconds(&app["taskKillGracePeriodSeconds"]),
        "{grace:?}"
    );
}

#[test]
fn the_health_check_asks_whether_the_service_is_alive() {
    let app = app();
    let check = only(&app["healthChecks"]);
    // In a bridge network it is asked inside the container; what needs a shell there cannot work.
    assert_eq!(check["protocol"], "MESOS_HTTP");
    // Whatever else it asked would have Marathon kill a service for want of a broker.
    assert_eq!(check["path"], "/health/live");
    assert_eq!(status("/health/live"), 200);
    mapping(&app, check["portIndex"].as_u64().unwrap() as usize);
    assert!(check["timeoutSeconds"].as_u64() < check["intervalSeconds"].as_u64());
    // 0 kills at the first failure.
    assert!(check["maxConsecutiveFailures"].as_u64() > Some(1));
}

#[test]
fn a_deployment_goes_on_when_the_new_instance_is_ready() {
    let app = app();
    let check = only(&app["readinessChecks"]);
    assert_eq!(check["path"], "/health/ready");
    assert_eq!(status("/health/ready"), 503);
    // Marathon takes any name, and then asks nobody.
    assert_eq!(check["portName"], mapping(&app, 0)["name"]);
    assert!(check["timeoutSeconds"].as_u64() < check["intervalSeconds"].as_u64());
    assert_eq!(app["upgradeStrategy"]["minimumHealthCapacity"].as_f64(), Some(1.0));
}

#[test]
fn the_port_is_the_one_that_is_listened_on() {
    let app = app();
    let listen = settings(&app).http.listen;
    assert!(listen.ip().is_unspecified());
    let index = app["labels"]["DCOS_SERVICE_PORT_INDEX"].as_str().unwrap();
    let mapping = mapping(&app, index.parse().unwrap());
    assert_eq!(mapping["containerPort"], listen.port());
    assert_eq!(
        status(mapping["labels"]["DCOS_METRICS_ENDPOINT"].as_str().unwrap()),
        200
    );
    assert_eq!(status("/"), 200);
}

#[test]
fn the_memory_is_enough_for_two_workers() {
    let memory = config::Memory {
        limit: Some(app()["mem"].as_u64().unwrap() * MIB),
    };
    Budget::find(&memory).check(2).unwrap();
}

#[test]
fn clients_are_named_by_the_mesos_task() {
    let name = config::instance_name(|variable| match variable {
        "MESOS_TASK_ID" => Some("flight-delay-scorer.instance-1".into()),
        "HOSTNAME" => Some("6f2a1c".into()),
        _ => None,
    });
    assert_eq!(name, "flight-delay-scorer.instance-1");
}
