//! What the brokers let this client do.

use super::cluster::{PAUSE, STEP};
use super::preflight::{Finding, Severity};
use super::{ADMIN_TIMEOUT, ClientFactory, failure};
use rdkafka::TopicPartitionList;
use rdkafka::bindings as native;
use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::ffi::{CStr, CString};
use std::ptr;
use std::time::{Duration, Instant};

/// The rights on a topic that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    pub read: bool,
    pub write: bool,
}

/// Asks for the rights on each topic; `None` where the brokers do not tell.
///
/// The crate has no call for this, so librdkafka's own is used.
#[expect(unsafe_code, reason = "the crate has no call for the rights on a topic")]
pub fn of_topics<C: ClientContext>(client: &Client<C>, names: &[&str], timeout: Duration) -> Vec<Option<Rights>> {
    let mut rights = vec![None; names.len()];
    let Ok(texts) = names
        .iter()
        .map(|name| CString::new(*name))
        .collect::<Result<Vec<CString>, _>>()
    else {
        return rights;
    };
    let mut pointers: Vec<*const std::ffi::c_char> = texts.iter().map(|text| text.as_ptr()).collect();
    let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client outlives the call. Every object made here is destroyed here, once, after its last use;
    // librdkafka copies the names and the options. The result and all it points to belong to the event and are
    // read before the event is destroyed; each list is read within the length that comes with it.
    unsafe {
        let client = client.native_ptr();
        let operation = native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = native::rd_kafka_AdminOptions_new(client, operation);
        native::rd_kafka_AdminOptions_set_request_timeout(options, timeout, ptr::null_mut(), 0);
        // Null where all is well, and destroying null does nothing.
        native::rd_kafka_error_destroy(native::rd_kafka_AdminOptions_set_include_authorized_operations(
            options, 1,
        ));
        let collection = native::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let queue = native::rd_kafka_queue_new(client);
        native::rd_kafka_DescribeTopics(client, collection, options, queue);
        native::rd_kafka_TopicCollection_destroy(collection);
        native::rd_kafka_AdminOptions_destroy(options);
        let event = native::rd_kafka_queue_poll(queue, timeout);
        if !event.is_null() {
            let result = native::rd_kafka_event_DescribeTopics_result(event);
            let mut count = 0;
            let topics = if result.is_null() {
                ptr::null_mut()
            } else {
                native::rd_kafka_DescribeTopics_result_topics(result, &mut count)
            };
            for position in 0..if topics.is_null() { 0 } else { count } {
                let topic = *topics.add(position);
                let name = CStr::from_ptr(native::rd_kafka_TopicDescription_name(topic));
                let mut count = 0;
                let operations = native::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
                let Some(index) = texts.iter().position(|text| text.as_c_str() == name) else {
                    continue;
                };
                if !operations.is_null() && count > 0 {
                    // As numbers: an operation that a newer broker adds would be no value of the enum.
                    let codes = std::slice::from_raw_parts(operations.cast::<u32>(), count);
                    rights[index] = Some(Rights::of(codes));
                }
            }
            native::rd_kafka_event_destroy(event);
        }
        native::rd_kafka_queue_destroy(queue);
    }
    rights
}

impl Rights {
    fn of(operations: &[u32]) -> Rights {
        use native::rd_kafka_AclOperation_t as Operation;
        let may = |operation: Operation| {
            operations.contains(&(operation as u32))
                || operations.contains(&(Operation::RD_KAFKA_ACL_OPERATION_ALL as u32))
        };
        Rights {
            read: may(Operation::RD_KAFKA_ACL_OPERATION_READ),
            write: may(Operation::RD_KAFKA_ACL_OPERATION_WRITE),
        }
    }
}

impl std::fmt::Display for Rights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match (self.read, self.write) {
            (true, true) => "read, write",
            (true, false) => "read",
            (false, true) => "write",
            (false, false) => "neither",
        })
    }
}

/// Whether the brokers let this client work in the consumer group, as far as can be found out without joining.
pub fn check_group(factory: &ClientFactory) -> Finding {
    let kafka = factory.settings();
    let finding = |severity, message| Finding { severity, message };
    let committed = || -> Result<(), KafkaError> {
        let consumer: BaseConsumer = factory.reader().set("group.id", &kafka.group_id).create()?;
        let started = Instant::now();
        loop {
            let mut partition = TopicPartitionList::new();
            partition.add_partition(&kafka.input_topic, 0);
            let answer = consumer.committed_offsets(partition, STEP);
            let answer = answer.and_then(|answer| answer.elements().iter().try_for_each(|element| element.error()));
            // The call times out where the right is missing; the cause is among the events.
            while let Some(event) = consumer.poll(PAUSE) {
                event.map(|_| ()).or_else(|error| match error.rdkafka_error_code() {
                    Some(Code::GroupAuthorizationFailed) => Err(error),
                    _ => Ok(()),
                })?;
            }
            match answer {
                // The coordinator of a cluster's first group has to be made.
                Err(error)
                    if error.rdkafka_error_code().is_some_and(failure::is_unreachable)
                        && started.elapsed() < ADMIN_TIMEOUT => {}
                answer => return answer,
            }
        }
    };
    match committed() {
        Ok(()) => finding(
            Severity::Ok,
            format!("this user may see the offsets of group {}", kafka.group_id),
        ),
        Err(error) if error.rdkafka_error_code() == Some(Code::GroupAuthorizationFailed) => finding(
            Severity::CannotWork,
            format!(
                "this user may not use the consumer group {}; grant it the right READ on the group",
                kafka.group_id
            ),
        ),
        Err(error) => finding(
            Severity::Warning,
            format!("the offsets of group {} cannot be read: {error}", kafka.group_id),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_means_each() {
        assert_eq!(
            Rights::of(&[3, 8]),
            Rights {
                read: true,
                write: false
            }
        );
        assert_eq!(
            Rights::of(&[4, 99]),
            Rights {
                read: false,
                write: true
            }
        );
        assert_eq!(
            Rights::of(&[2]),
            Rights {
                read: true,
                write: true
            }
        );
    }
}
