//! A Kafka in this process, for the demo and for fast tests: librdkafka's mock cluster.
//!
//! It keeps records in memory, knows groups and idempotent producers, and does not know topic creation,
//! configurations or aborted transactions.

use super::limits::Limits;
use super::topics::{Topic, Topics};
use crate::config;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

/// The cluster. It ends when this is dropped, so drop its clients before.
pub struct EmbeddedKafka {
    owner: BaseProducer,
}

impl EmbeddedKafka {
    /// Starts `brokers` brokers on free ports of the loopback address.
    pub fn start(brokers: i32) -> Result<EmbeddedKafka, KafkaError> {
        let owner: BaseProducer = ClientConfig::new()
            .set("test.mock.num.brokers", brokers.to_string())
            .create()?;
        let kafka = EmbeddedKafka { owner };
        kafka.assign_at_once()?;
        Ok(kafka)
    }

    pub fn bootstrap_servers(&self) -> Result<String, KafkaError> {
        Ok(self.cluster()?.bootstrap_servers())
    }

    pub fn create_topic(&self, name: &str, partitions: i32, replication: i32) -> Result<(), KafkaError> {
        self.cluster()?.create_topic(name, partitions, replication)
    }

    /// Creates the service's topics, and describes them, since this Kafka does not answer questions about them.
    pub fn create_topics(
        &self,
        kafka: &config::Kafka,
        partitions: i32,
        replication: i32,
    ) -> Result<Topics, KafkaError> {
        let create = |name: &str| {
            self.create_topic(name, partitions, replication)?;
            Ok::<_, KafkaError>(Topic {
                name: name.to_owned(),
                partitions,
                replication,
                limits: Limits::default(),
                cleanup_policy: "delete".into(),
                min_insync_replicas: 1,
                told: false,
                rights: None,
            })
        };
        Ok(Topics {
            input: create(&kafka.input_topic)?,
            output: create(&kafka.output_topic)?,
            dead_letter: create(&kafka.dead_letter_topic)?,
            brokers: replication as usize,
        })
    }

    /// Lets the next requests of this kind fail, one for each error.
    pub fn fail_next(&self, request: RDKafkaApiKey, errors: &[RDKafkaRespErr]) -> Result<(), KafkaError> {
        self.cluster()?.request_errors(request, errors);
        Ok(())
    }

    /// Lets all questions about a topic be answered with this error.
    pub fn fail_topic(&self, name: &str, error: RDKafkaRespErr) -> Result<(), KafkaError> {
        self.cluster()?.topic_error(name, error)
    }

    fn cluster(&self) -> Result<MockCluster<'_, impl rdkafka::ClientContext>, KafkaError> {
        let missing = || KafkaError::MockCluster(rdkafka::types::RDKafkaErrorCode::Fail);
        self.owner.client().mock_cluster().ok_or_else(missing)
    }

    /// Takes away the three seconds for which a new group waits for more members.
    #[expect(unsafe_code, reason = "the crate has no call for this setting of the mock cluster")]
    fn assign_at_once(&self) -> Result<(), KafkaError> {
        // SAFETY: the client is alive and owns the cluster whose handle is asked for; null is not passed on.
        unsafe {
            let cluster = rdkafka::bindings::rd_kafka_handle_mock_cluster(self.owner.client().native_ptr());
            if cluster.is_null() {
                return Err(KafkaError::MockCluster(rdkafka::types::RDKafkaErrorCode::Fail));
            }
            rdkafka::bindings::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
        }
        Ok(())
    }
}
