//! Any bytes are a model that is served, or one that is refused with its name, in seconds and little memory.
#![no_main]

use flight_delay_scorer::fuzzing::load_model;
use std::sync::Once;

static QUIET: Once = Once::new();

libfuzzer_sys::fuzz_target!(|onnx: &[u8]| {
    // Loading catches what tract panics at, but the fuzzer would end at the panic.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    for (features, labels) in [(1, 2), (1, 3), (2, 2), (2, 3), (3, 2), (3, 3)] {
        if let Some(error) = load_model(onnx, features, labels) {
            // A panic here is none that is caught, and ends the fuzzer.
            assert!(error.starts_with("fuzzed: "), "{error}");
            assert!(error.len() < 64 << 10, "an error of {} bytes", error.len());
        }
    }
});
