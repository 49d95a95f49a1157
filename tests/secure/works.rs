//! Rows in, predictions out, over each kind of connection.

use crate::cluster::{Cluster, SECRET, password};
use crate::support::kafka::Names;
use crate::support::records::Record;
use crate::support::rows::{SEED, SEED_CSV};
use crate::support::service::Service;
use crate::support::{PATIENCE, poll_until};
use crate::{EVERYTHING, assert_keeps_secrets};

/// Scores a few rows as `user`, who is given the rights, tells no secrets, and stops.
fn scores(test: &str, user: &str, settings: &[String]) {
    let cluster = Cluster::shared();
    let names = Names::of(test);
    cluster.prepare(&names, user);
    let rows = [0, 1].map(|partition| Record::new(partition, Some("key"), SEED));
    cluster.kafka.produce(&names.input, &rows);
    let bad = Record::new(0, Some("bad"), "not a flight");
    cluster.kafka.produce(&names.input, [&bad]);
    let mut all: Vec<&str> = settings.iter().map(String::as_str).collect();
    all.push("output.format=csv");
    all.extend(EVERYTHING);
    let service = Service::start_ready(&cluster.kafka, &names, &all);
    poll_until("all outputs", PATIENCE, || {
        service.assert_running();
        let ends = [&names.output, &names.dead_letter].map(|topic| cluster.kafka.ends(topic));
        if ends == [[1, 1], [1, 0]] { Ok(()) } else { Err(ends) }
    });
    for partition in cluster.kafka.read(&names.output) {
        assert_eq!(partition[0].text(), SEED_CSV);
    }
    for path in ["/", "/health/live", "/health/ready", "/metrics", "/status"] {
        assert_keeps_secrets(&service.get(path).1);
    }
    if settings.iter().any(|setting| setting.contains("password")) {
        assert!(
            service.stderr().contains("password = [redacted]"),
            "{}",
            service.stderr()
        );
    }
    assert_keeps_secrets(&service.stdout());
    assert_keeps_secrets(&service.stderr());
    service.stop();
}

#[test]
fn over_tls_without_a_user() {
    scores("tls", "ANONYMOUS", &Cluster::shared().settings("TLS"));
}

/// The settings with the password read from a file.
fn from_file(settings: Vec<String>) -> Vec<String> {
    let moved = |setting: String| match setting.split_once("password=") {
        Some((name, password)) => {
            let file = Cluster::shared().file(&password.replace(SECRET, "password"));
            std::fs::write(&file, format!("{password}\n")).unwrap();
            format!("{name}password_file={file}")
        }
        None => setting,
    };
    settings.into_iter().map(moved).collect()
}

#[test]
fn over_mutual_tls() {
    scores("mutual", "CN=client", &from_file(Cluster::shared().mutual("client")));
}

#[test]
fn with_a_password_in_the_clear_inside_of_tls() {
    scores("plain", "scorer", &from_file(Cluster::shared().sasl("PLAIN", "scorer")));
}

#[test]
fn with_a_password_that_is_never_sent() {
    let cluster = Cluster::shared();
    for (mechanism, user) in [("SCRAM-SHA-256", "scram-256"), ("SCRAM-SHA-512", "scram-512")] {
        cluster.set_scram(mechanism, user, &password(user));
        scores(user, user, &cluster.sasl(mechanism, user));
    }
}
