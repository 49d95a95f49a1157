//! Whether the topics can work together, judged from their description alone.

use super::{Failure, Topic, Topics};
use crate::stream::dead_letter::ADDED_HEADERS;

/// What the dead letter topic has to take so that the largest input fits, with the headers that it gets; Kafka's limits
/// are 32-bit numbers.
pub(super) fn dead_letter_room(input_max_message_bytes: usize) -> usize {
    const HEADERS: usize = 64 * 1024;
    input_max_message_bytes.saturating_add(HEADERS).min(i32::MAX as usize)
}

/// No prediction needs more than this.
const PREDICTION_ROOM: usize = 2 * 1024;
/// No dead letter needs more than this when it carries nothing of the input.
const BARE_LETTER_ROOM: usize = 2 * ADDED_HEADERS;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Ok,
    /// It works, with a loss that the user should know of.
    Warning,
    /// The service would stop, now or at a certain row.
    CannotWork,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub message: String,
}

/// Looks at everything that decides whether the service can work on these topics. `user` is whose rights they are.
pub(super) fn check(topics: &Topics, user: &str) -> Vec<Finding> {
    let Topics {
        input,
        output,
        dead_letter,
        ..
    } = topics;
    let mut findings = Findings(Vec::new());

    if output.partitions < input.partitions {
        findings.warning(format!(
            "{} has {partitions} partitions, {} has {}: predictions go to the input's partition modulo {partitions}, so \
             records of the same key are no longer in partitions of the same number",
            output.name,
            input.name,
            input.partitions,
            partitions = output.partitions,
        ));
    } else {
        findings.ok("every prediction keeps its input's partition".into());
    }

    for topic in topics.all() {
        if !topic.told {
            findings.warning(format!(
                "the configuration of {} could not be read, Kafka's defaults are assumed; the right DESCRIBE_CONFIGS \
                 on the topic lets it be checked",
                topic.name
            ));
        }
        if topic.replication == 1 && topics.brokers > 1 {
            findings.warning(format!(
                "{} has one replica on a cluster of {} brokers: its records are lost with that broker",
                topic.name, topics.brokers
            ));
        }
    }
    for topic in [output, dead_letter] {
        check_written(topic, &mut findings);
    }

    for (topic, what, room) in [
        (output, "a prediction", PREDICTION_ROOM),
        (dead_letter, "a dead letter", BARE_LETTER_ROOM),
    ] {
        let takes = topic.limits.max_message_bytes;
        if topic.told && takes < room {
            findings.cannot_work(format!(
                "{}: max.message.bytes is {takes}, {what} can need {room}; raise it",
                topic.name
            ));
        }
    }
    if output.limits.compacted {
        findings.warning(format!(
            "{} is compacted (cleanup.policy={}) and refuses records without a key: rows without a key become dead \
             letters",
            output.name, output.cleanup_policy
        ));
    }
    if dead_letter.limits.compacted {
        findings.cannot_work(format!(
            "{} is compacted (cleanup.policy={}) and refuses records without a key, which dead letters can be; set \
             cleanup.policy=delete",
            dead_letter.name, dead_letter.cleanup_policy
        ));
    }
    if input.told && dead_letter.told {
        let needed = dead_letter_room(input.limits.max_message_bytes);
        if dead_letter.limits.max_message_bytes < needed {
            findings.warning(format!(
                "{}: max.message.bytes is {}, the largest record of {} with its headers needs {needed}; where a dead \
                 letter does not fit, its value is left out, so raise it",
                dead_letter.name, dead_letter.limits.max_message_bytes, input.name
            ));
        } else {
            findings.ok(format!("{} has room for the largest input", dead_letter.name));
        }
    }

    let may = |topic: &Topic, right: &str, granted: Option<bool>, findings: &mut Findings| match granted {
        Some(true) => findings.ok(format!("{user} may {right} {}", topic.name)),
        Some(false) => findings.cannot_work(format!(
            "{user} may not {right} {}; grant it the right {}",
            topic.name,
            right.to_uppercase()
        )),
        None => {}
    };
    may(input, "read", input.rights.map(|rights| rights.read), &mut findings);
    for topic in [output, dead_letter] {
        may(topic, "write", topic.rights.map(|rights| rights.write), &mut findings);
    }
    findings.0
}

/// What holds for every topic that is written to.
fn check_written(topic: &Topic, findings: &mut Findings) {
    if topic.min_insync_replicas > topic.replication {
        findings.cannot_work(format!(
            "{}: min.insync.replicas is {}, but it has {} replicas: nothing can be written to it",
            topic.name, topic.min_insync_replicas, topic.replication
        ));
    }
    if topic.limits.log_append_time {
        findings.warning(format!(
            "{}: message.timestamp.type is LogAppendTime: the timestamps of the input are not carried",
            topic.name
        ));
    }
}

