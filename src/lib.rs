//! Scores flights on Kafka: CSV rows of the US airline on-time schema in, a label and class probabilities out.
//!
//! # The path of a record
//!
//! ```text
//! AirlineInputTopic ─► poll a batch ─► split the row ─► encode features ─► score ─► encode output ─► AirlineOutputTopic
//!                      (stream)        (flight)         (model)            (model)  (output)      └► AirlineDeadLetterTopic
//! ```
//!
//! A [worker](stream::Worker) is one thread with a consumer, a producer and a scorer of its own. Kafka is what
//! distributes the work: all workers of all instances are members of one consumer group.
//!
//! # The promise
//!
//! At least once, or exactly once where that is set, in order per partition. At short intervals a worker makes a
//! checkpoint: everything produced is acknowledged, then the input offsets are committed, with exactly once in the
//! transaction of the outputs; no offset moves in any other way. A record that cannot be scored is an outcome, not an
//! error: it goes to the dead letter topic with all it came with, and its offset moves with the same checkpoint.
//!
//! # The modules
//!
//! | module | what it is about |
//! |---|---|
//! | [`flight`] | a row of the on-time schema |
//! | [`model`] | an ONNX file that explains and proves itself, and its trees |
//! | [`output`] | a prediction as JSON, CSV or text |
//! | [`quality`] | how good predictions are, and two models against each other |
//! | [`drift`] | whether rows are like those in training |
//! | [`scoring`] | the path of a row through these three |
//! | [`stream`] | Kafka: workers, checkpoints, dead letters, topics |
//! | [`service`] | what lives around the workers: supervision, health, HTTP |
//! | [`replay`] | rows sent to a running service, and whether each came out as it must |
//! | [`monitoring`] | what is seen of the models in service: quality, drift, a challenger |
//! | [`audit`] | published predictions, scored again |
//! | [`evaluation`] | published predictions, held against truth that came later |
//! | [`commands`] | one file a command of the program |
//! | [`lineup`] | the models in service, champion and challenger |
//! | [`memory`] | how much memory there is, and the queues that keep within it |
//! | [`config`], [`metrics`] | every setting, every metric |
//!
//! The first five know nothing of the others.

#![deny(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod audit;
pub mod commands;
pub mod config;
pub mod drift;
pub mod evaluation;
pub mod flight;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod lineup;
pub mod memory;
pub mod metrics;
pub mod model;
pub mod monitoring;
pub mod output;
pub mod quality;
pub mod replay;
pub mod sample;
pub mod scoring;
pub mod service;
pub mod shutdown;
pub mod stream;
pub mod telemetry;
