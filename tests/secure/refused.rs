//! Connections that cannot come about, or that break later.

use crate::cluster::{Cluster, SECRET, password};
use crate::gives_up;
use crate::support::kafka::Names;
use crate::support::service::Service;
use crate::support::{PATIENCE, poll_until};

/// So many starts at a time leave the broker time to answer within the services' patience.
const AT_A_TIME: usize = 7;

#[test]
fn a_service_that_cannot_connect_ends_and_names_the_cause() {
    let cluster = Cluster::shared();
    let names = Names::of("refused");
    let mechanisms = ["SCRAM-SHA-256", "SCRAM-SHA-512"];
    for mechanism in mechanisms {
        cluster.set_scram(mechanism, "somebody", &password("somebody"));
    }
    let common = |name: &str, value: &str| format!("kafka.common.{name}={value}");
    let wrong = |name: &str| common(name, &format!("{SECRET}-wrong"));
    let to = |listener: &str| format!("kafka.bootstrap_servers={}", cluster.kafka.listeners[listener]);
    let changed = |mut settings: Vec<String>, change: String| {
        settings.push(change);
        settings
    };
    let sasl = "check the sasl.* properties";
    let mut cases = vec![
        (
            changed(cluster.sasl("PLAIN", "scorer"), wrong("sasl.password")),
            "Invalid username or password",
            sasl,
        ),
        (cluster.sasl("SCRAM-SHA-512", "nobody"), "invalid credentials", sasl),
        (
            changed(
                cluster.settings("TLS"),
                common("ssl.ca.location", &cluster.file("foreign.pem")),
            ),
            "no authority that is trusted here has signed it",
            "check ssl.ca.location",
        ),
        (
            changed(
                cluster.settings("TLS"),
                common("ssl.ca.location", &cluster.file("none.pem")),
            ),
            "ssl.ca.location failed",
            "can the file be read",
        ),
        (cluster.settings("EXPIRED"), "it has expired", "renew it"),
        (
            cluster.settings("MISNAMED"),
            "it is for another host",
            "check the host names",
        ),
        (
            cluster.settings("MUTUAL"),
            "alert bad certificate",
            "the broker demands a certificate",
        ),
        (
            cluster.mutual("stranger"),
            "alert bad certificate",
            "does not trust this one",
        ),
        (
            changed(cluster.mutual("client"), wrong("ssl.key.password")),
            "ssl.key.location failed",
            "does ssl.key.password open it?",
        ),
        (
            changed(
                cluster.mutual("client"),
                common("ssl.key.location", &cluster.file("stranger-key.pem")),
            ),
            "key values mismatch",
            "is it the key of the certificate",
        ),
        (
            changed(cluster.settings("TLS"), common("security.protocol", "PLAINTEXT")),
            "closed by peer",
            "security.protocol",
        ),
        (
            changed(cluster.sasl("PLAIN", "scorer"), to("TLS")),
            "SASL PLAIN mechanism handshake failed",
            sasl,
        ),
    ];
    for mechanism in mechanisms {
        let settings = changed(cluster.sasl(mechanism, "somebody"), wrong("sasl.password"));
        cases.push((settings, "invalid credentials", sasl));
    }
    for cases in cases.chunks(AT_A_TIME) {
        std::thread::scope(|scope| {
            let runs: Vec<_> = cases
                .iter()
                .map(|(settings, ..)| scope.spawn(|| gives_up(&names, settings)))
                .collect();
            for (run, (settings, cause, mend)) in runs.into_iter().zip(cases) {
                let last = run.join().expect("it gives up");
                assert!(last.contains(cause) && last.contains(mend), "{settings:#?}: {last}");
            }
        });
    }
}

#[test]
fn a_service_whose_password_is_changed_waits_until_it_is_right_again() {
    let cluster = Cluster::shared();
    let (mechanism, user) = ("SCRAM-SHA-512", "turned-away");
    let names = Names::of(user);
    cluster.set_scram(mechanism, user, &password(user));
    cluster.prepare(&names, user);
    let settings = cluster.sasl(mechanism, user);
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let service = Service::start_ready(&cluster.kafka, &names, &settings);
    cluster.set_scram(mechanism, user, "another");
    poll_until("the service to be turned away", PATIENCE, || {
        service.assert_running();
        match service.get("/health/ready") {
            (503, body) if body.contains("no broker") => Ok(()),
            other => Err(other),
        }
    });
    assert_eq!(service.get("/health/live").0, 200);
    // The connection is gone before the next is refused, which is when the cause is known.
    poll_until("the cause to be told", PATIENCE, || {
        let told = service.stderr();
        told.contains("invalid credentials").then_some(()).ok_or(told)
    });
    cluster.set_scram(mechanism, user, &password(user));
    service.wait_ready();
    crate::assert_keeps_secrets(&service.stderr());
    service.stop();
}
