//! The block that the original demo printed for a scored row.

use std::fmt::{Display, Write};

const RULE: &str = "#####################\n";

/// The original's console block, with a line end. Without a row, or without probabilities, that line is left out.
///
/// Control characters are shown as escapes: no row can drive the terminal it is shown on. What is not UTF-8 is
/// shown as U+FFFD.
pub fn console_block<'r>(
    row: impl Into<Option<&'r [u8]>>,
    label: &str,
    probabilities: impl IntoIterator<Item = impl Display>,
) -> String {
    let mut block = String::from(RULE);
    if let Some(row) = row.into() {
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        let row = row.strip_suffix(b"\r").unwrap_or(row);
        block.push_str("Flight Input:");
        push_printable(&String::from_utf8_lossy(row), &mut block);
        block.push('\n');
    }
    block.push_str("Label (aka prediction) is flight departure delayed: ");
    push_printable(label, &mut block);
    block.push('\n');
    for (position, probability) in probabilities.into_iter().enumerate() {
        block.push_str(if position == 0 { "Class probabilities: " } else { "," });
        // Writing to a string does not fail.
        let _ = write!(block, "{probability}");
    }
    if !block.ends_with('\n') {
        block.push('\n');
    }
    block.push_str(RULE);
    block
}

/// The text with its control characters as escapes, so that it cannot drive the terminal it is shown on.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    push_printable(text, &mut shown);
    shown
}

fn push_printable(text: &str, block: &mut String) {
    for character in text.chars() {
        if character.is_control() {
            block.extend(character.escape_default());
        } else {
            block.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_the_block_of_the_original() {
        let row = "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES\r\n";
        let block = console_block(row.as_bytes(), "YES", [0.4319916897116479, 0.5680083102883521]);
        let expected = "#####################\n\
            Flight Input:1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES\n\
            Label (aka prediction) is flight departure delayed: YES\n\
            Class probabilities: 0.4319916897116479,0.5680083102883521\n\
            #####################\n";
        assert_eq!(block, expected);
    }

    #[test]
    fn leaves_out_what_is_not_known() {
        let block = console_block(None, "NO", [] as [f64; 0]);
        let expected =
            "#####################\nLabel (aka prediction) is flight departure delayed: NO\n#####################\n";
        assert_eq!(block, expected);
    }

    #[test]
    fn escapes_what_drives_a_terminal() {
        let block = console_block(&b"a\x1b[2J\xffb\nc"[..], "YES", [1]);
        assert!(block.contains("Flight Input:a\\u{1b}[2J\u{fffd}b\\nc\n"), "{block}");
    }

    proptest! {
        #[test]
        fn any_row_stays_on_its_line(row: Vec<u8>) {
            let block = console_block(&row[..], "YES", [0.5]);
            prop_assert_eq!(block.lines().count(), 5);
            prop_assert!(!block.chars().any(|character| character.is_control() && character != '\n'));
        }
    }
}
