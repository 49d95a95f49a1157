//! Whole numbers as they stand in a field.

/// Reads `-?[0-9]{1,9}(\.0*)?`: every numeric column holds whole numbers, which data-frame tools like to
/// write as `741.0`.
pub(super) fn whole(field: &[u8]) -> Option<i32> {
    let (negative, rest) = match field {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, field),
    };
    let mut value = 0i32;
    let mut digits = 0;
    for (position, &byte) in rest.iter().enumerate() {
        match byte {
            b'0'..=b'9' if position < 9 => {
                value = value * 10 + i32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && rest[position + 1..].iter().all(|&b| b == b'0') => break,
            _ => return None,
        }
    }
    (digits > 0).then_some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accepts_whole_numbers_only() {
        let cases: [(&[u8], Option<i32>); 14] = [
            (b"0", Some(0)),
            (b"-16", Some(-16)),
            (b"007", Some(7)),
            (b"741.0", Some(741)),
            (b"741.", Some(741)),
            (b"999999999", Some(999_999_999)),
            (b"1000000000", None),
            (b"741.5", None),
            (b"", None),
            (b"-", None),
            (b".0", None),
            (b"1e3", None),
            (b" 7", None),
            (b"NaN", None),
        ];
        for (field, expected) in cases {
            assert_eq!(whole(field), expected, "{}", field.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_was_written(value in -999_999_999i32..=999_999_999) {
            prop_assert_eq!(whole(value.to_string().as_bytes()), Some(value));
        }

        #[test]
        fn agrees_with_the_standard_library(field in "[-0-9.]{0,11}") {
            if let Some(value) = whole(field.as_bytes()) {
                prop_assert_eq!(field.parse::<f64>().unwrap(), f64::from(value));
            }
        }
    }
}
