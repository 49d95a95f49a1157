//! A client that can say why it is not connected.

use super::{ClientFactory, Failure, failure};
use crate::stream::raw::milliseconds;
use rdkafka::bindings as native;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaType;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A client for questions, whose reports of what goes wrong are read; those of the crate's admin client are not.
pub(super) struct Connection {
    client: Client<Reasons>,
}

/// Why there is no connection.
pub(super) struct Cause {
    pub(super) code: Code,
    pub(super) message: String,
    /// What the user can do about it.
    pub(super) mend: &'static str,
}

impl Connection {
    #[expect(unsafe_code, reason = "the crate takes no callback for certificates")]
    pub(super) fn open(factory: &ClientFactory) -> Result<Connection, Failure> {
        let config = factory.admin();
        let open = || {
            let native_config = config.create_native_config()?;
            // SAFETY: the configuration is alive, and becomes the client's.
            unsafe {
                let conf = native_config.ptr();
                native::rd_kafka_conf_set_events(conf, native::RD_KAFKA_EVENT_ERROR);
                // Refused where librdkafka is built without TLS, and then not needed.
                native::rd_kafka_conf_set_ssl_cert_verify_cb(conf, Some(note_verdict));
            }
            Client::new(
                &config,
                native_config,
                RDKafkaType::RD_KAFKA_CONSUMER,
                Reasons::default(),
            )
        };
        let client = open().map_err(|error| Failure::Refused(unusable(&error)))?;
        Ok(Connection { client })
    }

    pub(super) fn client(&self) -> &Client<Reasons> {
        &self.client
    }

    /// Reads reports for this long; with zero, those that are there.
    #[expect(
        unsafe_code,
        reason = "the crate reads the reports of its consumers and producers only"
    )]
    pub(super) fn read_reports(&self, duration: Duration) {
        let end = Instant::now() + duration;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // SAFETY: the client is alive; queue and event are destroyed here, and texts are read before.
            unsafe {
                let queue = native::rd_kafka_queue_get_main(self.client.native_ptr());
                let event = native::rd_kafka_queue_poll(queue, milliseconds(left));
                native::rd_kafka_queue_destroy(queue);
                if event.is_null() {
                    if left.is_zero() {
                        return;
                    }
                    continue;
                }
                let text = |text: *const c_char| CStr::from_ptr(text).to_string_lossy();
                match native::rd_kafka_event_type(event) {
                    native::RD_KAFKA_EVENT_ERROR => {
                        let error = KafkaError::Global(native::rd_kafka_event_error(event).into());
                        let reason = text(native::rd_kafka_event_error_string(event));
                        self.client.context().error(error, &reason);
                    }
                    native::RD_KAFKA_EVENT_LOG => {
                        let (mut facility, mut message, mut level) = (ptr::null(), ptr::null(), 0);
                        if native::rd_kafka_event_log(event, &mut facility, &mut message, &mut level) == 0 {
                            self.client
                                .context()
                                .log(log_level(level), &text(facility), &text(message));
                        }
                    }
                    _ => {}
                }
                native::rd_kafka_event_destroy(event);
            }
        }
    }

    /// Why it is not connected, as far as librdkafka has told.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.read_reports(Duration::ZERO);
        self.client.context().cause()
    }
}

/// The syslog levels.
fn log_level(level: c_int) -> RDKafkaLogLevel {
    match level {
        ..=3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 | 6 => RDKafkaLogLevel::Info,
        _ => RDKafkaLogLevel::Debug,
    }
}

/// What librdkafka says where it cannot make a client is the last of a chain of OpenSSL's errors, which names the
/// property and seldom the cause.
fn unusable(error: &KafkaError) -> String {
    let message = failure::describe(error);
    let mend = if message.contains("ssl.key") {
        "; can the file be read, is it the key of the certificate, and does ssl.key.password open it?"
    } else if message.contains("ssl.ca.") || message.contains("ssl.certificate.") {
        "; can the file be read, and does it hold certificates in PEM?"
    } else {
        ""
    };
    format!("cannot make a client: {message}{mend}")
}

