//! What the brokers let this client do.

use super::cluster::PAUSE;
use super::connection::Connection;
use super::preflight::{Finding, Severity};
use super::{ADMIN_TIMEOUT, ClientFactory, failure};
use crate::stream::raw::milliseconds;
use native::rd_kafka_admin_op_t as Question;
use rdkafka::bindings as native;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::types::RDKafkaRespErr;
use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::time::{Duration, Instant};

const NO_ERROR: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;

/// What librdkafka is told to wait for an answer: the longest that it takes. Whoever asks gives up before.
///
/// When a question to a group's coordinator runs out of its time before that broker can be reached, librdkafka (as of
/// 2.12) frees it and hands it on all the same as soon as the broker is up or the client ends, and so ends the process.
const LONGEST: Duration = Duration::from_secs(3600);

/// The rights on a topic or a group that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    pub read: bool,
    pub write: bool,
}

/// Asks for the rights on each topic; `None` where the brokers do not tell.
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
    let mut pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
    let request = |client, options, queue| {
        // SAFETY: the names outlive the call; the collection is destroyed once, and librdkafka copies it.
        unsafe {
            let collection = native::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            native::rd_kafka_DescribeTopics(client, collection, options, queue);
            native::rd_kafka_TopicCollection_destroy(collection);
        }
    };
    ask(
        client,
        Question::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        timeout,
        request,
        |answer| {
            // SAFETY: all that the answer points to lives as long as it; each list is read within the length that comes
            // with it.
            unsafe {
                let result = native::rd_kafka_event_DescribeTopics_result(answer);
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
                    if let Some(index) = texts.iter().position(|text| text.as_c_str() == name) {
                        rights[index] = told(operations, count);
                    }
                }
            }
        },
    );
    rights
}

/// Asks for the rights on a consumer group; `None` where the brokers do not tell.
///
/// # Errors
/// The group cannot be described.
#[expect(unsafe_code, reason = "the crate has no call for the rights on a group")]
fn of_group<C: ClientContext>(client: &Client<C>, group: &str, timeout: Duration) -> Result<Option<Rights>, Code> {
    let Ok(group) = CString::new(group) else {
        return Err(Code::InvalidGroupId);
    };
    let mut names = [group.as_ptr()];
    let request = |client, options, queue| {
        // SAFETY: the name outlives the call, which copies it.
        unsafe { native::rd_kafka_DescribeConsumerGroups(client, names.as_mut_ptr(), 1, options, queue) }
    };
    let mut rights = Err(Code::OperationTimedOut);
    ask(
        client,
        Question::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
        timeout,
        request,
        |answer| {
            // SAFETY: as in `of_topics`.
            rights = unsafe {
                let failed = native::rd_kafka_event_error(answer);
                let result = native::rd_kafka_event_DescribeConsumerGroups_result(answer);
                if failed != NO_ERROR || result.is_null() {
                    Err(failed.into())
                } else {
                    let mut count = 0;
                    let groups = native::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
                    if groups.is_null() || count == 0 {
                        Ok(None)
                    } else {
                        // Where all is well the error is null, whose code is that of no error.
                        match native::rd_kafka_error_code(native::rd_kafka_ConsumerGroupDescription_error(*groups)) {
                            NO_ERROR => {
                                let mut count = 0;
                                let operations = native::rd_kafka_ConsumerGroupDescription_authorized_operations(
                                    *groups, &mut count,
                                );
                                Ok(told(operations, count))
                            }
                            code => Err(code.into()),
                        }
                    }
                }
            };
        },
    );
    rights
}

