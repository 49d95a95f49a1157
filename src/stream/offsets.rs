//! Where partitions begin and end.

use super::Failure;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A step of the wait for a leader.
const STEP: Duration = Duration::from_millis(100);
const METADATA: Duration = Duration::from_secs(5);

/// The first and the next offset of every partition. Right after a topic's creation, or when its broker fails, a
/// partition may have no leader: that is waited for.
///
/// # Errors
/// There is no answer within `patience`.
pub fn watermarks(
    consumer: &BaseConsumer<impl ConsumerContext>,
    topic: &str,
    partitions: i32,
    patience: Duration,
) -> Result<Vec<Range<i64>>, Failure> {
    let deadline = Instant::now() + patience;
    let watermarks = |partition| loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match consumer.fetch_watermarks(topic, partition, left.max(STEP)) {
            Ok((low, high)) => return Ok(low..high),
            Err(error) if is_passing(error.rdkafka_error_code()) && !left.is_zero() => {
                // Nothing is assigned yet: this only lets librdkafka's events through.
                let _ = consumer.poll(STEP);
                // A client that reads nothing does not look by itself where a partition has gone.
                let _ = consumer.fetch_metadata(Some(topic), left.clamp(STEP, METADATA));
            }
            Err(error) => {
                let context = format!("cannot ask for the offsets of {topic}, partition {partition}");
                return Err(Failure::of(&context, &error));
            }
        }
    };
    (0..partitions).map(watermarks).collect()
}

fn is_passing(code: Option<Code>) -> bool {
    matches!(
        code,
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::BrokerTransportFailure
                | Code::DestroyBroker
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::UnknownPartition
                | Code::UnknownTopicOrPartition
        )
    )
}
