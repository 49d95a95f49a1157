//! Writing predictions.

use super::Format;
use super::text::push_json;
use crate::flight::{ClockTime, Date, Identity};
use crate::model::{Model, Prediction};

/// Where an input record stands in Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'s> {
    pub topic: &'s str,
    pub partition: i32,
    pub offset: i64,
}

/// Writes predictions of one model in one format. What is the same for all of them is written once.
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    /// JSON: for each label, the start of a prediction of it up to the first probability.
    starts: Vec<Vec<u8>>,
    /// JSON: for each label but the first, what stands before its probability.
    keys: Vec<Vec<u8>>,
    /// JSON: the threshold and the start of the flight.
    threshold: Vec<u8>,
    /// JSON: the model.
    model: Vec<u8>,
}

impl Encoder {
    pub fn new(format: Format, model: &Model) -> Self {
        let metadata = model.metadata();
        let json = |start: &[u8], text: &str, end: &[u8]| {
            let mut json = start.to_vec();
            push_json(text.as_bytes(), &mut json);
            json.extend_from_slice(end);
            json
        };
        let labels = metadata.labels.iter();
        let mut keys = labels.clone().map(|label| json(b"", label, b":"));
        let first = keys.next().unwrap_or_default();
        let start = |label| [json(b"{\"label\":", label, b",\"probabilities\":{"), first.clone()].concat();
        let name = json(b",\"model\":{\"name\":", &metadata.name, b",\"sha256\":");
        Encoder {
            format,
            starts: labels.map(|label| start(label)).collect(),
            keys: keys.map(|key| [b",", &key[..]].concat()).collect(),
            threshold: format!("}},\"threshold\":{},\"flight\":", metadata.threshold).into_bytes(),
            model: [name, json(b"", model.short_sha256(), b"}")].concat(),
        }
    }

    /// Appends what names the flight, for a later [`prediction`](Self::prediction). Only JSON has it.
    pub fn flight(&self, flight: &Identity<'_>, out: &mut Vec<u8>) {
        if self.format != Format::Json {
            return;
        }
        push_ascii(b"{\"date\":", flight.date.map(Date::to_ascii), out);
        push_text(b",\"carrier\":", flight.carrier, out);
        push_text(b",\"number\":", flight.number, out);
        push_text(b",\"origin\":", flight.origin, out);
        push_text(b",\"destination\":", flight.destination, out);
        let departure = flight.scheduled_departure.map(ClockTime::to_ascii);
        push_ascii(b",\"scheduled_departure\":", departure, out);
        out.push(b'}');
    }

    /// Appends a prediction, without a line end. `flight` is what [`flight`](Self::flight) wrote; rows that do
    /// not come from Kafka have no source.
    pub fn prediction(
        &self,
        prediction: &Prediction<'_>,
        flight: &[u8],
        source: Option<Source<'_>>,
        out: &mut Vec<u8>,
    ) {
        match self.format {
            Format::Json => self.json(prediction, flight, source, out),
            Format::Csv => {
                out.extend_from_slice(prediction.label().as_bytes());
                for (_, probability) in prediction.probabilities() {
                    out.push(b',');
                    probability.write(out);
                }
            }
            Format::Text => {
                out.extend_from_slice(b"Prediction: Is Airline delayed? => ");
                out.extend_from_slice(prediction.label().as_bytes());
            }
        }
    }

    fn json(&self, prediction: &Prediction<'_>, flight: &[u8], source: Option<Source<'_>>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.starts[prediction.label_index()]);
        let mut probabilities = prediction.probabilities();
        if let Some((_, probability)) = probabilities.next() {
            probability.write(out);
        }
        for (key, (_, probability)) in self.keys.iter().zip(probabilities) {
            out.extend_from_slice(key);
            probability.write(out);
        }
        out.extend_from_slice(&self.threshold);
        out.extend_from_slice(flight);
        out.extend_from_slice(&self.model);
        if let Some(source) = source {
            out.extend_from_slice(b",\"source\":{\"topic\":\"");
            // A topic's name has no character that JSON escapes.
            out.extend_from_slice(source.topic.as_bytes());
            out.extend_from_slice(b"\",\"partition\":");
            out.extend_from_slice(itoa::Buffer::new().format(source.partition).as_bytes());
            out.extend_from_slice(b",\"offset\":");
            out.extend_from_slice(itoa::Buffer::new().format(source.offset).as_bytes());
            out.push(b'}');
        }
        out.push(b'}');
    }
}

/// A key, and a text that may be anything.
fn push_text<const N: usize>(key: &[u8; N], value: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => push_json(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// A key, and a text without what JSON escapes.
fn push_ascii<const N: usize, const M: usize>(key: &[u8; N], value: Option<[u8; M]>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => {
            out.push(b'"');
            out.extend_from_slice(&value);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight::RowReader;
    use std::sync::Arc;

    const SEED: &str =
        "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";
    const SOURCE: Source<'_> = Source {
        topic: "AirlineInputTopic",
        partition: 3,
        offset: 12345,
    };

    fn encode(format: Format, row: &[u8], source: Option<Source<'_>>) -> String {
        let model = Arc::new(Model::embedded().unwrap());
        let mut scorer = model.scorer().unwrap();
        let mut reader = RowReader::default();
        let row = reader.read(row).unwrap();
        scorer.push(&row).unwrap();
        let encoder = Encoder::new(format, &model);
        let (mut flight, mut out) = (Vec::new(), Vec::new());
        encoder.flight(&row.identity().unwrap(), &mut flight);
        encoder.prediction(&scorer.score().unwrap().get(0), &flight, source, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_has_the_documented_keys_in_their_order() {
        let sha256 = Model::embedded().unwrap().short_sha256().to_owned();
        let expected = format!(
            "{}{}\"model\":{{\"name\":\"airline-gbm\",\"sha256\":\"{sha256}\"}},{}",
            r#"{"label":"YES","probabilities":{"NO":0.4319916897116479,"YES":0.5680083102883521},"threshold":0.44517576623644245,"#,
            r#""flight":{"date":"1987-10-14","carrier":"PS","number":"1451","origin":"SAN","destination":"SFO","scheduled_departure":"07:30"},"#,
            r#""source":{"topic":"AirlineInputTopic","partition":3,"offset":12345}}"#,
        );
        assert_eq!(encode(Format::Json, SEED.as_bytes(), Some(SOURCE)), expected);
    }

    #[test]
    fn csv_and_text_are_the_original_digits_and_line() {
        assert_eq!(
            encode(Format::Csv, SEED.as_bytes(), Some(SOURCE)),
            "YES,0.4319916897116479,0.5680083102883521"
        );
        assert_eq!(
            encode(Format::Text, SEED.as_bytes(), None),
            "Prediction: Is Airline delayed? => YES"
        );
    }

    #[test]
    fn bytes_that_are_not_utf_8_still_give_json() {
        let row: Vec<u8> = SEED
            .replacen("PS", "P\"#", 1)
            .bytes()
            .map(|b| if b == b'#' { 0xe4 } else { b })
            .collect();
        let row = String::from_utf8_lossy(&row)
            .replacen("P\"", "\"P\"\"", 1)
            .replacen("\u{fffd}", "\u{fffd}\"", 1);
        let json: serde_json::Value = serde_json::from_str(&encode(Format::Json, row.as_bytes(), None)).unwrap();
        assert_eq!(json["flight"]["carrier"], "P\"\u{fffd}");
        assert!(json.get("source").is_none());
    }
}
