//! The three topics: what they are, whether they can work together, and making those that are missing.
//!
//! Everything here waits and belongs on a plain thread, or on one of tokio's blocking ones.

mod cluster;
mod configuration;
mod connection;
mod creation;
mod preflight;
mod rights;

pub use creation::{Creation, Outcome, create};
pub use preflight::{Finding, Severity, settle};
pub use rights::Rights;

use super::clients::ClientFactory;
use super::failure::{self, Failure};
use super::limits::Limits;
use crate::config::is_topic_name;
use cluster::{Cluster, Layout, Obstacle};
use configuration::{Configuration, configurations};
use std::time::Duration;

/// For requests that the mock cluster and old brokers do not serve, so that they cannot hold up a start for long.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A topic as the brokers describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    pub partitions: i32,
    /// The smallest replication of its partitions.
    pub replication: i32,
    pub limits: Limits,
    /// `cleanup.policy` in the words of the broker.
    pub cleanup_policy: String,
    pub min_insync_replicas: i32,
    /// Whether the configuration could be read; if not, the three above are Kafka's defaults.
    pub told: bool,
    /// What this client may do with the topic, where the brokers tell.
    pub rights: Option<Rights>,
}

/// The topics of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    pub input: Topic,
    pub output: Topic,
    pub dead_letter: Topic,
    /// Brokers in the cluster.
    pub brokers: usize,
}

impl Topics {
    pub fn all(&self) -> [&Topic; 3] {
        [&self.input, &self.output, &self.dead_letter]
    }
}

/// How long is waited, from the first attempt on.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a broker to answer.
    pub broker: Duration,
    /// For topics to exist.
    pub topics: Duration,
}

impl From<Duration> for Patience {
    fn from(both: Duration) -> Self {
        Patience {
            broker: both,
            topics: both,
        }
    }
}

/// Describes the three topics, waiting for a broker to answer and for all of them to exist.
///
/// `go_on` is asked every few seconds at least: it is the place to give signs of life, and ends the wait with
/// `false`.
///
/// # Errors
/// What was still missing when the patience was at its end, with the last cause that librdkafka gave.
pub fn describe(
    factory: &ClientFactory,
    patience: impl Into<Patience>,
    go_on: impl Fn() -> bool,
) -> Result<Topics, Failure> {
    let cluster = Cluster::connect(factory)?;
    let kafka = factory.settings();
    let names = [&*kafka.input_topic, &*kafka.output_topic, &*kafka.dead_letter_topic];
    let (layouts, brokers) = cluster.wait_for(patience.into(), &go_on, |cluster| {
        let layouts = cluster.layouts(&names)?;
        let missing: Vec<&str> = names
            .into_iter()
            .zip(&layouts.0)
            .filter(|(_, it)| it.is_none())
            .map(|(name, _)| name)
            .collect();
        match missing[..] {
            [] => Ok((layouts.0.into_iter().flatten().collect::<Vec<_>>(), layouts.1)),
            [one] => Err(Obstacle::missing(format!("topic {one} does not exist"))),
            _ => Err(Obstacle::missing(format!("topics {} do not exist", missing.join(", ")))),
        }
    })?;
    // Brokers that do not serve the one request leave the other unanswered too.
    let unknown = || (names.map(|_| None).into(), names.map(|_| None).into());
    let (configurations, rights) = configurations(factory, &names)
        .map(|configurations| {
            (
                configurations,
                rights::of_topics(cluster.client(), &names, ADMIN_TIMEOUT),
            )
        })
        .unwrap_or_else(unknown);
    let mut topics = configurations
        .into_iter()
        .zip(names)
        .zip(layouts)
        .zip(rights)
        .map(|(((configuration, name), layout), rights)| topic(name, layout, configuration, rights));
    let (Some(input), Some(output), Some(dead_letter)) = (topics.next(), topics.next(), topics.next()) else {
        return Err(Failure::Rebuild("the topics could not be described".into()));
    };
    Ok(Topics {
        input,
        output,
        dead_letter,
        brokers,
    })
}

/// Looks at everything that decides whether the service can work on these topics.
pub fn check(factory: &ClientFactory, topics: &Topics) -> Vec<Finding> {
    let mut findings = preflight::check(topics, &factory.settings().user());
    // Brokers that do not tell the rights on topics do not tell these.
    if topics.all().iter().any(|topic| topic.rights.is_some()) {
        findings.push(rights::check_group(factory));
    }
    findings
}

