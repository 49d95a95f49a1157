//! Reading a prediction off the output topic, in any of its forms.

use super::Format;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The start of a prediction in text.
const TEXT: &str = "Prediction: Is Airline delayed? => ";

/// A prediction with its numbers as they were published, digit for digit. What is an option, only JSON has.
#[derive(Debug, PartialEq, Eq)]
pub struct Published<'v> {
    pub format: Format,
    pub label: Cow<'v, str>,
    /// Whose the probabilities are, in their order. Only JSON names them.
    pub labels: Vec<Cow<'v, str>>,
    /// In the order in which they were published; empty in text.
    pub probabilities: Vec<&'v str>,
    pub threshold: Option<&'v str>,
    pub flight: Option<Flight<'v>>,
    /// The model that made it.
    pub model: Option<MadeBy<'v>>,
    /// The input record.
    pub source: Option<Source<'v>>,
}

/// The flight of a prediction; a part is `None` where the row did not have it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Flight<'v> {
    #[serde(borrow)]
    pub date: Option<Cow<'v, str>>,
    #[serde(borrow)]
    pub carrier: Option<Cow<'v, str>>,
    #[serde(borrow)]
    pub number: Option<Cow<'v, str>>,
    #[serde(borrow)]
    pub origin: Option<Cow<'v, str>>,
    #[serde(borrow)]
    pub destination: Option<Cow<'v, str>>,
    #[serde(borrow)]
    pub scheduled_departure: Option<Cow<'v, str>>,
}

/// A model as a prediction names it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct MadeBy<'v> {
    #[serde(borrow)]
    pub name: Cow<'v, str>,
    /// The first 12 digits.
    #[serde(borrow)]
    pub sha256: Cow<'v, str>,
}

/// Where an input record stands.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Source<'v> {
    #[serde(borrow)]
    pub topic: Cow<'v, str>,
    pub partition: i32,
    pub offset: i64,
}

impl<'v> Published<'v> {
    /// # Errors
    /// Why this is no prediction.
    pub fn read(value: &'v [u8]) -> Result<Published<'v>, String> {
        let value = std::str::from_utf8(value)
            .map_err(|_| "the value is not UTF-8")?
            .trim_end();
        if value.starts_with('{') {
            return Self::json(value);
        }
        if let Some(label) = value.strip_prefix(TEXT) {
            return Ok(Self::short(Format::Text, label, Vec::new()));
        }
        Self::csv(value)
            .ok_or_else(|| "the value is neither JSON, nor label and probabilities, nor the text form".to_owned())
    }

    fn json(value: &'v str) -> Result<Published<'v>, String> {
        #[derive(Deserialize)]
        struct Json<'v> {
            #[serde(borrow)]
            label: Cow<'v, str>,
            #[serde(borrow)]
            probabilities: Numbers<'v>,
            #[serde(borrow)]
            threshold: Option<&'v RawValue>,
            #[serde(borrow)]
            flight: Option<Flight<'v>>,
            #[serde(borrow)]
            model: Option<MadeBy<'v>>,
            #[serde(borrow)]
            source: Option<Source<'v>>,
        }
        let json: Json<'v> = serde_json::from_str(value).map_err(|error| error.to_string())?;
        let Numbers { names, numbers } = json.probabilities;
        Ok(Published {
            format: Format::Json,
            label: json.label,
            labels: names,
            probabilities: numbers,
            threshold: json.threshold.map(RawValue::get),
            flight: json.flight,
            model: json.model,
            source: json.source,
        })
    }

    fn short(format: Format, label: &'v str, probabilities: Vec<&'v str>) -> Published<'v> {
        Published {
            format,
            label: label.into(),
            labels: Vec::new(),
            probabilities,
            threshold: None,
            flight: None,
            model: None,
            source: None,
        }
    }

    fn csv(value: &'v str) -> Option<Published<'v>> {
        // A label can hold commas and can be a number; the probabilities are the numbers at the end, at least two.
        let fields: Vec<_> = value.split(',').collect();
        let (_, rest) = fields.split_first()?;
        let words = rest
            .iter()
            .rposition(|text| !is_number(text))
            .map_or(0, |last| last + 1);
        let probabilities = rest[words..].to_vec();
        let length: usize = probabilities.iter().map(|text| text.len() + 1).sum();
        let label = &value[..value.len() - length];
        (!label.is_empty() && probabilities.len() >= 2).then(|| Self::short(Format::Csv, label, probabilities))
    }
}

fn is_number(text: &str) -> bool {
    text == "null"
        || (text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) && text.parse::<f64>().is_ok())
}

/// The numbers of a JSON object in their order, as they are written.
struct Numbers<'v> {
    names: Vec<Cow<'v, str>>,
    numbers: Vec<&'v str>,
}

