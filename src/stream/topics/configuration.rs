//! A topic's configuration.

use super::{ADMIN_TIMEOUT, ClientFactory, Failure, Limits};
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;

/// The part of a topic's configuration that matters here.
pub(super) struct Configuration {
    pub(super) limits: Limits,
    pub(super) cleanup_policy: String,
    pub(super) min_insync_replicas: i32,
}

impl Default for Configuration {
    fn default() -> Self {
        Configuration {
            limits: Limits::default(),
            cleanup_policy: "delete".into(),
            min_insync_replicas: 1,
        }
    }
}

impl Configuration {
    /// Reads the settings by name; what is absent or unreadable has Kafka's default.
    fn from_settings<'s>(setting: impl Fn(&str) -> Option<&'s str>) -> Configuration {
        let number = |name: &str| setting(name).and_then(|value| value.parse::<i64>().ok());
        // Before Kafka 3.6 one setting bounded both directions.
        let either = number("message.timestamp.difference.max.ms");
        let defaults = Configuration::default();
        let cleanup_policy = setting("cleanup.policy").map_or(defaults.cleanup_policy, str::to_owned);
        let limits = Limits {
            compacted: cleanup_policy.split(',').any(|policy| policy.trim() == "compact"),
            max_message_bytes: number("max.message.bytes")
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(defaults.limits.max_message_bytes),
            uncompressed: setting("compression.type") == Some("uncompressed"),
            log_append_time: setting("message.timestamp.type") == Some("LogAppendTime"),
            timestamp_before_max_ms: number("message.timestamp.before.max.ms")
                .or(either)
                .unwrap_or(defaults.limits.timestamp_before_max_ms),
            timestamp_after_max_ms: number("message.timestamp.after.max.ms")
                .or(either)
                .unwrap_or(defaults.limits.timestamp_after_max_ms),
        };
        Configuration {
            limits,
            cleanup_policy,
            min_insync_replicas: number("min.insync.replicas")
                .and_then(|replicas| i32::try_from(replicas).ok())
                .unwrap_or(defaults.min_insync_replicas),
        }
    }

    fn of(resource: &ConfigResource) -> Configuration {
        Configuration::from_settings(|name| resource.get(name).and_then(|entry| entry.value.as_deref()))
    }
}

/// The configuration of each topic, `None` where the brokers do not tell it, or `None` at all where they do not
/// serve the request.
pub(super) fn configurations(factory: &ClientFactory, names: &[&str]) -> Option<Vec<Option<Configuration>>> {
    let resources: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().request_timeout(Some(ADMIN_TIMEOUT));
    let answer = match admin(factory) {
        Ok(admin) => {
            let answer = block_on(admin.describe_configs(&resources, &options)).map_err(|error| error.to_string());
            // Its end waits for a thread that looks up every 100 ms: a start need not.
            let _ = std::thread::Builder::new().spawn(|| drop(admin));
            answer
        }
        Err(failure) => Err(failure.to_string()),
    };
    let answers = match answer {
        Ok(answers) => answers,
        Err(error) => {
            tracing::info!("the topics' configuration cannot be read, Kafka's defaults are assumed: {error}");
            return None;
        }
    };
    let mut configurations: Vec<Option<Configuration>> = Vec::with_capacity(names.len());
    for (name, answer) in names.iter().zip(answers) {
        configurations.push(match answer {
            // The crate passes over a topic's own error, such as a missing right: nothing is told then.
            Ok(resource) if !resource.entries.is_empty() => Some(Configuration::of(&resource)),
            Ok(_) => None,
            Err(code) => {
                tracing::info!("topic {name}: its configuration cannot be read, Kafka's defaults are assumed: {code}");
                None
            }
        });
    }
    configurations.resize_with(names.len(), || None);
    Some(configurations)
}

pub(super) fn admin(factory: &ClientFactory) -> Result<AdminClient<DefaultClientContext>, Failure> {
    factory
        .admin()
        .create()
        .map_err(|error| Failure::of("cannot make an admin client", &error))
}

/// Waits for an answer of the admin client, which has a thread of its own and needs nothing of a runtime.
pub(super) fn block_on<T>(answer: impl Future<Output = Result<T, KafkaError>>) -> Result<T, KafkaError> {
    match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime.block_on(answer),
        Err(error) => Err(KafkaError::AdminOpCreation(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &'static str)]) -> Configuration {
        Configuration::from_settings(|name| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| *value))
    }

    #[test]
    fn a_configuration_is_read_by_name() {
        let read = read(&[
            ("cleanup.policy", "compact,delete"),
            ("max.message.bytes", "2000000"),
            ("compression.type", "uncompressed"),
            ("message.timestamp.type", "LogAppendTime"),
            ("message.timestamp.before.max.ms", "9223372036854775807"),
            ("message.timestamp.after.max.ms", "1000"),
            ("min.insync.replicas", "2"),
        ]);
        assert_eq!(
            read.limits,
            Limits {
                compacted: true,
                max_message_bytes: 2_000_000,
                uncompressed: true,
                log_append_time: true,
                timestamp_before_max_ms: i64::MAX,
                timestamp_after_max_ms: 1000,
            }
        );
        assert_eq!(read.cleanup_policy, "compact,delete");
        assert_eq!(read.min_insync_replicas, 2);
    }

    #[test]
    fn what_is_not_told_has_kafkas_defaults() {
        assert_eq!(read(&[]).limits, Limits::default());
        assert_eq!(read(&[("max.message.bytes", "many")]).limits, Limits::default());
        let old = read(&[("message.timestamp.difference.max.ms", "5000")]).limits;
        assert_eq!((old.timestamp_before_max_ms, old.timestamp_after_max_ms), (5000, 5000));
    }
}
