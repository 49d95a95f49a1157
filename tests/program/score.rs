//! `score`: rows in, predictions out, without Kafka.

use crate::program::{Run, run};
use crate::rows::{self, SEED, SEED_1999_CSV, SEED_CSV, seed_1999};
use serde_json::Value;

const THRESHOLD: f64 = 0.44517576623644245;
const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/airline-gbm-h2o.csv");

fn score(format: &str, input: impl AsRef<[u8]>) -> Run {
    run(&["score", "--format", format], input.as_ref())
}

/// The fields of a row without those at these positions.
fn without(row: &str, positions: &[usize]) -> String {
    let kept = row
        .split(',')
        .enumerate()
        .filter(|(position, _)| !positions.contains(position));
    kept.map(|(_, field)| field).collect::<Vec<_>>().join(",")
}

#[test]
fn the_famous_rows_have_the_originals_digits_in_29_30_and_31_fields() {
    for (row, csv) in [(SEED.to_owned(), SEED_CSV), (seed_1999(), SEED_1999_CSV)] {
        let (label, probabilities) = csv.split_once(',').unwrap();
        let (no, yes) = probabilities.split_once(',').unwrap();
        for row in [without(&row, &[29, 30]), without(&row, &[28]), row] {
            assert_eq!(score("csv", &row).exits(0).stdout, format!("{csv}\n"), "{row}");
            assert_eq!(
                score("text", &row).exits(0).stdout,
                format!("Prediction: Is Airline delayed? => {label}\n")
            );
            let json = score("json", &row).exits(0).stdout;
            let start = format!(
                r#"{{"label":"{label}","probabilities":{{"NO":{no},"YES":{yes}}},"threshold":0.44517576623644245,"flight":{{"date":""#
            );
            assert!(json.starts_with(&start), "{json}");
            let value: Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(value["flight"]["scheduled_departure"], "07:30");
            assert_eq!(value["model"]["name"], "airline-gbm");
            assert!(value.get("source").is_none(), "{json}");
        }
    }
}

