//! Making topics.

use super::cluster::{Cluster, Layout, PAUSE};
use super::configuration::{self, block_on, configurations};
use super::preflight::dead_letter_room;
use super::{ADMIN_TIMEOUT, ClientFactory, Failure, Limits, Patience};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode as Code;

/// What became of a topic that was to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Created {
        partitions: i32,
        replication: i32,
    },
    /// It was there already and is left as it is.
    Exists {
        partitions: i32,
        replication: i32,
    },
    Failed(String),
}

/// What [`create`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// Brokers in the cluster: no topic can have more replicas.
    pub brokers: usize,
    /// Name and outcome of the input, output and dead letter topic.
    pub topics: Vec<(String, Outcome)>,
}

/// Creates those of the three topics that do not exist, with `replication` replicas or as many as there are
/// brokers. The dead letter topic gets room for the largest input and its headers. A topic that exists is left
/// as it is.
///
/// # Errors
/// No broker answered within `patience`. A topic that could not be made is an [`Outcome::Failed`].
pub fn create(
    factory: &ClientFactory,
    partitions: i32,
    replication: i32,
    patience: impl Into<Patience>,
) -> Result<Creation, Failure> {
    let cluster = Cluster::connect(factory)?;
    let kafka = factory.settings();
    let names = [&*kafka.input_topic, &*kafka.output_topic, &*kafka.dead_letter_topic];
    let (layouts, brokers) = cluster.wait_for(patience.into(), &|| true, |cluster| cluster.layouts(&names))?;
    let admin = configuration::admin(factory)?;
    let wanted = Layout {
        partitions,
        replication: replication.min(i32::try_from(brokers).unwrap_or(i32::MAX)),
    };
    let mut topics = Vec::new();
    for (name, layout) in names.into_iter().zip(layouts) {
        let outcome = match layout {
            Some(Layout {
                partitions,
                replication,
            }) => Outcome::Exists {
                partitions,
                replication,
            },
            // The input topic comes before this one, and its size is known by now.
            None if name == kafka.dead_letter_topic => {
                let input = max_message_bytes(&cluster, factory, &kafka.input_topic);
                let room = dead_letter_room(input).to_string();
                create_one(&admin, name, wanted, &[("max.message.bytes", &room)])
            }
            None => create_one(&admin, name, wanted, &[]),
        };
        topics.push((name.to_owned(), outcome));
    }
    Ok(Creation { brokers, topics })
}

fn create_one(
    admin: &AdminClient<DefaultClientContext>,
    name: &str,
    layout: Layout,
    settings: &[(&str, &str)],
) -> Outcome {
    let Layout {
        partitions,
        replication,
    } = layout;
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replication));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    // The second makes the call wait until the topic is made.
    let options = AdminOptions::new()
        .request_timeout(Some(ADMIN_TIMEOUT * 2))
        .operation_timeout(Some(ADMIN_TIMEOUT));
    match block_on(admin.create_topics([&topic], &options)) {
        Ok(results) => match results.into_iter().next() {
            Some(Err((_, Code::TopicAlreadyExists))) => Outcome::Exists {
                partitions,
                replication,
            },
            Some(Err((_, code @ (Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)))) => {
                Outcome::Failed(format!("{code}; this user needs the right CREATE on the topic"))
            }
            Some(Err((_, code))) => Outcome::Failed(code.to_string()),
            Some(Ok(_)) => Outcome::Created {
                partitions,
                replication,
            },
            None => Outcome::Failed("the brokers gave no answer".into()),
        },
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// `max.message.bytes` of a topic that may have been made a moment ago, when not every broker knows it.
fn max_message_bytes(cluster: &Cluster, factory: &ClientFactory, topic: &str) -> usize {
    for _ in 0..5 {
        if let Some(configuration) = configurations(factory, &[topic]).into_iter().flatten().flatten().next() {
            return configuration.limits.max_message_bytes;
        }
        cluster.connection.read_reports(PAUSE);
    }
    Limits::default().max_message_bytes
}
