//! `topics`: creates the three topics, or checks whether the service can work on them.

use super::table::table;
use super::{Exit, Failed};
use crate::config::Config;
use crate::stream::ClientFactory;
use crate::stream::topics::{self, Creation, Finding, Outcome, Patience, Severity, Topics};
use anyhow::anyhow;
use std::io::{self, Write};
use std::time::Duration;

/// For a broker to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Until every broker knows of topics that were made a moment ago.
const TOPICS_PATIENCE: Duration = Duration::from_secs(2);

/// Creates the input, output and dead letter topic where they do not exist; a topic that exists is never changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: flight-delay-scorer topics --check")]
pub struct Args {
    /// Change nothing: show the topics and whether the service can work on them
    #[arg(long)]
    check: bool,
    /// Partitions of a topic that is created
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,
    /// Replicas of a topic that is created; never more than there are brokers
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=i64::from(i16::MAX)))]
    replication: i32,
}

pub(super) fn run(args: Args, config: Config, instance: String) -> Result<Exit, Failed> {
    let factory = ClientFactory::new(config.kafka, instance);
    let mut out = io::stdout().lock();
    if !args.check {
        let creation = topics::create(&factory, args.partitions, args.replication, PATIENCE);
        let creation = creation.map_err(|failure| Exit::Kafka.with(failure))?;
        out.write_all(report(&creation, args.replication).as_bytes())?;
        if let Some((name, why)) = creation.topics.iter().find_map(failed) {
            return Err(Exit::Kafka.with(anyhow!("cannot create {name}: {why}")));
        }
    }
    let patience = Patience {
        broker: PATIENCE,
        topics: if args.check { TOPICS_PATIENCE } else { PATIENCE },
    };
    let topics = topics::describe(&factory, patience, || true).map_err(|failure| Exit::Kafka.with(failure))?;
    let mut findings = topics::check(&factory, &topics);
    if args.check {
        writeln!(out, "{}", described(&topics))?;
    } else {
        findings.retain(|finding| finding.severity != Severity::Ok);
    }
    for finding in &findings {
        writeln!(out, "{}", line(finding))?;
    }
    match findings
        .iter()
        .filter(|finding| finding.severity == Severity::CannotWork)
        .count()
    {
        0 => Ok(Exit::Success),
        1 => Err(Exit::Kafka.with(anyhow!("the service cannot work on these topics, see the error above"))),
        errors => Err(Exit::Kafka.with(anyhow!(
            "the service cannot work on these topics, see the {errors} errors above"
        ))),
    }
}

fn failed((name, outcome): &(String, Outcome)) -> Option<(&str, &str)> {
    match outcome {
        Outcome::Failed(why) => Some((name, why)),
        _ => None,
    }
}

fn report(creation: &Creation, wanted: i32) -> String {
    let shape = |partitions: i32, replication: i32| {
        let s = |count: i32| if count == 1 { "" } else { "s" };
        format!(
            "{partitions} partition{} × {replication} replica{}",
            s(partitions),
            s(replication)
        )
    };
    let mut text = String::new();
    let mut reduced = false;
    for (name, outcome) in &creation.topics {
        text += &match outcome {
            Outcome::Created {
                partitions,
                replication,
            } => {
                reduced |= *replication < wanted;
                format!("{name}: created, {}\n", shape(*partitions, *replication))
            }
            Outcome::Exists {
                partitions,
                replication,
            } => {
                format!("{name}: exists, {}, unchanged\n", shape(*partitions, *replication))
            }
            Outcome::Failed(why) => format!("{name}: failed: {why}\n"),
        };
    }
    if reduced {
        let brokers = match creation.brokers {
            1 => "is 1 broker".to_owned(),
            many => format!("are {many} brokers"),
        };
        text += &format!("Fewer replicas than the {wanted} wanted: there {brokers}.\n");
    }
    text
}

fn described(topics: &Topics) -> String {
    let header = [
        "topic",
        "partitions",
        "replication",
        "cleanup.policy",
        "max.message.bytes",
        "timestamp type",
        "rights",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for topic in topics.all() {
        let told = |text: String| if topic.told { text } else { "?".to_owned() };
        let time = if topic.limits.log_append_time {
            "LogAppendTime"
        } else {
            "CreateTime"
        };
        rows.push(vec![
            topic.name.clone(),
            topic.partitions.to_string(),
            topic.replication.to_string(),
            told(topic.cleanup_policy.clone()),
            told(topic.limits.max_message_bytes.to_string()),
            told(time.to_owned()),
            topic.rights.map_or("?".to_owned(), |rights| rights.to_string()),
        ]);
    }
    table(&rows)
}

fn line(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Ok => "ok",
        Severity::Warning => "warning",
        Severity::CannotWork => "error",
    };
    format!("{severity:7}  {}", finding.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_what_was_done_and_that_there_are_fewer_replicas() {
        let creation = Creation {
            brokers: 1,
            topics: vec![
                (
                    "In".into(),
                    Outcome::Created {
                        partitions: 10,
                        replication: 1,
                    },
                ),
                (
                    "Out".into(),
                    Outcome::Exists {
                        partitions: 4,
                        replication: 2,
                    },
                ),
                ("Dead".into(), Outcome::Failed("PolicyViolation".into())),
            ],
        };
        let expected = "In: created, 10 partitions × 1 replica\n\
            Out: exists, 4 partitions × 2 replicas, unchanged\n\
            Dead: failed: PolicyViolation\n\
            Fewer replicas than the 3 wanted: there is 1 broker.\n";
        assert_eq!(report(&creation, 3), expected);
        assert!(!report(&creation, 1).contains("Fewer"));
        assert_eq!(
            creation.topics.iter().find_map(failed),
            Some(("Dead", "PolicyViolation"))
        );
    }
}