/// Logs what was found.
///
/// # Errors
/// All that cannot work, in one message.
pub fn settle(findings: &[Finding]) -> Result<(), Failure> {
    let of = |severity| {
        findings
            .iter()
            .filter(move |finding| finding.severity == severity)
            .map(|finding| &*finding.message)
    };
    for message in of(Severity::Ok) {
        tracing::info!("topics: {message}");
    }
    for message in of(Severity::Warning) {
        tracing::warn!("topics: {message}");
    }
    let fatal: Vec<&str> = of(Severity::CannotWork).collect();
    if fatal.is_empty() {
        Ok(())
    } else {
        Err(Failure::Refused(format!(
            "the topics cannot work: {}",
            fatal.join("; ")
        )))
    }
}

struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, message: String) {
        self.add(Severity::Ok, message);
    }

    fn warning(&mut self, message: String) {
        self.add(Severity::Warning, message);
    }

    fn cannot_work(&mut self, message: String) {
        self.add(Severity::CannotWork, message);
    }

    fn add(&mut self, severity: Severity, message: String) {
        self.0.push(Finding { severity, message });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rights;
    use super::*;
    use crate::stream::limits::Limits;

    fn topic(name: &str) -> Topic {
        Topic {
            name: name.into(),
            partitions: 10,
            replication: 3,
            limits: Limits::default(),
            cleanup_policy: "delete".into(),
            min_insync_replicas: 2,
            told: true,
            rights: Some(Rights {
                read: true,
                write: true,
            }),
        }
    }

    fn topics() -> Topics {
        let mut dead_letter = topic("Dead");
        dead_letter.limits.max_message_bytes = dead_letter_room(dead_letter.limits.max_message_bytes);
        Topics {
            input: topic("In"),
            output: topic("Out"),
            dead_letter,
            brokers: 3,
        }
    }

    #[test]
    fn good_topics_give_no_complaint() {
        assert!(
            check(&topics(), "user x")
                .iter()
                .all(|finding| finding.severity == Severity::Ok)
        );
        assert!(settle(&check(&topics(), "user x")).is_ok());
    }

    #[test]
    fn each_fault_is_found_once() {
        type Spoil = fn(&mut Topics);
        let cases: &[(Spoil, Severity, &str)] = &[
            (|t| t.output.partitions = 4, Severity::Warning, "modulo 4"),
            (
                |t| t.dead_letter.limits.max_message_bytes = 1_048_588,
                Severity::Warning,
                "1114124",
            ),
            (
                |t| t.dead_letter.limits.compacted = true,
                Severity::CannotWork,
                "Dead is compacted",
            ),
            (
                |t| t.output.limits.compacted = true,
                Severity::Warning,
                "Out is compacted",
            ),
            (
                |t| t.output.limits.log_append_time = true,
                Severity::Warning,
                "LogAppendTime",
            ),
            (|t| t.input.replication = 1, Severity::Warning, "In has one replica"),
            (|t| t.input.told = false, Severity::Warning, "the configuration of In"),
            (
                |t| t.output.min_insync_replicas = 4,
                Severity::CannotWork,
                "min.insync.replicas is 4",
            ),
            (
                |t| {
                    t.input.rights = Some(Rights {
                        read: false,
                        write: true,
                    })
                },
                Severity::CannotWork,
                "user x may not read In",
            ),
            (
                |t| {
                    t.dead_letter.rights = Some(Rights {
                        read: true,
                        write: false,
                    })
                },
                Severity::CannotWork,
                "right WRITE",
            ),
        ];
        for (spoil, severity, expected) in cases {
            let mut topics = topics();
            spoil(&mut topics);
            let findings = check(&topics, "user x");
            let complaints: Vec<&Finding> = findings
                .iter()
                .filter(|finding| finding.severity != Severity::Ok)
                .collect();
            assert_eq!(complaints.len(), 1, "{complaints:?}");
            assert_eq!(complaints[0].severity, *severity, "{complaints:?}");
            assert!(complaints[0].message.contains(expected), "{complaints:?}");
            assert_eq!(settle(&findings).is_err(), *severity == Severity::CannotWork);
        }
    }

    #[test]
    fn a_prediction_and_a_bare_dead_letter_have_to_fit() {
        let mut topics = topics();
        topics.output.limits.max_message_bytes = 1024;
        topics.dead_letter.limits.max_message_bytes = 2048;
        let message = settle(&check(&topics, "user x")).unwrap_err().to_string();
        assert!(
            message.contains("Out: max.message.bytes is 1024, a prediction can need 2048"),
            "{message}"
        );
        assert!(
            message.contains("Dead: max.message.bytes is 2048, a dead letter can need 4096"),
            "{message}"
        );
    }

    #[test]
    fn brokers_that_do_not_tell_are_no_reason_to_refuse() {
        let mut topics = topics();
        for topic in [&mut topics.input, &mut topics.output, &mut topics.dead_letter] {
            topic.told = false;
            topic.rights = None;
            topic.min_insync_replicas = 1;
        }
        assert!(settle(&check(&topics, "user x")).is_ok());
    }
}
