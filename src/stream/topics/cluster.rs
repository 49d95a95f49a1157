//! A connection for questions about the cluster, which says why there is no answer.

use super::{ClientFactory, Failure, Patience, failure};
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long one question to a broker may take before the caller is asked whether to go on.
pub(super) const STEP: Duration = Duration::from_secs(1);
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

/// A connection for questions about the cluster. It is a consumer outside of any group, whose poll serves
/// librdkafka's reports of what goes wrong; an admin client keeps them to itself.
pub(super) struct Cluster {
    client: BaseConsumer<Reasons>,
    servers: String,
}

impl Cluster {
    pub(super) fn connect(factory: &ClientFactory) -> Result<Cluster, Failure> {
        let client = factory.admin().create_with_context(Reasons::default());
        Ok(Cluster {
            client: client.map_err(|error| Failure::of("cannot make a client", &error))?,
            servers: factory.settings().bootstrap_servers.clone(),
        })
    }

    pub(super) fn client(&self) -> &Client<Reasons> {
        self.client.client()
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
            self.serve_reports(PAUSE);
        }
    }

    /// Lets librdkafka's reports through for this long.
    pub(super) fn serve_reports(&self, duration: Duration) {
        let end = Instant::now() + duration;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            // An error ends the poll early, and has been noted by then.
            let _ = self.client.poll(left);
        }
    }

    /// Partitions and replicas of each topic, `None` for one that does not exist, and the number of brokers.
    pub(super) fn layouts(&self, names: &[&str]) -> Result<(Vec<Option<Layout>>, usize), Obstacle> {
        let mut layouts = Vec::with_capacity(names.len());
        let mut brokers = 0;
        for name in names {
            let metadata = self
                .client
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
                Some(Code::TopicAuthorizationFailed) => {
                    return Err(Obstacle {
                        code: Some(Code::TopicAuthorizationFailed),
                        message: format!("topic {name}: {}", Code::TopicAuthorizationFailed),
                        mend: "grant this user the rights READ on the input topic, WRITE on the output and dead letter topics",
                    });
                }
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

    fn no_answer(&self, error: &KafkaError) -> Obstacle {
        self.serve_reports(Duration::ZERO);
        let (code, cause) = match self.client.context().last() {
            Some((code, reason)) => (Some(code), reason),
            None => (error.rdkafka_error_code(), error.to_string()),
        };
        let mend = match code {
            Some(Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism) => {
                "check the sasl.* properties in [kafka.common]"
            }
            Some(Code::SSL) => "check security.protocol and the ssl.* properties in [kafka.common]",
            Some(Code::Resolve) => "check the host names in kafka.bootstrap_servers",
            _ => "check kafka.bootstrap_servers, and security.protocol in [kafka.common]",
        };
        Obstacle {
            code,
            message: format!("no broker of {} answers: {cause}", self.servers),
            mend,
        }
    }
}

/// Keeps the last cause that librdkafka gave for not being connected.
#[derive(Debug, Default)]
pub(super) struct Reasons(Mutex<Option<(Code, String)>>);

impl Reasons {
    fn last(&self) -> Option<(Code, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Reasons {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What is wrong with the connection is said by whoever waits for it, once.
        if facility == "FAIL" {
            tracing::debug!(target: "librdkafka", client = "admin", facility, "{message}");
        } else {
            crate::stream::log::forward("admin", level, facility, message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "admin");
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // "All brokers are down" says less than the cause before it.
        if code != Code::AllBrokersDown || last.is_none() {
            *last = Some((code, reason.to_owned()));
        }
    }
}

impl ConsumerContext for Reasons {}
