//! Whole numbers as they stand in a field.

use std::ops::Range;

/// Reads up to four digits of a row at once, as nearly all numbers have; `None` for what only [`whole`] can read, and for
/// what is too close to the row's end.
#[inline]
pub(super) fn short(row: &[u8], place: Range<usize>) -> Option<i32> {
    const ZEROS: u32 = u32::from_ne_bytes([b'0'; 4]);
    const BELOW: u32 = u32::from_ne_bytes([0x80 - 10; 4]);
    const HIGHEST: u32 = u32::from_ne_bytes([0x80; 4]);
    let word = row.get(place.start..)?.first_chunk()?;
    let length = place.end.wrapping_sub(place.start);
    if !(1..=4).contains(&length) {
        return None;
    }
    // What follows the number is shifted out, and zeros come before it.
    let digits = (u32::from_le_bytes(*word) ^ ZEROS) << (32 - 8 * length);
    if (digits.wrapping_add(BELOW) | digits) & HIGHEST != 0 {
        return None;
    }
    // Neighbours are taken together: into two numbers of two digits, then into one.
    let pairs = (10 * digits + (digits >> 8)) & 0x00ff_00ff;
    let value = 100 * (pairs & 0xff) + (pairs >> 16);
    Some(value as i32)
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

    fn short_of(field: &[u8]) -> Option<i32> {
        let row = [b"19,", field, b",0123456789"].concat();
        short(&row, 3..3 + field.len())
    }

    #[test]
    fn digits_at_once_are_up_to_four() {
        for field in [
            &b""[..],
            b"-1",
            b"1-",
            b"/",
            b":",
            b"12:",
            b"1.0",
            b"NA",
            b"1\xe4",
            b"\xff\xff",
            b"12345",
        ] {
            assert_eq!(short_of(field), None, "{}", field.escape_ascii());
        }
        assert_eq!(short_of(b"9999"), Some(9999));
        assert_eq!(short_of(b"0120"), Some(120));
        assert_eq!(short(b"123", 0..1), None, "too close to the end");
        assert_eq!(short(b"1234", 0..1), Some(1));
    }

    proptest! {
        #[test]
        fn what_is_read_at_once_is_what_is_read(
            field in prop_oneof!["[0-9]{1,5}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..6)],
        ) {
            let is_short = (1..=4).contains(&field.len()) && field.iter().all(u8::is_ascii_digit);
            prop_assert_eq!(short_of(&field), whole(&field).filter(|_| is_short));
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
