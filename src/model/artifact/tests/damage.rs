//! Files that were cut or changed on their way.

use super::*;

/// A small generator with a fixed seed, so that a failure can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn damaged_files_are_refused_or_proven() {
    let metadata = EMBEDDED
        .windows(METADATA_KEY.len())
        .position(|w| w == METADATA_KEY.as_bytes());
    let metadata = metadata.unwrap();
    // The trees, the small nodes behind them with the graph's inputs and outputs, and the whole file.
    let areas = [0..metadata, metadata - 600..metadata, 0..EMBEDDED.len()];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut refused = 0;
    for damage in 0..240 {
        let area = areas[damage % 3].clone();
        let mut bytes = EMBEDDED.to_vec();
        let mut place = || area.start + random.below(area.len());
        if damage % 4 == 0 {
            bytes.truncate(place());
        }
        for _ in 0..damage % 4 {
            let (place, bit) = (place(), damage % 8);
            bytes[place] ^= 1 << bit;
        }
        match Model::from_bytes(&bytes, None, "damaged") {
            Ok(model) => assert!(model.proof().largest_difference <= 4.5e-16),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().starts_with("damaged"), "{error}");
                assert!(!error.to_string().contains("panicked"), "{error}");
            }
        }
    }
    assert!((100..240).contains(&refused), "{refused}");
}

#[test]
fn damaged_files_of_every_kind_are_refused_or_proven() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut refused = 0;
    for name in [
        "v1_all_0_none_base1",
        "v3_all_0_logistic_double_base1",
        "v1_both_softmax",
        "v1_three_softmax",
    ] {
        let mut json = description(name);
        if name.contains("three") {
            json["labels"] = serde_json::json!(["early", "YES", "on time"]);
        }
        let json = json.to_string();
        let whole = std::fs::read(fixture(&format!("{name}.onnx"))).unwrap();
        Model::from_bytes(&whole, Some(json.as_bytes()), name).unwrap();
        for damage in 0..60 {
            let mut bytes = whole.clone();
            if damage % 4 == 0 {
                bytes.truncate(random.below(whole.len()));
            } else {
                for _ in 0..damage % 4 {
                    bytes[random.below(whole.len())] ^= 1 << (damage % 8);
                }
            }
            if let Err(error) = Model::from_bytes(&bytes, Some(json.as_bytes()), "damaged") {
                refused += 1;
                assert!(error.to_string().starts_with("damaged"), "{error}");
                assert!(!error.to_string().contains("panicked"), "{error}");
            }
        }
    }
    assert!((120..240).contains(&refused), "{refused}");
}
