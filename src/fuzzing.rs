//! Ways for `cargo fuzz` to what is not public. Only its builds and those for tests have them.

use crate::flight::Rejection;
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
