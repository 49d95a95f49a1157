//! Rights that are missing, or are taken away.

use crate::cluster::{Cluster, On, Right};
use crate::support::kafka::Names;
use crate::support::records::Record;
use crate::support::rows::SEED;
use crate::support::service::Service;
use crate::{STARTUP_TIMEOUT, gives_up};

#[test]
fn a_right_that_is_missing_is_named_at_the_start() {
    let cluster = Cluster::shared();
    std::thread::scope(|scope| {
        for (user, seen) in [
            ("no-read", false),
            ("no-write", false),
            ("no-dead-letter", false),
            ("no-group", false),
            ("seen-no-read", true),
            ("seen-no-write", true),
            ("seen-no-group", true),
        ] {
            scope.spawn(move || {
                let names = Names::of(user);
                let (on, name, right) = match user.trim_start_matches("seen-") {
                    "no-read" => (On::Topic(&names.input), &names.input, "READ"),
                    "no-write" => (On::Topic(&names.output), &names.output, "WRITE"),
                    "no-dead-letter" => (On::Topic(&names.dead_letter), &names.dead_letter, "WRITE"),
                    _ => (On::Group(&names.group), &names.group, "READ"),
                };
                cluster.prepare_except(&names, user, Some(name));
                if seen {
                    cluster.rule(user, Right::Describe, on, true);
                }
                let last = gives_up(&names, &cluster.sasl("PLAIN", user));
                for part in [&format!("user {user} "), name, &format!("the right {right} ")] {
                    assert!(format!("{last} ").contains(part), "{part}: {last}");
                }
            });
        }
    });
}

#[test]
fn a_right_that_is_taken_away_ends_the_service_and_is_named() {
    let cluster = Cluster::shared();
    std::thread::scope(|scope| {
        for (user, guarantee) in [
            ("loses-read", "at_least_once"),
            ("loses-write", "at_least_once"),
            ("loses-group", "at_least_once"),
            ("loses-write-exactly", "exactly_once"),
            ("loses-group-exactly", "exactly_once"),
        ] {
            scope.spawn(move || {
                let names = Names::of(user);
                cluster.prepare(&names, user);
                cluster.rule(user, Right::Write, On::TransactionalIds(&names.group), true);
                let mut settings = cluster.sasl("PLAIN", user);
                settings.push(format!("delivery.guarantee={guarantee}"));
                let mut settings: Vec<&str> = settings.iter().map(String::as_str).collect();
                // Also how long a right may be missing before the service ends.
                settings.push(STARTUP_TIMEOUT);
                let service = Service::start_ready(&cluster.kafka, &names, &settings);
                let (right, on, named) = match user.trim_end_matches("-exactly") {
                    "loses-read" => (Right::Read, On::Topic(&names.input), &*names.input),
                    "loses-write" => (Right::Write, On::Topic(&names.output), &*names.output),
                    _ => (Right::Read, On::Group(&names.group), &*names.group),
                };
                cluster.rule(user, right, on, false);
                cluster.kafka.produce(&names.input, &[Record::new(0, None, SEED)]);
                assert_eq!(service.wait_exit(), Some(4), "{}", service.stderr());
                let log = service.stderr();
                let last = log.lines().last().unwrap_or_default();
                assert!(last.starts_with("error: ") && last.contains(named), "{log}");
                crate::assert_keeps_secrets(&log);
            });
        }
    });
}

#[test]
fn transactions_need_a_right_of_their_own() {
    let cluster = Cluster::shared();
    let names = Names::of("no-transactions");
    cluster.prepare(&names, "no-transactions");
    let mut settings = cluster.sasl("PLAIN", "no-transactions");
    settings.push("delivery.guarantee=exactly_once".into());
    let last = gives_up(&names, &settings);
    for part in [&*names.group, "transactional.id", "authorization failed"] {
        assert!(last.contains(part), "{part}: {last}");
    }
}
