//! Any bytes are a model that is served, or one that is refused with its name, in seconds and little memory.
#![no_main]

use flight_delay_scorer::fuzzing::load_model;
use std::panic::PanicHookInfo;
use std::sync::Once;

static HOOK: Once = Once::new();

/// Where tract is known to panic, which loading catches: at a position that there is not among the columns, and at an
/// axis that there is not.
const KNOWN: [&str; 2] = [
    "tract-core-0.23.9/src/ops/array/gather.rs",
    "tract-hir-0.23.9/src/ops/array/permute_axes.rs",
];

/// Ends the fuzzer at a panic elsewhere, although loading would catch it.
fn hook(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or("", |location| location.file());
    if !KNOWN.iter().any(|known| place.ends_with(known)) {
        eprintln!("{panic}");
        std::process::abort();
    }
}

libfuzzer_sys::fuzz_target!(|onnx: &[u8]| {
    HOOK.call_once(|| std::panic::set_hook(Box::new(hook)));
    for (features, labels) in [(1, 2), (1, 3), (2, 2), (2, 3), (3, 2), (3, 3)] {
        if let Some(error) = load_model(onnx, features, labels) {
            assert!(error.starts_with("fuzzed: "), "{error}");
            assert!(error.len() < 8 << 10, "an error of {} bytes", error.len());
        }
    }
});