/// Sends a request that asks for rights too, and hands its answer on if there is one in time.
#[expect(unsafe_code, reason = "the crate has no call for rights")]
fn ask<C: ClientContext>(
    client: &Client<C>,
    question: Question,
    timeout: Duration,
    request: impl FnOnce(*mut native::rd_kafka_t, *const native::rd_kafka_AdminOptions_t, *mut native::rd_kafka_queue_t),
    read: impl FnOnce(*mut native::rd_kafka_event_t),
) {
    // SAFETY: the client outlives the call. Every object made here is destroyed here, once, after its last use;
    // librdkafka copies the options.
    unsafe {
        let client = client.native_ptr();
        let options = native::rd_kafka_AdminOptions_new(client, question);
        native::rd_kafka_AdminOptions_set_request_timeout(options, milliseconds(LONGEST), ptr::null_mut(), 0);
        // Null where all is well, and destroying null does nothing.
        native::rd_kafka_error_destroy(native::rd_kafka_AdminOptions_set_include_authorized_operations(
            options, 1,
        ));
        let queue = native::rd_kafka_queue_new(client);
        request(client, options, queue);
        native::rd_kafka_AdminOptions_destroy(options);
        let answer = native::rd_kafka_queue_poll(queue, milliseconds(timeout));
        if !answer.is_null() {
            read(answer);
            native::rd_kafka_event_destroy(answer);
        }
        native::rd_kafka_queue_destroy(queue);
    }
}

/// The rights in a list of operations, `None` where there is no list.
///
/// # Safety
/// The list has `count` operations.
#[expect(unsafe_code, reason = "librdkafka's list")]
unsafe fn told(operations: *const native::rd_kafka_AclOperation_t, count: usize) -> Option<Rights> {
    if operations.is_null() || count == 0 {
        return None;
    }
    // SAFETY: by contract. As numbers: an operation that a newer broker adds would be no value of the enum.
    Some(Rights::of(unsafe {
        std::slice::from_raw_parts(operations.cast::<u32>(), count)
    }))
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

/// Whether the brokers let this client work in the consumer group.
pub(super) fn check_group(factory: &ClientFactory) -> Finding {
    let kafka = factory.settings();
    let (user, group) = (kafka.user(), &kafka.group_id);
    let connection = match Connection::open(factory) {
        Ok(connection) => connection,
        Err(failure) => {
            return Finding {
                severity: Severity::Warning,
                message: failure.to_string(),
            };
        }
    };
    let started = Instant::now();
    let answer = loop {
        match of_group(connection.client(), group, ADMIN_TIMEOUT) {
            // The coordinator of a cluster's first group has to be made.
            Err(code) if failure::is_unreachable(code) && started.elapsed() < ADMIN_TIMEOUT => {
                connection.read_reports(PAUSE);
            }
            answer => break answer,
        }
    };
    let (severity, message) = match answer {
        Ok(Some(rights)) if rights.read => (Severity::Ok, format!("{user} may read group {group}")),
        Ok(Some(_)) | Err(Code::GroupAuthorizationFailed) => (
            Severity::CannotWork,
            format!("{user} may not read group {group}; grant it the right READ on the group"),
        ),
        Ok(None) => (
            Severity::Warning,
            format!("the rights on group {group} are not told, so that a missing one shows later"),
        ),
        Err(code) => (
            Severity::Warning,
            format!("the rights on group {group} are not known: {code}"),
        ),
    };
    Finding { severity, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::client::DefaultClientContext;
    use rdkafka::mocking::{MockCluster, MockCoordinator};
    use rdkafka::types::RDKafkaType;

    /// librdkafka ended the process here.
    #[test]
    fn a_coordinator_that_comes_up_after_the_wait_is_no_harm() {
        let cluster = MockCluster::new(2).unwrap();
        let coordinator = 2;
        cluster
            .coordinator(MockCoordinator::Group("group".into()), coordinator)
            .unwrap();
        cluster.broker_down(coordinator).unwrap();
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        config.set("reconnect.backoff.max.ms", "100");
        let native = config.create_native_config().unwrap();
        let client = Client::new(&config, native, RDKafkaType::RD_KAFKA_PRODUCER, DefaultClientContext).unwrap();
        let asked = of_group(&client, "group", Duration::from_millis(500));
        assert_eq!(asked, Err(Code::OperationTimedOut));

        cluster.broker_up(coordinator).unwrap();
        // It takes a tenth of this to connect again.
        std::thread::park_timeout(Duration::from_secs(1));
    }

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