#[test]
fn a_file_and_standard_input_give_the_same_with_header_line_and_any_line_end() {
    let header = std::fs::read_to_string(FIXTURE).unwrap();
    let header = without(header.lines().next().unwrap(), &[31, 32]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flights.csv");
    let file = file.to_str().unwrap();
    let expected = format!("{SEED_CSV}\n{SEED_1999_CSV}\n");
    for input in [
        format!("{SEED}\n{}\n", seed_1999()),
        format!("{SEED}\r\n{}\r\n", seed_1999()),
        format!("{header}\n{SEED}\n{}", seed_1999()),
        format!(
            "\u{feff}\"{}\"\r\n{SEED}\r\n{}",
            header.replace(',', "\",\""),
            seed_1999()
        ),
    ] {
        std::fs::write(file, &input).unwrap();
        assert_eq!(score("csv", &input).exits(0).stdout, expected, "{input}");
        assert_eq!(
            run(&["score", "--format", "csv", "-"], input.as_bytes())
                .exits(0)
                .stdout,
            expected,
            "{input}"
        );
        assert_eq!(
            run(&["score", file, "--format", "csv"], b"").exits(0).stdout,
            expected,
            "{input}"
        );
        assert_eq!(
            run(&["score", file, "--set", "output.format=csv"], b"").exits(0).stdout,
            expected,
            "{input}"
        );
    }
    assert_eq!(score("csv", "").exits(0).stdout, "");
    assert_eq!(score("csv", format!("{header}\n")).exits(0).stdout, "");
    run(&["score", "no-such-file.csv"], b"")
        .exits(1)
        .complains("no-such-file.csv");
    run(&["score", "--format", "xml"], b"").exits(2).complains("xml");
    run(&["score", "--help"], b"").exits(0).says("--format");
}

#[test]
fn a_row_is_scored_the_same_wherever_it_stands() {
    let lines: Vec<String> = (0..3000).map(|number| rows::row(number) + "\n").collect();
    let whole = score("json", lines.concat()).exits(0).stdout;
    assert_eq!(whole.lines().count(), 3000);
    let (start, end) = lines.split_at(777);
    assert_eq!(
        score("json", start.concat()).exits(0).stdout + &score("json", end.concat()).exits(0).stdout,
        whole
    );
}

#[test]
fn bad_rows_are_reported_with_their_line_number_and_the_others_are_scored() {
    let bad = [
        "1987,10,14".to_owned(),
        String::new(),
        SEED.replacen("730", "7h30", 1),
        SEED.replacen(",10,", ",13,", 1),
        SEED.replacen("PS", "\"PS", 1),
        "x".repeat(70_000),
    ];
    let input = format!(
        "{}{}\n{}",
        format!("{SEED}\n").repeat(1500),
        bad.join("\n"),
        seed_1999()
    );
    let run = score("csv", input).exits(7);
    assert_eq!(
        run.stdout,
        format!("{}{SEED_1999_CSV}\n", format!("{SEED_CSV}\n").repeat(1500))
    );
    for complaint in [
        "standard input, line 1501: row_width: the row has 3 fields",
        "line 1502: empty",
        "line 1503: not_a_number: CRSDepTime (column 6): \"7h30\"",
        "line 1504: out_of_range: Month (column 2): \"13\"",
        "line 1505: unclosed_quote",
        "line 1506: too_large",
    ] {
        assert!(run.stderr.contains(complaint), "{complaint} in {}", run.stderr);
    }
    assert_eq!(run.stderr.lines().count(), 6, "{}", run.stderr);
}

#[test]
fn bytes_that_are_not_utf_8_are_scored_and_shown_in_valid_json() {
    let with = |column: usize, with: &[u8]| {
        let fields = SEED.split(',').enumerate();
        let fields = fields.map(|(position, field)| if position == column { with } else { field.as_bytes() });
        fields.collect::<Vec<_>>().join(&b","[..])
    };
    // The number on the tail is no feature; where it was broken, all is as if it were whole.
    assert_eq!(
        score("csv", with(10, b"N\xe4\xff\x80")).exits(0).stdout,
        format!("{SEED_CSV}\n")
    );
    let json = score("json", with(8, b"\xff\"\x01\\")).exits(0).stdout;
    let value: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(value["flight"]["carrier"], "\u{fffd}\"\u{1}\\");
    assert_eq!(value["flight"]["date"], "1987-10-14");
}

#[test]
fn two_thousand_rows_are_as_h2o_scored_them() {
    let fixture = std::fs::read(FIXTURE).unwrap();
    let mut input = Vec::new();
    let mut expected = Vec::new();
    for line in fixture.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let mut fields = line.rsplitn(3, |&byte| byte == b',').map(<[u8]>::to_vec);
        let mut number = || {
            String::from_utf8(fields.next().unwrap())
                .unwrap()
                .trim_end()
                .parse::<f64>()
                .ok()
        };
        let (yes, no) = (number(), number());
        input.extend(fields.next().unwrap());
        input.push(b'\n');
        expected.extend(no.zip(yes));
    }
    assert!(expected.len() >= 1900, "{} rows", expected.len());

    let run = score("csv", input).exits(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), expected.len());
    let mut different = Vec::new();
    let mut labels = [0, 0];
    for (position, (line, (h2o_no, h2o_yes))) in lines.iter().zip(&expected).enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let [label, no, yes] = fields[..] else { panic!("{line}") };
        let (no, yes): (f64, f64) = (no.parse().unwrap(), yes.parse().unwrap());
        let place = format!("line {}: {line}, by H2O {h2o_no},{h2o_yes}", position + 2);
        assert!(yes.to_bits().abs_diff(h2o_yes.to_bits()) <= 1, "{place}");
        assert_eq!(no, 1.0 - yes, "{place}");
        assert_eq!(label, if yes >= THRESHOLD { "YES" } else { "NO" }, "{place}");
        labels[usize::from(label == "YES")] += 1;
        if yes != *h2o_yes {
            different.push(place);
        }
    }
    println!(
        "{} rows differ in the last bit, NO and YES: {labels:?}",
        different.len()
    );
    assert!(
        labels.iter().all(|&count| count > 100),
        "both labels are there: {labels:?}"
    );
}
