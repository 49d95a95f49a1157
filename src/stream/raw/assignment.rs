//! Answers to the changes of a consumer's partitions.

use rdkafka::TopicPartitionList;
use rdkafka::bindings;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::types::{RDKafka, RDKafkaRespErr, RDKafkaTopicPartitionList};
use std::ffi::CStr;
use std::{ptr, slice};

/// Takes partitions that were assigned.
///
/// # Safety
/// Client and list are alive.
#[expect(unsafe_code, reason = "the crate does it for consumers of its own only")]
pub unsafe fn add(client: *mut RDKafka, partitions: *const RDKafkaTopicPartitionList) -> Result<(), Code> {
    // SAFETY: see above; the list is copied.
    unsafe {
        if is_cooperative(client) {
            outcome(bindings::rd_kafka_incremental_assign(client, partitions))
        } else {
            result(bindings::rd_kafka_assign(client, partitions))
        }
    }
}

/// Gives partitions back that were revoked: with an eager assignor all of them.
///
/// # Safety
/// Client and list are alive.
#[expect(unsafe_code, reason = "as above")]
pub unsafe fn remove(client: *mut RDKafka, partitions: *const RDKafkaTopicPartitionList) -> Result<(), Code> {
    // SAFETY: see above; the list is copied.
    unsafe {
        if is_cooperative(client) {
            outcome(bindings::rd_kafka_incremental_unassign(client, partitions))
        } else {
            result(bindings::rd_kafka_assign(client, ptr::null()))
        }
    }
}

/// # Safety
/// The client is alive.
#[expect(unsafe_code, reason = "as above")]
unsafe fn is_cooperative(client: *mut RDKafka) -> bool {
    // SAFETY: see above; the name is a constant of librdkafka.
    unsafe {
        let protocol = bindings::rd_kafka_rebalance_protocol(client);
        !protocol.is_null() && CStr::from_ptr(protocol) == c"COOPERATIVE"
    }
}

/// The topics and partitions of a list.
///
/// # Safety
/// The list is alive.
#[expect(unsafe_code, reason = "the crate makes its lists of no pointer but its own")]
pub unsafe fn copy(list: *const RDKafkaTopicPartitionList) -> TopicPartitionList {
    let mut copy = TopicPartitionList::new();
    // SAFETY: see above; a list has `cnt` elements, each with a topic.
    unsafe {
        let Some(list) = list.as_ref().filter(|list| list.cnt > 0) else {
            return copy;
        };
        for element in slice::from_raw_parts(list.elems, list.cnt as usize) {
            copy.add_partition(&CStr::from_ptr(element.topic).to_string_lossy(), element.partition);
        }
    }
    copy
}

pub fn result(code: RDKafkaRespErr) -> Result<(), Code> {
    match code {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(code.into()),
    }
}

/// Reads an error and frees it.
///
/// # Safety
/// The error is null, or belongs to the caller, who does not use it again.
#[expect(unsafe_code, reason = "the crate makes its error type of no pointer but its own")]
pub unsafe fn outcome(error: *mut bindings::rd_kafka_error_t) -> Result<(), Code> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: see above.
    unsafe {
        let code = bindings::rd_kafka_error_code(error);
        bindings::rd_kafka_error_destroy(error);
        Err(code.into())
    }
}
