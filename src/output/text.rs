//! Bytes of a row as JSON strings.

/// Appends `text` as a JSON string; what is not UTF-8 becomes U+FFFD.
pub(super) fn push_json(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if text
        .iter()
        .all(|&byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
    {
        out.extend_from_slice(text);
    } else {
        for character in String::from_utf8_lossy(text).chars() {
            push_escaped(character, out);
        }
    }
    out.push(b'"');
}

fn push_escaped(character: char, out: &mut Vec<u8>) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\0'..='\x1f' => out.extend_from_slice(format!("\\u{:04x}", character as u32).as_bytes()),
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