/// A key of a JSON object, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'v>(#[serde(borrow)] Cow<'v, str>);

impl<'de: 'v, 'v> Deserialize<'de> for Numbers<'v> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'v> Visitor<'v> for Object {
            type Value = Numbers<'v>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of probabilities")
            }

            fn visit_map<A: MapAccess<'v>>(self, mut object: A) -> Result<Numbers<'v>, A::Error> {
                let (mut names, mut numbers) = (Vec::new(), Vec::new());
                while let Some((Name(name), number)) = object.next_entry::<Name<'v>, &RawValue>()? {
                    if !is_number(number.get()) {
                        return Err(serde::de::Error::custom("a probability is not a number"));
                    }
                    names.push(name);
                    numbers.push(number.get());
                }
                Ok(Numbers { names, numbers })
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JSON: &str = r#"{"label":"YES","probabilities":{"NO":0.4319916897116479,"YES":0.5680083102883521},"threshold":0.44517576623644245,
        "flight":{"date":"1987-10-14","carrier":"PS","number":null},"model":{"name":"airline-gbm","sha256":"0123456789ab"},
        "source":{"topic":"AirlineInputTopic","partition":3,"offset":12345}}"#;

    #[test]
    fn json_keeps_every_digit_and_the_order() {
        let published = Published::read(JSON.as_bytes()).unwrap();
        assert_eq!((published.format, &*published.label), (Format::Json, "YES"));
        assert_eq!(published.labels, ["NO", "YES"]);
        assert_eq!(published.threshold, Some("0.44517576623644245"));
        let flight = published.flight.unwrap();
        assert_eq!(
            (flight.date.as_deref(), flight.carrier.as_deref()),
            (Some("1987-10-14"), Some("PS"))
        );
        assert_eq!((flight.number, flight.scheduled_departure), (None, None));
        let model = published.model.unwrap();
        assert_eq!((&*model.name, &*model.sha256), ("airline-gbm", "0123456789ab"));
        assert_eq!(published.probabilities, ["0.4319916897116479", "0.5680083102883521"]);
        let source = published.source.unwrap();
        assert_eq!(
            (&*source.topic, source.partition, source.offset),
            ("AirlineInputTopic", 3, 12345)
        );

        let other = r#"{"probabilities":{"z":1e-7,"a":null,"m":0.30},"label":"\"x\""}"#;
        let published = Published::read(other.as_bytes()).unwrap();
        assert_eq!(published.probabilities, ["1e-7", "null", "0.30"]);
        assert_eq!(published.label, "\"x\"");
        assert_eq!(published.labels, ["z", "a", "m"]);
        assert_eq!((published.threshold, published.flight), (None, None));
        assert_eq!((published.model, published.source), (None, None));
    }

    #[test]
    fn csv_and_text_have_no_source() {
        let csv = Published::read(b"YES,0.4319916897116479,0.5680083102883521\n").unwrap();
        assert_eq!(
            (&*csv.label, &csv.probabilities[..]),
            ("YES", &["0.4319916897116479", "0.5680083102883521"][..])
        );
        for (value, label, count) in [
            ("1,0.25,0.75", "1", 2),
            ("on time,0.25,0.5,0.25", "on time", 3),
            ("late, or lost,0.25,0.75", "late, or lost", 2),
        ] {
            let csv = Published::read(value.as_bytes()).unwrap();
            assert_eq!((&*csv.label, csv.probabilities.len()), (label, count));
        }
        let text = Published::read(b"Prediction: Is Airline delayed? => YES").unwrap();
        assert_eq!((&*text.label, text.probabilities.len()), ("YES", 0));
    }

    #[test]
    fn what_is_no_prediction_is_said_so() {
        for (value, expected) in [
            (&b""[..], "neither"),
            (b"hello", "neither"),
            (b",0.1,0.9", "neither"),
            (b"YES,one,two", "neither"),
            (b"\xff{", "not UTF-8"),
            (b"{}", "missing field `label`"),
            (b"{\"label\":\"YES\"", "EOF"),
            (b"{\"label\":\"YES\",\"probabilities\":{\"NO\":\"x\"}}", "not a number"),
            (
                b"{\"label\":\"YES\",\"probabilities\":[1]}",
                "an object of probabilities",
            ),
        ] {
            let why = Published::read(value).unwrap_err();
            assert!(why.contains(expected), "{why}");
        }
    }

    proptest! {
        #[test]
        fn no_record_panics(value: Vec<u8>, at in 0..JSON.len(), byte: u8) {
            let _ = Published::read(&value);
            let mut json = JSON.as_bytes().to_vec();
            json[at] = byte;
            let _ = Published::read(&json);
        }
    }
}
