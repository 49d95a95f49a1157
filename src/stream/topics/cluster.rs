//! Questions about the cluster, asked until there is an answer or the patience is at its end.

use super::connection::{Cause, Connection, Reasons};
use super::{ClientFactory, Failure, Patience, failure};
use crate::config;
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::time::{Duration, Instant};

/// How long one question to a broker may take before the caller is asked whether to go on.
const STEP: Duration = Duration::from_secs(1);
/// Pause between two questions when the answer was "not yet".
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// Partitions and replicas of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) partitions: i32,
    pub(super) replication: i32,
}

/// Why there is no answer yet.
pub(super) struct Obstacle {
    code: Option<Code>,
    message: String,
    /// What the user can do about it.
    mend: &'static str,
}

impl Obstacle {
    fn is_missing_topic(&self) -> bool {
        self.code.is_some_and(failure::is_missing_topic)
    }

    pub(super) fn missing(message: String) -> Obstacle {
        Obstacle {
            code: Some(Code::UnknownTopicOrPartition),
            message,
            mend: "create what is missing with `flight-delay-scorer topics`",
        }
    }
}

/// A cluster that can be asked.
pub(super) struct Cluster {
    pub(super) connection: Connection,
    settings: config::Kafka,
}

impl Cluster {
    pub(super) fn connect(factory: &ClientFactory) -> Result<Cluster, Failure> {
        Ok(Cluster {
            connection: Connection::open(factory)?,
            settings: factory.settings().clone(),
        })
    }

    pub(super) fn client(&self) -> &Client<Reasons> {
        self.connection.client()
    }

    /// Asks again and again until there is an answer, at most for as long as the patience lasts.
    pub(super) fn wait_for<T>(
        &self,
        patience: Patience,
        go_on: &impl Fn() -> bool,
        ask: impl Fn(&Cluster) -> Result<T, Obstacle>,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let mut told = String::new();
        loop {
            let obstacle = match ask(self) {
                Ok(answer) => return Ok(answer),
                Err(obstacle) => obstacle,
            };
            if !go_on() {
                return Err(Failure::Unreachable(format!(
                    "stopped while waiting: {}",
                    obstacle.message
                )));
            }
            let patience = if obstacle.is_missing_topic() {
                patience.topics
            } else {
                patience.broker
            };
            if started.elapsed() >= patience {
                let message = format!(
                    "{} (waited {} s); {}",
                    obstacle.message,
                    patience.as_secs_f64(),
                    obstacle.mend
                );
                return Err(if obstacle.is_missing_topic() {
                    Failure::Refused(message)
                } else {
                    Failure::of_code(obstacle.code, message)
                });
            }
            if told != obstacle.message {
                tracing::info!("waiting: {}", obstacle.message);
                told = obstacle.message;
            }
            self.connection.read_reports(PAUSE);
        }
    }

    /// Partitions and replicas of each topic, `None` for one that does not exist, and the number of brokers.
    pub(super) fn layouts(&self, names: &[&str]) -> Result<(Vec<Option<Layout>>, usize), Obstacle> {
        let mut layouts = Vec::with_capacity(names.len());
        let mut brokers = 0;
        for name in names {
            let metadata = self
                .client()
                .fetch_metadata(Some(name), STEP)
                .map_err(|error| self.no_answer(&error))?;
            brokers = brokers.max(metadata.brokers().len());
            let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == *name) else {
                layouts.push(None);
                continue;
            };
            match topic.error().map(Code::from) {
                None => {}
                Some(code) if failure::is_missing_topic(code) => {
                    layouts.push(None);
                    continue;
                }
                Some(Code::TopicAuthorizationFailed) => return Err(self.hidden(name)),
                Some(code) => {
                    return Err(Obstacle {
                        code: Some(code),
                        message: format!("topic {name}: {code}"),
                        mend: "look at the brokers' logs",
                    });
                }
            }
            let replicas = topic
                .partitions()
                .iter()
                .map(|partition| partition.replicas().len())
                .min();
            layouts.push(Some(Layout {
                partitions: i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX),
                replication: i32::try_from(replicas.unwrap_or(0)).unwrap_or(i32::MAX),
            }));
        }
        Ok((layouts, brokers))
    }

    /// A topic is shown to those who have any right on it.
    fn hidden(&self, name: &str) -> Obstacle {
        let mend = if name == self.settings.input_topic {
            "grant the right READ on the topic"
        } else {
            "grant the right WRITE on the topic"
        };
        Obstacle {
            code: Some(Code::TopicAuthorizationFailed),
            message: format!("{} has no right on topic {name}", self.settings.user()),
            mend,
        }
    }

    fn no_answer(&self, error: &KafkaError) -> Obstacle {
        let unknown = || Cause {
            code: error.rdkafka_error_code().unwrap_or(Code::Fail),
            message: error.to_string(),
            mend: "check kafka.bootstrap_servers, and security.protocol in [kafka.common]",
        };
        let Cause { code, message, mend } = self.connection.cause().unwrap_or_else(unknown);
        Obstacle {
            code: Some(code),
            message: format!("no broker of {} answers: {message}", self.settings.bootstrap_servers),
            mend,
        }
    }
}
