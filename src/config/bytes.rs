//! A number of bytes as a setting: `268435456`, `256MiB` or, as Kubernetes writes it, `256Mi`.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

const UNITS: [(&str, u32); 4] = [("Gi", 30), ("Mi", 20), ("Ki", 10), ("", 0)];

/// Empty is `None`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.trim() {
        "" => Ok(None),
        text => parse(text)
            .map(Some)
            .ok_or_else(|| Error::custom(format!("\"{text}\" is not a size such as 256MiB or 1GiB"))),
    }
}

pub(super) fn serialize<S: Serializer>(bytes: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bytes.map(|bytes| bytes.to_string()).unwrap_or_default())
}

fn parse(text: &str) -> Option<u64> {
    let text = text.strip_suffix('B').unwrap_or(text);
    let (number, shift) = UNITS
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))?;
    number.trim_end().parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units_or_none() {
        for (text, bytes) in [
            ("268435456", 1 << 28),
            ("256MiB", 1 << 28),
            ("256 MiB", 1 << 28),
            ("256Mi", 1 << 28),
            ("1GiB", 1 << 30),
            ("64KiB", 1 << 16),
            ("512B", 512),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in ["256MB", "256M", "1.5GiB", "-1", "MiB", "99999999999GiB", "a lot"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
