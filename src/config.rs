//! Every setting of the service, typed and documented in one place. Nothing else reads the environment.
//!
//! A setting comes from a flag, else the environment, else the file, else its default. In the environment
//! `kafka.group_id` is `SCORER_KAFKA__GROUP_ID`; names with the prefix but without the double underscore are
//! somebody else's (Kubernetes makes such for every Service) and are not read.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod bytes;
mod properties;

pub use properties::Properties;

const PREFIX: &str = "SCORER";

/// `transaction.timeout.ms`, where it is not set: readers of committed records wait this long for a worker that crashed.
pub const TRANSACTION_TIMEOUT_MS: u64 = 15_000;

/// Declares the sections with the documentation and default of each setting next to its type.
macro_rules! settings {
    ($($(#[doc = $section_doc:literal])* $section:ident: $Section:ident {
        $($(#[doc = $doc:literal])* $(#[serde($serde:meta)])? $field:ident: $type:ty = $default:expr;)*
    })*) => {
        /// All settings.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Config { $($(#[doc = $section_doc])* pub $section: $Section,)* }

        $(
            $(#[doc = $section_doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde(default)]
            pub struct $Section { $($(#[doc = $doc])* $(#[serde($serde)])? pub $field: $type,)* }

            impl Default for $Section {
                fn default() -> Self { Self { $($field: $default,)* } }
            }
        )*

        /// Name and documentation of every setting, in the order of the configuration table.
        const DOCS: &[(&str, &str, &str)] = &[$($((stringify!($section), stringify!($field), concat!($($doc),*)),)*)*];
    };
}

settings! {
    /// The Kafka cluster, its topics and the consumer group.
    kafka: Kafka {
        /// Brokers to connect to first, `host:port` separated by commas.
        bootstrap_servers: String = "localhost:9092".into();
        /// Consumer group that all instances share.
        group_id: String = "flight-delay-scorer".into();
        /// Topic of the flight records.
        input_topic: String = "AirlineInputTopic".into();
        /// Topic of the predictions.
        output_topic: String = "AirlineOutputTopic".into();
        /// Topic of the records that cannot be scored.
        dead_letter_topic: String = "AirlineDeadLetterTopic".into();
        /// How long the first connection to a broker, and topics that are not there yet, are waited for.
        #[serde(with = "humantime_serde")]
        startup_timeout: Duration = Duration::from_secs(60);
        /// librdkafka properties of every client, such as `security.protocol` or `sasl.username`.
        common: Properties = Properties::default();
        /// librdkafka properties of the consumers.
        consumer: Properties = Properties::default();
        /// librdkafka properties of the producers.
        producer: Properties = Properties::default();
    }
    /// The model.
    model: Model {
        /// ONNX file to serve; empty serves the one in the binary, `airline-gbm`.
        path: PathBuf = PathBuf::new();
        /// ONNX file of a second model that scores the same rows in the shadow and publishes nothing; empty for none.
        challenger: PathBuf = PathBuf::new();
    }
    /// How good the predictions are, and whether the flights have changed since the model was trained.
    monitoring: Monitoring {
        /// Whether quality, drift and a challenger are watched.
        enabled: bool = true;
        /// How far back the sliding window of quality and drift reaches.
        #[serde(with = "humantime_serde")]
        window: Duration = Duration::from_secs(3600);
    }
    /// What is written to the output topic.
    output: Output {
        /// `json`, `csv` (label and probabilities) or `text` (the line of the original demo).
        format: crate::output::Format = crate::output::Format::Json;
    }
    /// What is promised of a record, and when input offsets move.
    delivery: Delivery {
        /// `at_least_once`, or `exactly_once`: predictions, dead letters and offsets in one Kafka transaction.
        guarantee: Guarantee = Guarantee::AtLeastOnce;
        /// Longest time between two checkpoints, after a crash at most this much is scored again; unset it is 5s, with `exactly_once` 100ms.
        #[serde(with = "humantime_serde::option")]
        checkpoint_interval: Option<Duration> = None;
    }
    /// The threads that consume, score and produce.
    workers: Workers {
        /// Number of workers in this process, each with a consumer and a producer of its own.
        count: usize = 1;
    }
    /// What the process may use.
    memory: Memory {
        /// Memory to stay within, such as `256MiB`: the queues are sized for it. Empty takes the limit of the cgroup, and 512 MiB where there is none.
        #[serde(with = "bytes")]
        limit: Option<u64> = None;
    }
    /// Health, metrics and status over HTTP.
    http: Http {
        /// Address and port to listen on.
        listen: SocketAddr = SocketAddr::from(([0, 0, 0, 0], 8080));
    }
    /// How the service stops.
    shutdown: Shutdown {
        /// Time for the last checkpoint after SIGTERM or SIGINT; `docker stop` kills after 10 s.
        #[serde(with = "humantime_serde")]
        grace: Duration = Duration::from_secs(8);
    }
    /// Logs, on standard error.
    log: Log {
        /// Level, or directives such as `info,librdkafka=debug`.
        filter: String = "info".into();
        /// `human` or `json`.
        format: LogFormat = LogFormat::Human;
        /// Prints every Nth scored row of a worker to standard output as the original demo did; 0 prints none.
        sample_every: u64 = 0;
    }
}

/// How often a record can have an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarantee {
    AtLeastOnce,
    ExactlyOnce,
}

impl Delivery {
    /// The longest time between two checkpoints.
    pub fn checkpoint_interval(&self) -> Duration {
        self.checkpoint_interval.unwrap_or(match self.guarantee {
            Guarantee::AtLeastOnce => Duration::from_secs(5),
            // Nobody reads a prediction before its transaction is committed.
            Guarantee::ExactlyOnce => Duration::from_millis(100),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
}

/// A setting that cannot be used. The message names it, where it comes from, and what would do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads the settings from a TOML file, the environment and `section.key` overrides, later ones winning.
    ///
    /// # Errors
    /// An unreadable file, an unknown setting, a value that does not fit, a property that would break the
    /// delivery promise.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &[(String, String)],
    ) -> Result<Config, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(path) = file {
            builder = builder.add_source(config::File::from(path).format(config::FileFormat::Toml));
        }
        let environment = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX) && name.contains("__"))
            .collect();
        builder = builder.add_source(
            config::Environment::with_prefix(PREFIX)
                .prefix_separator("_")
                .separator("__")
                .source(Some(environment)),
        );
        for (key, value) in overrides {
            builder = builder
                .set_override(property_key(key), value.as_str())
                .map_err(unusable)?;
        }
        let settings = builder.build().map_err(unusable)?;
        check_names(&settings)?;
        let mut config: Config = settings.try_deserialize().map_err(unusable)?;
        for (section, properties) in config.kafka.properties_mut() {
            properties.resolve(section).map_err(ConfigError)?;
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let kafka = &self.kafka;
        for (setting, value) in [
            ("kafka.bootstrap_servers", &kafka.bootstrap_servers),
            ("kafka.group_id", &kafka.group_id),
        ] {
            if value.trim().is_empty() {
                return Err(ConfigError(format!("{setting} must not be empty")));
            }
        }
        let topics = [
            ("kafka.input_topic", &kafka.input_topic),
            ("kafka.output_topic", &kafka.output_topic),
            ("kafka.dead_letter_topic", &kafka.dead_letter_topic),
        ];
        for (position, (setting, topic)) in topics.iter().enumerate() {
            if !is_topic_name(topic) {
                return Err(ConfigError(format!(
                    "{setting}: \"{topic}\" is not a topic name (1 to 249 letters, digits, '.', '_' and '-')"
                )));
            }
            if let Some((other, _)) = topics[..position].iter().find(|(_, name)| name == topic) {
                return Err(ConfigError(format!("{setting} and {other} must not be the same topic")));
            }
        }
        let short = Duration::from_millis(10);
        if self.delivery.checkpoint_interval() < short {
            return Err(ConfigError("delivery.checkpoint_interval must be at least 10ms".into()));
        }
        for (setting, duration) in [
            ("delivery.checkpoint_interval", self.delivery.checkpoint_interval()),
            ("kafka.startup_timeout", self.kafka.startup_timeout),
            ("shutdown.grace", self.shutdown.grace),
            ("monitoring.window", self.monitoring.window),
        ] {
            if duration > Duration::from_secs(24 * 3600) {
                return Err(ConfigError(format!("{setting} must be at most 24h")));
            }
        }
        if !self.monitoring.enabled && !self.model.challenger.as_os_str().is_empty() {
            return Err(ConfigError(
                "model.challenger needs monitoring.enabled: nobody would see what it does".into(),
            ));
        }
        if self.monitoring.window < Duration::from_secs(1) {
            return Err(ConfigError("monitoring.window must be at least 1s".into()));
        }
        let of_producers = |name| [&self.kafka.common, &self.kafka.producer].map(|properties| properties.number(name));
        if of_producers("message.timeout.ms").contains(&Some(0)) {
            return Err(ConfigError(
                "message.timeout.ms must not be 0: a record that is awaited for ever holds the stream up".into(),
            ));
        }
        if self.delivery.guarantee == Guarantee::ExactlyOnce {
            let timeout = of_producers("transaction.timeout.ms").into_iter().flatten().last();
            let timeout = Duration::from_millis(timeout.unwrap_or(TRANSACTION_TIMEOUT_MS));
            if self.delivery.checkpoint_interval() * 2 > timeout {
                return Err(ConfigError(format!(
                    "delivery.checkpoint_interval must be at most half of transaction.timeout.ms ({} ms): a transaction \
                     that is open for longer is aborted",
                    timeout.as_millis()
                )));
            }
        }
        if !(1..=64).contains(&self.workers.count) {
            return Err(ConfigError(format!(
                "workers.count: {} is not within 1 and 64",
                self.workers.count
            )));
        }
        Ok(())
    }

    /// The configuration table of the README, as Markdown.
    pub fn table() -> String {
        let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
        let mut table = String::from("| setting | default | meaning |\n|---|---|---|\n");
        for (section, key, doc) in DOCS {
            let default = match &defaults[section][key] {
                serde_json::Value::String(text) if text.is_empty() => String::new(),
                serde_json::Value::String(text) => format!("`{text}`"),
                serde_json::Value::Object(_) | serde_json::Value::Null => String::new(),
                other => format!("`{other}`"),
            };
            table += &format!("| `{section}.{key}` | {default} | {} |\n", doc.trim());
        }
        table
    }
}

impl Kafka {
    /// How to name the user that the brokers see, to whoever grants the rights.
    pub fn user(&self) -> String {
        let name = self.common.iter().find(|(name, _)| *name == "sasl.username");
        name.map_or_else(|| "this user".into(), |(_, name)| format!("user {name}"))
    }

    fn properties_mut(&mut self) -> [(&'static str, &mut Properties); 3] {
        [
            ("kafka.common", &mut self.common),
            ("kafka.consumer", &mut self.consumer),
            ("kafka.producer", &mut self.producer),
        ]
    }
}

impl Log {
    /// Warnings and errors only, unless the filter was set.
    pub fn only_warnings(&self) -> Log {
        let filter = if self.filter == Log::default().filter {
            "warn".into()
        } else {
            self.filter.clone()
        };
        Log { filter, ..self.clone() }
    }
}

/// What tells this process from its siblings in client ids and logs: the Mesos task, else the host's name.
pub fn instance_name(environment: impl Fn(&str) -> Option<String>) -> String {
    let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = environment("MESOS_TASK_ID")
        .or_else(|| environment("HOSTNAME"))
        .or_else(kernel);
    name.map_or_else(|| "local".into(), |name| name.trim().to_owned())
}

/// Whether a topic can have this name: any other is refused by the brokers, or by librdkafka.
pub fn is_topic_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name.bytes().all(legal) && name != "." && name != ".."
}

/// The key in the spelling of the environment, so that a flag and a variable meet: librdkafka's dots as underscores.
fn property_key(key: &str) -> String {
    let mut parts = key.splitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(section), Some(properties), Some(name)) => format!("{section}.{properties}.{}", name.replace('.', "_")),
        _ => key.to_owned(),
    }
}

/// The error without the lines of the file that it shows, which can hold secrets.
fn unusable(error: config::ConfigError) -> ConfigError {
    let message = error.to_string();
    let shown = |line: &&str| {
        line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit())
            .starts_with('|')
    };
    ConfigError(
        message
            .lines()
            .filter(|line| !shown(line))
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// Refuses names that are no settings, and names the nearest that is one.
fn check_names(settings: &config::Config) -> Result<(), ConfigError> {
    let names: Vec<String> = DOCS
        .iter()
        .map(|(section, key, _)| format!("{section}.{key}"))
        .collect();
    let known_section = |name: &str| DOCS.iter().any(|(section, _, _)| *section == name);
    for (section, value) in settings.cache.clone().into_table().map_err(unusable)? {
        let origin = value
            .origin()
            .map(|origin| format!(" (in {origin})"))
            .unwrap_or_default();
        let keys = match value.into_table() {
            Ok(table) if known_section(&section) => table,
            Ok(table) => {
                let first = table.into_iter().next().map(|(key, _)| key).unwrap_or_default();
                return Err(unknown(&format!("{section}.{first}"), &origin, &names));
            }
            Err(_) => return Err(unknown(&section, &origin, &names)),
        };
        for (key, value) in keys {
            let name = format!("{section}.{key}");
            if !names.contains(&name) {
                let origin = value
                    .origin()
                    .map(|origin| format!(" (in {origin})"))
                    .unwrap_or_default();
                return Err(unknown(&name, &origin, &names));
            }
        }
    }
    Ok(())
}

fn unknown(name: &str, origin: &str, names: &[String]) -> ConfigError {
    let nearest = names
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let hint = nearest
        .map(|nearest| format!("; did you mean {nearest}?"))
        .unwrap_or_default();
    ConfigError(format!("{name}{origin} is not a setting{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str, environment: &[(&str, &str)], overrides: &[(&str, &str)]) -> Result<Config, String> {
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter()
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect()
        };
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), toml).unwrap();
        Config::load(Some(file.path()), pairs(environment), &pairs(overrides)).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_set_gives_the_defaults() {
        assert_eq!(load("", &[], &[]).unwrap(), Config::default());
    }

    #[test]
    fn flag_wins_over_environment_over_file() {
        let toml = "[kafka]\ngroup_id = 'file'\ninput_topic = 'file'\noutput_topic = 'file-out'";
        let environment = [("SCORER_KAFKA__GROUP_ID", "env"), ("SCORER_KAFKA__INPUT_TOPIC", "env")];
        let config = load(toml, &environment, &[("kafka.group_id", "flag")]).unwrap();
        assert_eq!(config.kafka.group_id, "flag");
        assert_eq!(config.kafka.input_topic, "env");
        assert_eq!(config.kafka.output_topic, "file-out");
    }

    #[test]
    fn values_are_typed() {
        let environment = [
            ("SCORER_SHUTDOWN__GRACE", "25s"),
            ("SCORER_WORKERS__COUNT", "2"),
            ("SCORER_OUTPUT__FORMAT", "csv"),
            ("SCORER_MEMORY__LIMIT", "256MiB"),
            ("SCORER_HTTP__LISTEN", "127.0.0.1:0"),
        ];
        let config = load("", &environment, &[]).unwrap();
        assert_eq!(config.shutdown.grace, Duration::from_secs(25));
        assert_eq!(config.workers.count, 2);
        assert_eq!(config.memory.limit, Some(256 << 20));
        let toml = |limit| {
            load(&format!("[memory]\nlimit = {limit}"), &[], &[])
                .unwrap()
                .memory
                .limit
        };
        assert_eq!((toml("268435456"), toml("''")), (Some(256 << 20), None));
        assert_eq!(config.output.format, crate::output::Format::Csv);
    }

    #[test]
    fn variables_of_a_kubernetes_service_are_not_ours() {
        let environment = [
            ("SCORER_SERVICE_HOST", "10.0.0.1"),
            ("SCORER_PORT", "tcp://10.0.0.1:8080"),
        ];
        assert_eq!(load("", &environment, &[]).unwrap(), Config::default());
    }

    #[test]
    fn librdkafka_properties_keep_their_dots_and_strings() {
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "from a file\n").unwrap();
        let environment = [
            ("SCORER_KAFKA__COMMON__SASL_USERNAME", "0123"),
            (
                "SCORER_KAFKA__COMMON__SASL_PASSWORD_FILE",
                secret.path().to_str().unwrap(),
            ),
        ];
        let toml = "[kafka.common]\nsecurity.protocol = 'SASL_SSL'\n\"sasl.mechanisms\" = 'PLAIN'\n[kafka.consumer]\nfetch.wait.max.ms = 10\n";
        let config = load(toml, &environment, &[("kafka.producer.linger.ms", "0")]).unwrap();
        let common: Vec<(&str, &str)> = config.kafka.common.iter().collect();
        assert_eq!(
            common,
            [
                ("sasl.mechanisms", "PLAIN"),
                ("sasl.password", "from a file"),
                ("sasl.username", "0123"),
                ("security.protocol", "SASL_SSL"),
            ]
        );
        assert_eq!(
            config.kafka.consumer.iter().collect::<Vec<_>>(),
            [("fetch.wait.max.ms", "10")]
        );
        assert_eq!(config.kafka.producer.iter().collect::<Vec<_>>(), [("linger.ms", "0")]);
        assert!(!format!("{config:?}").contains("from a file"));
        assert!(!serde_json::to_string(&config).unwrap().contains("from a file"));
    }

    #[test]
    fn errors_name_the_setting_the_place_and_the_mend() {
        for (toml, environment, expected) in [
            ("[kafka]\ngrup_id = 'x'", None, "did you mean kafka.group_id?"),
            ("[kafak]\ngroup_id = 'x'", None, "kafak.group_id"),
            ("workers = 2", None, "workers"),
            ("", Some(("SCORER_WORKERS__COUNT", "many")), "workers.count"),
            (
                "",
                Some(("SCORER_WORKERS__COUNT", "0")),
                "workers.count: 0 is not within 1 and 64",
            ),
            ("", Some(("SCORER_WORKERS__COUNTS", "1")), "did you mean workers.count?"),
            ("", Some(("SCORER_OUTPUT__FORMAT", "xml")), "xml"),
            ("", Some(("SCORER_MEMORY__LIMIT", "256MB")), "\"256MB\" is not a size"),
            (
                "",
                Some(("SCORER_KAFKA__INPUT_TOPIC", "a b")),
                "kafka.input_topic: \"a b\" is not a topic name",
            ),
            (
                "",
                Some(("SCORER_KAFKA__INPUT_TOPIC", "AirlineOutputTopic")),
                "must not be the same topic",
            ),
            ("", Some(("SCORER_KAFKA__PRODUCER__ACKS", "1")), "kafka.producer: acks"),
            (
                "[kafka.consumer]\nisolation.level = 'read_uncommitted'",
                None,
                "isolation.level cannot be set",
            ),
            ("[kafka.producer]\nmessage.timeout.ms = 0", None, "must not be 0"),
            (
                "[delivery]\nguarantee = 'exactly_once'\ncheckpoint_interval = '8s'",
                None,
                "half of transaction.timeout.ms (15000 ms)",
            ),
            (
                "[monitoring]\nenabled = false\n[model]\nchallenger = 'b.onnx'",
                None,
                "model.challenger needs monitoring.enabled",
            ),
            (
                "[monitoring]\nwindow = '10ms'",
                None,
                "monitoring.window must be at least 1s",
            ),
            ("[shutdown]\ngrace = '25h'", None, "shutdown.grace must be at most 24h"),
            ("", Some(("SCORER_KAFKA__CONSUMER__GROUP_ID", "x")), "kafka.group_id"),
            (
                "",
                Some(("SCORER_KAFKA__COMMON__SASL_PASSWORD_FILE", "/no/such/file")),
                "/no/such/file",
            ),
            ("kafka = [", None, ".toml"),
        ] {
            let environment: Vec<(&str, &str)> = environment.into_iter().collect();
            let error = load(toml, &environment, &[]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn errors_keep_secrets() {
        let variable = |name: &str| format!("SCORER_KAFKA__COMMON__{name}");
        for (toml, variable, expected) in [
            (
                "[kafka.common]\nsasl.password = \"hush\nssl.key.password = 'hush'",
                None,
                "line 2, column",
            ),
            (
                "[kafka.common]\nsasl.password = ['hush']",
                None,
                "sasl.password is not a text",
            ),
            (
                "",
                Some(variable("SASL_PASSWORD_FILE")),
                "sasl_password_file: cannot read the file",
            ),
            ("kafka.common = 'hush'", None, "kafka.common"),
            (
                "[kafka.common]\nsasl.password = 'hush'\nacks = 1",
                None,
                "acks cannot be set",
            ),
        ] {
            let environment = variable.as_deref().map(|name| (name, "hush"));
            let error = load(toml, environment.as_slice(), &[]).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn the_readme_has_the_configuration_table() {
        let readme = include_str!("../README.md");
        assert!(
            readme.contains(&Config::table()),
            "paste this into README.md:\n{}",
            Config::table()
        );
    }
}
