//! Whole numbers as they stand in a field.

use std::ops::Range;

/// Reads up to eight digits of a row at once; `None` also for what only [`whole`] can read, and close to the row's end.
#[inline]
pub(super) fn short(row: &[u8], place: Range<usize>) -> Option<i32> {
    const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);
    const BELOW: u64 = u64::from_ne_bytes([0x80 - 10; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    let length = place.end.wrapping_sub(place.start);
    if !(1..=8).contains(&length) {
        return None;
    }
    let word = row.get(place.start..)?.first_chunk()?;
    // What follows the number is shifted out, and zeros come before it.
    let digits = (u64::from_le_bytes(*word) ^ ZEROS) << (64 - 8 * length);
    if (digits.wrapping_add(BELOW) | digits) & HIGHEST != 0 {
        return None;
    }
    // Neighbours are taken together: into numbers of two digits, of four, of eight.
    let pairs = digits.wrapping_mul(10) + (digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100) + (pairs >> 16) & 0x0000_ffff_0000_ffff;
    let eight = fours.wrapping_mul(10_000) + (fours >> 32);
    Some(eight as u32 as i32)
}

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

    fn short_of(field: &str) -> Option<i32> {
        let row = format!("19,{field},0123456789");
        short(row.as_bytes(), 3..3 + field.len())
    }

    #[test]
    fn digits_at_once_are_as_one_by_one() {
        for field in ["", "-1", "1-", "/", ":", "12:", "1.0", "NA", "1\u{e4}", "123456789"] {
            assert_eq!(short_of(field), None, "{field}");
        }
        assert_eq!(short_of("99999999"), Some(99_999_999));
        assert_eq!(short(b"1234567", 0..1), None, "too close to the end");
        assert_eq!(short(b"12345678", 0..1), Some(1));
    }

    proptest! {
        #[test]
        fn what_is_read_at_once_is_what_is_read(field in "[0-9]{1,8}|[-0-9.:/\u{0}-\u{ff}]{0,9}") {
            if let Some(value) = short_of(&field) {
                prop_assert_eq!(whole(field.as_bytes()), Some(value));
            }
            let is_short = (1..=8).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit());
            prop_assert_eq!(short_of(&field).is_some(), is_short);
        }

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
