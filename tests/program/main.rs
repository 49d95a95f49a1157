//! The program without Kafka: run to its end, and what it prints.

#[path = "../support/program.rs"]
mod program;
#[path = "../support/rows.rs"]
mod rows;

mod demo;
mod score;