/// The number of partitions of one topic, waiting for a broker to answer.
///
/// # Errors
/// As [`describe`], and where no topic can have this name.
pub fn partitions(factory: &ClientFactory, topic: &str, patience: impl Into<Patience>) -> Result<i32, Failure> {
    if !is_topic_name(topic) {
        return Err(Failure::Refused(format!("\"{topic}\" is not a topic name")));
    }
    Cluster::connect(factory)?.wait_for(patience.into(), &|| true, |cluster| {
        match cluster.layouts(&[topic])?.0[..] {
            [Some(layout)] => Ok(layout.partitions),
            _ => Err(Obstacle::missing(format!("topic {topic} does not exist"))),
        }
    })
}

fn topic(name: &str, layout: Layout, configuration: Option<Configuration>, rights: Option<Rights>) -> Topic {
    let told = configuration.is_some();
    let Configuration {
        limits,
        cleanup_policy,
        min_insync_replicas,
    } = configuration.unwrap_or_default();
    Topic {
        name: name.to_owned(),
        partitions: layout.partitions,
        replication: layout.replication,
        limits,
        cleanup_policy,
        min_insync_replicas,
        told,
        rights,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Kafka;
    use crate::stream::EmbeddedKafka;
    use std::time::Instant;

    const PATIENCE: Patience = Patience {
        broker: Duration::from_secs(20),
        topics: Duration::ZERO,
    };

    /// A factory whose settings were changed after the topics were made.
    fn embedded(change: impl FnOnce(&mut Kafka)) -> (EmbeddedKafka, ClientFactory) {
        let kafka = EmbeddedKafka::start(3).unwrap();
        let mut settings = Kafka {
            bootstrap_servers: kafka.bootstrap_servers().unwrap(),
            ..Kafka::default()
        };
        kafka.create_topics(&settings, 4, 2).unwrap();
        change(&mut settings);
        (kafka, ClientFactory::new(settings, "test".into()))
    }

    #[test]
    fn a_name_that_no_topic_can_have_is_refused_before_anybody_is_asked() {
        let factory = ClientFactory::new(Kafka::default(), "test".into());
        for name in ["a".repeat(513), String::new()] {
            let refused = partitions(&factory, &name, PATIENCE).unwrap_err();
            assert_eq!(refused.to_string(), format!("\"{name}\" is not a topic name"));
        }
    }

    #[test]
    fn brokers_that_tell_no_configuration_are_no_obstacle() {
        let (_kafka, factory) = embedded(|_| {});
        let started = Instant::now();
        let topics = describe(&factory, PATIENCE, || true).unwrap();
        assert!(started.elapsed() < ADMIN_TIMEOUT * 2, "{:?}", started.elapsed());
        for topic in topics.all() {
            assert_eq!(
                (topic.partitions, topic.replication, topic.told, topic.rights),
                (4, 2, false, None)
            );
            assert_eq!(topic.limits, Limits::default());
        }
        assert_eq!(topics.brokers, 3);
        assert!(settle(&check(&factory, &topics)).is_ok());
        assert_eq!(partitions(&factory, "AirlineInputTopic", PATIENCE).unwrap(), 4);
    }

    #[test]
    fn topics_that_are_missing_are_named_with_the_mend() {
        let (_kafka, factory) = embedded(|kafka| {
            kafka.input_topic = "Nowhere".into();
            kafka.dead_letter_topic = "Neither".into();
        });
        let failure = describe(&factory, PATIENCE, || true).unwrap_err();
        assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
        let message = failure.to_string();
        assert!(message.contains("Nowhere, Neither do not exist"), "{message}");
        assert!(message.contains("flight-delay-scorer topics"), "{message}");
    }

    #[test]
    fn a_wait_ends_when_it_is_to_go_on_no_more() {
        let (_kafka, factory) = embedded(|kafka| kafka.input_topic = "Nowhere".into());
        let started = Instant::now();
        let failure = describe(&factory, Duration::from_secs(60), || false).unwrap_err();
        assert!(failure.to_string().starts_with("stopped while waiting"), "{failure}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
