//! How librdkafka tells a consumer's [`Notes`] what happens. It does so on the thread, and from inside the calls, by which
//! records are received or the consumer is closed.
//!
//! A panic must not go through librdkafka, and ends the process: what is called from here does not panic.

use super::assignment;
use super::receiver::cause;
use crate::stream::notes::{Change, Notes};
use rdkafka::TopicPartitionList;
use rdkafka::bindings;
use rdkafka::client::ClientContext as _;
use rdkafka::config::{NativeClientConfig, RDKafkaLogLevel as Level};
use rdkafka::types::{RDKafka, RDKafkaRespErr, RDKafkaTopicPartitionList};
use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::slice;

/// Sets the callbacks. [`Notes`] must be the context of the client that is made with this configuration.
#[expect(
    unsafe_code,
    reason = "the crate takes events instead, with which records come one at a time"
)]
pub fn set(config: &NativeClientConfig) {
    // SAFETY: the configuration is alive, and the functions are of the types that librdkafka calls. What they are given
    // is what librdkafka says: client, text and list are alive until they return.
    unsafe {
        bindings::rd_kafka_conf_set_rebalance_cb(config.ptr(), Some(rebalance));
        bindings::rd_kafka_conf_set_error_cb(config.ptr(), Some(error));
        bindings::rd_kafka_conf_set_stats_cb(config.ptr(), Some(statistics));
        bindings::rd_kafka_conf_set_log_cb(config.ptr(), Some(log));
    }
}

/// # Safety
/// `opaque` is that of a client with this context. The crate makes it of the context, which it keeps until librdkafka has
/// destroyed the client.
#[expect(unsafe_code, reason = "librdkafka carries the context as a pointer")]
unsafe fn notes<'a>(opaque: *mut c_void) -> &'a Notes {
    // SAFETY: see above. It is only ever shared.
    unsafe { &*opaque.cast_const().cast() }
}

/// The group asks for another assignment and waits for the answer. While the consumer closes it is given here, else by
/// the worker, when this call and the one it comes from have returned: librdkafka waits for a call of assign or unassign,
/// whenever it comes.
#[expect(unsafe_code, reason = "called by librdkafka")]
unsafe extern "C" fn rebalance(
    client: *mut RDKafka,
    kind: RDKafkaRespErr,
    partitions: *mut RDKafkaTopicPartitionList,
    opaque: *mut c_void,
) {
    let revoke = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS;
    // SAFETY: see `set` and `notes`.
    unsafe {
        let notes = notes(opaque);
        if notes.is_closing() {
            let answer = if revoke {
                assignment::remove(client, partitions)
            } else {
                assignment::add(client, TopicPartitionList::new().ptr())
            };
            if let Err(error) = answer {
                tracing::debug!(%error, "while closing");
            }
            return;
        }
        let partitions = assignment::copy(partitions);
        notes.asks_for(if revoke {
            Change::Revoke(partitions)
        } else {
            Change::Assign(partitions)
        });
        wake(client, notes);
    }
}

/// Ends the wait for a record: there is something to be answered.
///
/// The batch call must not be ended: librdkafka would lose the next record of its queue.
///
/// # Safety
/// The client is alive.
#[expect(unsafe_code, reason = "the crate has no such call")]
unsafe fn wake(client: *mut RDKafka, notes: &Notes) {
    if notes.is_waiting() {
        // SAFETY: see above.
        unsafe { bindings::rd_kafka_yield(client) };
    }
}

#[expect(unsafe_code, reason = "called by librdkafka")]
unsafe extern "C" fn error(client: *mut RDKafka, code: c_int, reason: *const c_char, opaque: *mut c_void) {
    // SAFETY: see `set` and `notes`.
    unsafe {
        let notes = notes(opaque);
        let code = RDKafkaRespErr::try_from(code).unwrap_or(RDKafkaRespErr::RD_KAFKA_RESP_ERR__FAIL);
        let (code, fatal) = cause(client, code);
        notes.failed(code, fatal, text(reason).trim());
        wake(client, notes);
    }
}

#[expect(unsafe_code, reason = "called by librdkafka")]
unsafe extern "C" fn statistics(_: *mut RDKafka, json: *mut c_char, bytes: usize, opaque: *mut c_void) -> c_int {
    // SAFETY: see `set` and `notes`.
    unsafe { notes(opaque).stats_raw(slice::from_raw_parts(json.cast_const().cast(), bytes)) };
    // librdkafka frees the text.
    0
}

/// Lines wait in the queue of the consumer, so that they, too, come in order and on the one thread.
#[expect(unsafe_code, reason = "called by librdkafka")]
unsafe extern "C" fn log(client: *const RDKafka, level: c_int, facility: *const c_char, line: *const c_char) {
    // A configuration that no client was made of yet.
    if client.is_null() {
        return;
    }
    // SAFETY: see `set` and `notes`.
    unsafe {
        notes(bindings::rd_kafka_opaque(client)).log(severity(level), text(facility).trim(), text(line).trim());
    }
}

/// As the crate does it.
fn severity(level: c_int) -> Level {
    match level {
        ..=0 => Level::Emerg,
        1 => Level::Alert,
        2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 => Level::Notice,
        6 => Level::Info,
        7.. => Level::Debug,
    }
}

/// # Safety
/// The text ends with a zero byte, and is alive for as long as what is returned.
#[expect(unsafe_code, reason = "librdkafka's texts are pointers")]
unsafe fn text<'t>(text: *const c_char) -> Cow<'t, str> {
    // SAFETY: see above.
    unsafe { CStr::from_ptr(text) }.to_string_lossy()
}
