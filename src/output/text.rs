//! Bytes of a row as JSON strings.

/// Whether JSON has a byte as it is: printable ASCII but for what is escaped.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'"' | b'\\');
        byte += 1;
    }
    plain
};

/// Appends `text` as a JSON string; what is not UTF-8 becomes U+FFFD.
#[inline]
pub(super) fn push_json(text: &[u8], out: &mut Vec<u8>) {
    // To the end also where an answer is known: texts are short.
    if !text.iter().fold(true, |plain, &byte| plain & PLAIN[usize::from(byte)]) {
        return push_other(text, out);
    }
    match *text {
        // Carriers, airports and flight numbers: copies of a known length are much cheaper.
        [a, b] => out.extend_from_slice(&[b'"', a, b, b'"']),
        [a, b, c] => out.extend_from_slice(&[b'"', a, b, c, b'"']),
        [a, b, c, d] => out.extend_from_slice(&[b'"', a, b, c, d, b'"']),
        _ => {
            out.push(b'"');
            out.extend_from_slice(text);
            out.push(b'"');
        }
    }
}

#[cold]
fn push_other(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_escaped(character, out);
        }
        if !chunk.invalid().is_empty() {
            push_escaped(char::REPLACEMENT_CHARACTER, out);
        }
    }
    out.push(b'"');
}

fn push_escaped(character: char, out: &mut Vec<u8>) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\0'..='\x1f' => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let code = character as usize;
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[DIGITS[code >> 4], DIGITS[code & 15]]);
        }
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_json_string(bytes: Vec<u8>) {
            let mut out = Vec::new();
            push_json(&bytes, &mut out);
            let read: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(read, String::from_utf8_lossy(&bytes));
        }
    }
}
