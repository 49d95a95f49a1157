//! librdkafka properties that are passed through.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// librdkafka properties by name, such as `sasl.username`. Values of secret properties are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

/// Properties that would break the delivery promise or say twice what a setting says, with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("acks", PROMISE),
    ("request.required.acks", PROMISE),
    ("enable.idempotence", PROMISE),
    // Also decides whether a new owner waits for the offsets of a transaction that is still open.
    ("isolation.level", PROMISE),
    ("enable.auto.commit", OFFSETS),
    ("auto.commit.enable", OFFSETS),
    ("enable.auto.offset.store", OFFSETS),
    ("delivery.report.only.error", PROMISE),
    ("bootstrap.servers", "it is the setting kafka.bootstrap_servers"),
    ("metadata.broker.list", "it is the setting kafka.bootstrap_servers"),
    ("group.id", "it is the setting kafka.group_id"),
    ("client.id", "it is made from the group, the host and the worker"),
    ("transactional.id", "it is made from the group, the host and the worker"),
    (
        "group.instance.id",
        "static membership ends in fatal errors when instances are replaced",
    ),
    (
        "group.protocol",
        "only the classic protocol is reliable in this version of librdkafka",
    ),
    ("enable.partition.eof", "the end of a partition is not an error here"),
    ("statistics.interval.ms", "the lag metric depends on it"),
    (
        "auto.offset.reset",
        "it is earliest: with another, rows that came before the first commit would be skipped",
    ),
    ("delivery.timeout.ms", "it is another name of message.timeout.ms"),
    ("compression.codec", "it is another name of compression.type"),
    ("queue.buffering.max.ms", "it is another name of linger.ms"),
    ("allow.auto.create.topics", "topics are made by the command `topics`"),
];
const PROMISE: &str = "nothing may be lost or reordered";
const OFFSETS: &str = "offsets move only with a checkpoint";

impl Properties {
    /// Name and value of each property, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.parse().ok()
    }

    /// Reads values out of files (`sasl.password_file`), gives names their dots, refuses what must not be set.
    pub(super) fn resolve(&mut self, section: &str) -> Result<(), String> {
        let mut resolved = BTreeMap::new();
        for (raw, value) in std::mem::take(&mut self.0) {
            let (name, value) = match raw.strip_suffix("_file") {
                Some(name) => {
                    let content = std::fs::read_to_string(&value).map_err(|error| {
                        // The secret itself may have been put here by mistake.
                        let file = if value.starts_with('/') { &value } else { "the file" };
                        format!("{section}: {raw}: cannot read {file}: {error}")
                    })?;
                    (name, content.trim_end_matches(['\r', '\n']).to_owned())
                }
                None => (raw.as_str(), value),
            };
            // Environment variables cannot have dots; `log_level` is the one property with an underscore.
            let name = match name {
                "log_level" => name.to_owned(),
                _ => name.replace('_', "."),
            };
            if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
                return Err(format!("{section}: {name} cannot be set: {reason}"));
            }
            resolved.insert(name, value);
        }
        self.0 = resolved;
        Ok(())
    }
}

/// Whether a property's value may be shown.
fn is_secret(name: &str) -> bool {
    ["password", "secret", "key", "jaas", "token", "username"]
        .iter()
        .any(|word| name.contains(word))
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, shown(name, value))))
            .finish()
    }
}

fn shown<'v>(name: &str, value: &'v str) -> &'v str {
    if is_secret(name) { "[redacted]" } else { value }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (name, shown(name, value))))
    }
}

impl<'de> Deserialize<'de> for Properties {
    /// Nested tables are joined by dots: `sasl.username = "x"` in TOML is the property `sasl.username`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Said here, because serde would show the text that is there instead.
        let serde_json::Value::Object(table) = serde_json::Value::deserialize(deserializer)? else {
            return Err(serde::de::Error::custom("librdkafka properties are a table"));
        };
        let mut properties = BTreeMap::new();
        for (name, value) in table {
            flatten(name, value, &mut properties).map_err(serde::de::Error::custom)?;
        }
        Ok(Properties(properties))
    }
}

fn flatten(name: String, value: serde_json::Value, into: &mut BTreeMap<String, String>) -> Result<(), String> {
    match value {
        serde_json::Value::Object(table) => {
            for (key, value) in table {
                flatten(format!("{name}.{key}"), value, into)?;
            }
        }
        serde_json::Value::String(text) => {
            into.insert(name, text);
        }
        serde_json::Value::Number(number) => {
            into.insert(name, number.to_string());
        }
        serde_json::Value::Bool(flag) => {
            into.insert(name, flag.to_string());
        }
        serde_json::Value::Null | serde_json::Value::Array(_) => {
            return Err(format!("{name} is not a text, a number, true or false"));
        }
    }
    Ok(())
}
