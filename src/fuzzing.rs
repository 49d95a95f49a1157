//! Ways for `cargo fuzz` to what is not public. Only its builds and those for tests have them.

use crate::flight::Rejection;
use crate::model::Model;
use crate::output::Source;
use crate::replay::handled::Handled;
use crate::replay::letter::{Letter, Verdict};
use crate::service::{connections, http};
use crate::stream::dead_letter::DeadLetter;
use crate::stream::headers;
use crate::stream::topics::Topic;
use axum::Router;
use rdkafka::message::OwnedHeaders;
use std::collections::BTreeSet;
use tokio::io::{AsyncRead, AsyncWrite};

/// Key and value of a header. A value can be missing.
pub type Header = (Vec<u8>, Option<Vec<u8>>);

/// Partitions of the input topic.
pub const PARTITIONS: i32 = 10;

const INPUT: &str = "AirlineInputTopic";

/// The headers of the dead letter that a record with the headers `input` becomes.
pub fn dead_letter(input: &[Header], rejection: Rejection, partition: i32, offset: i64) -> Vec<Header> {
    let input = input.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers::append(headers, (key, value.as_deref()))
    });
    let origin = Source {
        topic: INPUT,
        partition,
        offset,
    };
    owned(&DeadLetter::Row(rejection).headers(Some(input), origin, None))
}

/// The partition and the headers that `replay --from` sends a dead letter back with, where it does.
pub fn sent_back(letter: &[Header]) -> Option<(i32, Vec<Header>)> {
    let input = Topic {
        name: INPUT.into(),
        partitions: PARTITIONS,
        replication: 1,
        limits: Default::default(),
        cleanup_policy: "delete".into(),
        min_insync_replicas: 1,
        told: false,
        rights: None,
    };
    let letter = Letter {
        offset: 0,
        headers: letter.iter().map(|(key, value)| (&key[..], value.as_deref())).collect(),
    };
    match letter.judge(&Handled::before(0), &BTreeSet::new(), &input) {
        Verdict::Send {
            partition, attempts, ..
        } => Some((partition, owned(&letter.original_headers(attempts + 1)))),
        _ => None,
    }
}

fn owned(headers: &OwnedHeaders) -> Vec<Header> {
    headers::each(headers.as_borrowed())
        .map(|(key, value)| (key.to_owned(), value.map(<[u8]>::to_owned)))
        .collect()
}

/// Loads a model with up to three features and labels, and lets it score golden rows. What it gives for them is hardly
/// ever what is expected. Gives the error.
pub fn load_model(onnx: &[u8], features: usize, labels: usize) -> Option<String> {
    const COLUMNS: [&str; 3] = ["Diverted", "ArrDelay", "AirTime"];
    const LABELS: [&str; 3] = ["NO", "YES", "MAYBE"];
    let feature = |column: &&str| serde_json::json!({"name": column, "column": column, "type": "numeric"});
    let golden = |[diverted, delay, time]: [&str; 3]| {
        let row = format!(
            "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,{time},{delay},11,SAN,SFO,447,NA,NA,0,NA,{diverted},\
             NA,NA,NA,NA,NA"
        );
        serde_json::json!({"row": row, "probabilities": vec![0.5; labels]})
    };
    let rows = [
        ["0", "1", "79"],
        ["1", "2", "80"],
        ["0", "-2", "1"],
        ["1", "0", "NA"],
        ["NA", "3", "2"],
        ["0", "NA", "3"],
        ["NA", "NA", "NA"],
        ["1", "500", "700"],
    ];
    let sidecar = serde_json::json!({
        "name": "fuzzed", "version": "1",
        "features": COLUMNS[..features].iter().map(feature).collect::<Vec<_>>(),
        "labels": LABELS[..labels], "positive": "YES", "threshold": 0.5,
        "golden": {"tolerance": 0.01, "rows": rows.map(golden)},
    });
    let loaded = Model::from_bytes(onnx, Some(sidecar.to_string().as_bytes()), "fuzzed");
    loaded.err().map(|error| error.to_string())
}

/// HTTP as it is answered while no broker has been reached.
pub struct Http(Router);

impl Http {
    pub fn new() -> anyhow::Result<Http> {
        Ok(Http(http::router(http::Service::without_workers()?)))
    }

    /// Serves one connection to its end.
    pub async fn answer(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        connections::answer(stream, self.0.clone(), connections::LIMITS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        std::fs::read(fixtures.join(name)).unwrap()
    }

    #[test]
    fn a_panic_within_an_operator_is_an_error_that_quotes_it() {
        let mut onnx = fixture("operators/gather_float.onnx");
        // The 16 bytes of the positions 2 and 0: let the first be column 64.
        let positions = onnx.windows(3).position(|window| window == [0x4a, 16, 2]);
        onnx[positions.unwrap() + 2] = 64;
        let error = load_model(&onnx, 3, 2).unwrap();
        let expected = "an operator panicked: index out of bounds: the len is 24 but the index is 64";
        assert!(error.ends_with(expected), "{error}");
    }

    #[test]
    fn the_model_that_is_fuzzed_gets_as_far_as_its_golden_rows() {
        for (name, features, labels) in [
            ("trees/v1_all_0_logistic.onnx", 2, 2),
            ("trees/v1_class_gt.onnx", 1, 3),
            ("operators/where_double.onnx", 3, 3),
        ] {
            let error = load_model(&fixture(name), features, labels).unwrap();
            assert!(error.contains("not what it claims to be"), "{name}: {error}");
        }
    }
}
