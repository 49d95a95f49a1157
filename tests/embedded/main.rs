//! The service on the embedded broker: what `tests/kafka/` proves on a real one, in a second or two.

mod cluster;
mod delivery;
mod models;