/// OpenSSL's verdict on a certificate stands. It is kept, because librdkafka tells only that there was one.
#[expect(unsafe_code, reason = "librdkafka calls it")]
unsafe extern "C" fn note_verdict(
    _client: *mut native::rd_kafka_t,
    _broker: *const c_char,
    _broker_id: i32,
    verdict: *mut c_int,
    _depth: c_int,
    _certificate: *const c_char,
    _certificate_bytes: usize,
    _error: *mut c_char,
    _error_bytes: usize,
    reasons: *mut c_void,
) -> c_int {
    // SAFETY: librdkafka passes a verdict, and the client's opaque, which is its context.
    let (verdict, reasons) = unsafe { (*verdict, &*reasons.cast::<Reasons>()) };
    let trusted = verdict == 0;
    if !trusted {
        reasons.lock().verdict = verdict;
    }
    c_int::from(trusted)
}

/// Keeps what librdkafka told about not being connected.
#[derive(Debug, Default)]
pub(super) struct Reasons(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// The last error.
    error: Option<(Code, String)>,
    /// The last failure of a connection; some are only logged.
    failure: Option<String>,
    /// OpenSSL's, on the last certificate that was not trusted.
    verdict: c_int,
}

impl Reasons {
    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cause(&self) -> Option<Cause> {
        let told = self.lock();
        let (code, message) = match (&told.error, &told.failure) {
            // "All brokers are down" says less than the failure before it.
            (None | Some((Code::AllBrokersDown, _)), Some(failure)) => (Code::BrokerTransportFailure, failure.clone()),
            (error, _) => error.clone()?,
        };
        if code == Code::SSL && message.contains("certificate verify failed") {
            let (cause, mend) = untrusted(told.verdict);
            return Some(Cause {
                code,
                message: format!("the certificate of the broker is not trusted: {cause}"),
                mend,
            });
        }
        let mend = match code {
            Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
                "check the sasl.* properties in [kafka.common]"
            }
            _ if message.contains("SSL alert number") => {
                "the broker demands a certificate or does not trust this one: check ssl.certificate.location and \
                 ssl.key.location in [kafka.common]"
            }
            Code::SSL => "check security.protocol and the ssl.* properties in [kafka.common]",
            Code::Resolve => "check the host names in kafka.bootstrap_servers",
            _ => "check kafka.bootstrap_servers, and security.protocol in [kafka.common]",
        };
        Some(Cause { code, message, mend })
    }
}

/// Cause and mend for a verdict, one of OpenSSL's X509_V_ERR numbers.
fn untrusted(verdict: c_int) -> (String, &'static str) {
    let (cause, mend) = match verdict {
        9 => ("it is not valid yet", "check the clocks"),
        10 => ("it has expired", "renew it, or check the clock here"),
        18..=21 => (
            "no authority that is trusted here has signed it",
            "check ssl.ca.location in [kafka.common]",
        ),
        23 => ("it was revoked", "renew it"),
        62 | 64 => (
            "it is for another host",
            "check the host names in kafka.bootstrap_servers and those that the brokers advertise",
        ),
        other => {
            let cause = format!("OpenSSL's verification error {other}");
            return (cause, "look the number up among OpenSSL's X509_V_ERR");
        }
    };
    (cause.to_owned(), mend)
}

impl ClientContext for Reasons {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What is wrong with the connection is said by whoever waits for it, once.
        if matches!(facility, "FAIL" | "SSLCERTVRFY") {
            if facility == "FAIL" {
                let without_thread = message.split_once("]: ").map_or(message, |(_, rest)| rest);
                self.lock().failure = Some(without_thread.to_owned());
            }
            tracing::debug!(target: "librdkafka", client = "admin", facility, "{message}");
        } else {
            crate::stream::log::forward("admin", level, facility, message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "admin");
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        let told = &mut *self.lock();
        if code != Code::AllBrokersDown || told.error.is_none() {
            told.error = Some((code, reason.to_owned()));
        }
    }
}
