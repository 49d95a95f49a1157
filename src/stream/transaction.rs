//! Kafka transactions of a producer, and what each of their errors asks for.

use super::failure::Failure;
use super::raw::milliseconds;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use rdkafka::types::RDKafka;
use rdkafka::{TopicPartitionList, bindings};
use std::ffi::CStr;
use std::marker::PhantomData;
use std::time::Duration;

/// The transactional calls of a producer. The crate's own do not let a group's metadata be looked at, and its commit
/// flushes in steps of 100 ms.
pub struct Transactions<'p> {
    client: *mut RDKafka,
    producer: PhantomData<&'p ()>,
}

/// Who commits: the consumer's membership in its group at one moment.
pub struct Membership(*mut bindings::rd_kafka_consumer_group_metadata_t);

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The same call with the same arguments.
    Retry,
    /// Abort, and make the rows again.
    Abort,
    /// A new producer, before which this one is fenced.
    Rebuild,
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub struct TransactionError {
    pub code: Code,
    pub remedy: Remedy,
    text: String,
}

impl TransactionError {
    fn of(code: Code, text: String, fatal: bool, retriable: bool, requires_abort: bool) -> TransactionError {
        let remedy = match (fatal, requires_abort, retriable) {
            (true, _, _) => Remedy::Rebuild,
            (_, true, _) => Remedy::Abort,
            (_, _, true) => Remedy::Retry,
            // The producer is not in the state that the call needs: only a new one is in a known state.
            (false, false, false) => Remedy::Rebuild,
        };
        TransactionError { code, remedy, text }
    }

    /// What the worker has to do where the call is not tried again.
    pub fn failure(&self, doing: &str) -> Failure {
        let message = format!("cannot {doing}: {self}");
        match (Failure::of_code(Some(self.code), message), self.remedy) {
            (refused @ (Failure::Refused(_) | Failure::Denied(_)), _) => refused,
            (other, Remedy::Abort) => Failure::Abort(Box::new(other)),
            (other, Remedy::Retry) => other,
            (other, Remedy::Rebuild) => Failure::Rebuild(other.to_string()),
        }
    }
}

type Result<T> = std::result::Result<T, TransactionError>;

#[expect(unsafe_code, reason = "see the type")]
impl<'p> Transactions<'p> {
    pub fn of<C: ProducerContext>(producer: &'p BaseProducer<C>) -> Transactions<'p> {
        Transactions {
            client: producer.client().native_ptr(),
            producer: PhantomData,
        }
    }

    /// Fences the producer that had this transactional id before, and ends what it left open.
    pub fn init(&self, time: Duration) -> Result<()> {
        // SAFETY: the client lives as long as `producer` is borrowed; this holds for all calls here.
        outcome(unsafe { bindings::rd_kafka_init_transactions(self.client, milliseconds(time)) })
    }

    pub fn begin(&self) -> Result<()> {
        // SAFETY: see `init`.
        outcome(unsafe { bindings::rd_kafka_begin_transaction(self.client) })
    }

    /// Puts the group's offsets into the transaction.
    pub fn send_offsets(&self, offsets: &TopicPartitionList, member: &Membership, time: Duration) -> Result<()> {
        // SAFETY: see `init`; offsets and metadata are copied by the call.
        outcome(unsafe {
            bindings::rd_kafka_send_offsets_to_transaction(self.client, offsets.ptr(), member.0, milliseconds(time))
        })
    }

    /// Needs every record acknowledged before, and its delivery report served.
    pub fn commit(&self, time: Duration) -> Result<()> {
        // SAFETY: see `init`.
        outcome(unsafe { bindings::rd_kafka_commit_transaction(self.client, milliseconds(time)) })
    }

    /// Purges what is queued. Its delivery reports have to be served, and the call be made again, until it succeeds.
    pub fn abort(&self, time: Duration) -> Result<()> {
        // SAFETY: see `init`.
        outcome(unsafe { bindings::rd_kafka_abort_transaction(self.client, milliseconds(time)) })
    }
}

#[expect(unsafe_code, reason = "the crate does not show what the metadata holds")]
impl Membership {
    /// The membership that this consumer has now; `None` where it has none. Without a member id and a generation the
    /// broker could not tell a member from one that was put out of the group, and would take the offsets of both.
    pub fn of<C: ClientContext>(consumer: &Client<C>) -> Option<Membership> {
        // SAFETY: the consumer is alive; the metadata is destroyed when this is dropped; the member id is read while
        // it lives.
        unsafe {
            let metadata = bindings::rd_kafka_consumer_group_metadata(consumer.native_ptr());
            if metadata.is_null() {
                return None;
            }
            let membership = Membership(metadata);
            let member = bindings::rd_kafka_consumer_group_metadata_member_id(metadata);
            let known = !member.is_null() && !CStr::from_ptr(member).is_empty();
            (known && bindings::rd_kafka_consumer_group_metadata_generation_id(metadata) >= 0).then_some(membership)
        }
    }
}

#[expect(unsafe_code, reason = "as above")]
impl Drop for Membership {
    fn drop(&mut self) {
        // SAFETY: made by `of`, and dropped once.
        unsafe { bindings::rd_kafka_consumer_group_metadata_destroy(self.0) };
    }
}

/// Reads an error, and frees it.
#[expect(unsafe_code, reason = "the crate makes its error type of no pointer but its own")]
fn outcome(error: *mut bindings::rd_kafka_error_t) -> Result<()> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: not null, and owned by the caller of the calls above; the text is copied before it is freed.
    unsafe {
        let found = TransactionError::of(
            bindings::rd_kafka_error_code(error).into(),
            CStr::from_ptr(bindings::rd_kafka_error_string(error))
                .to_string_lossy()
                .into_owned(),
            bindings::rd_kafka_error_is_fatal(error) != 0,
            bindings::rd_kafka_error_is_retriable(error) != 0,
            bindings::rd_kafka_error_txn_requires_abort(error) != 0,
        );
        bindings::rd_kafka_error_destroy(error);
        Err(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_combination_of_flags_has_its_remedy() {
        let remedy =
            |fatal, retriable, abort| TransactionError::of(Code::Fail, String::new(), fatal, retriable, abort).remedy;
        assert_eq!(remedy(true, false, false), Remedy::Rebuild);
        assert_eq!(remedy(true, true, true), Remedy::Rebuild);
        assert_eq!(remedy(false, false, true), Remedy::Abort);
        assert_eq!(remedy(false, true, true), Remedy::Abort);
        assert_eq!(remedy(false, true, false), Remedy::Retry);
        assert_eq!(remedy(false, false, false), Remedy::Rebuild);
    }

    #[test]
    fn rights_that_are_missing_outweigh_every_flag() {
        let denied = TransactionError::of(
            Code::TransactionalIdAuthorizationFailed,
            "no".into(),
            true,
            false,
            false,
        );
        assert!(matches!(denied.failure("begin"), Failure::Denied(message) if message == "cannot begin: no"));
        let fenced = TransactionError::of(Code::ProducerFenced, "fenced".into(), true, false, false);
        assert!(matches!(fenced.failure("commit"), Failure::Rebuild(_)));
        let generation = TransactionError::of(Code::IllegalGeneration, "old".into(), false, false, true);
        assert!(matches!(generation.failure("commit"), Failure::Abort(_)));
        let slow = TransactionError::of(Code::OperationTimedOut, "slow".into(), false, true, false);
        assert!(matches!(slow.failure("commit"), Failure::Unreachable(_)));
    }
}
