//! What an error of Kafka means for the worker that meets it.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// Why a worker stopped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A new worker, which reads from the last commit, may do better.
    #[error("{0}")]
    Rebuild(String),
    /// The same, and the cause is that no broker could be reached, which may take as long as it takes.
    #[error("{0}")]
    Unreachable(String),
    /// The transaction has to be aborted, and its rows read and scored again; what it would be without a transaction.
    /// Only with exactly once.
    #[error("{0}")]
    Abort(Box<Failure>),
    /// The brokers do not grant a right, which may be a change of rights under way.
    #[error("{0}")]
    Denied(String),
    /// No new worker would do better: the brokers refuse, or the setup cannot work.
    #[error("{0}")]
    Refused(String),
    /// The model failed on rows that were encoded for it.
    #[error("{0}")]
    Model(String),
}

impl Failure {
    /// Judges an error that the worker cannot pass over. `context` says what was being done.
    pub fn of(context: &str, error: &KafkaError) -> Failure {
        let message = format!("{context}: {}", describe(error));
        match error {
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) | KafkaError::Subscription(_) => {
                Failure::Refused(message)
            }
            _ => Failure::of_code(error.rdkafka_error_code(), message),
        }
    }

    /// What it is where there is no transaction to abort.
    pub fn without_transaction(self) -> Failure {
        match self {
            Failure::Abort(cause) => *cause,
            other => other,
        }
    }

    pub fn of_code(code: Option<Code>, message: String) -> Failure {
        match code {
            Some(code) if is_denial(code) => Failure::Denied(message),
            Some(code) if is_refusal(code) => Failure::Refused(message),
            Some(code) if is_unreachable(code) => Failure::Unreachable(message),
            _ => Failure::Rebuild(message),
        }
    }
}

/// The error in words. The crate's own show the value of a property, which can be a secret.
pub fn describe(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, problem, property, _) => format!("{property}: {problem}"),
        other => other.to_string(),
    }
}

/// Rights that are missing.
pub fn is_denial(code: Code) -> bool {
    matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
    )
}

/// No retry changes these, such as a topic whose records do not fit.
pub fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::UnsupportedSASLMechanism
            | Code::MessageSizeTooLarge
            | Code::InvalidTimestamp
            | Code::InvalidRecord
            | Code::PolicyViolation
            | Code::AutoOffsetReset
            | Code::BadMessage
            | Code::BadCompression
    )
}

pub fn is_unreachable(code: Code) -> bool {
    matches!(
        code,
        Code::AllBrokersDown
            // Credentials were good when the service started, and are waited for to be good again.
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::BrokerTransportFailure
            | Code::Resolve
            | Code::MessageTimedOut
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator
            | Code::WaitingForCoordinator
    )
}

/// Topics that are not there, or not yet known to the broker that was asked.
pub fn is_missing_topic(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition
    )
}
