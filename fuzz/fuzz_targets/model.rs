//! Any bytes are a model that is served, or one that is refused with the place, without a panic.
#![no_main]

use flight_delay_scorer::fuzzing::load_model;

libfuzzer_sys::fuzz_target!(|onnx: &[u8]| {
    for (features, labels) in [(1, 2), (1, 3), (2, 2), (2, 3), (3, 2), (3, 3)] {
        if let Some(error) = load_model(onnx, features, labels) {
            assert!(error.starts_with("fuzzed: "), "{error}");
            assert!(error.len() < 64 << 10, "an error of {} bytes", error.len());
        }
    }
});
