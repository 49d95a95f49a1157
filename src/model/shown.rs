//! What errors quote of a file: its texts may be as long as the file.

use std::any::Any;
use std::borrow::Cow;

/// Characters of a name.
const MOST_OF_A_NAME: usize = 100;

/// Characters of a whole message, which may have several names and numbers of the file in it.
const MOST_OF_A_PROBLEM: usize = 1000;

/// A name, where it is long without its end.
pub(super) fn name(name: &str) -> Cow<'_, str> {
    start(name, MOST_OF_A_NAME)
}

/// A message, where it is long without its end.
pub(super) fn problem(problem: &str) -> Cow<'_, str> {
    start(problem, MOST_OF_A_PROBLEM)
}

/// The message of a panic that was caught.
pub(super) fn panic(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or(payload.downcast_ref::<&str>().copied());
    text.unwrap_or("without a message")
}

fn start(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_quoted() {
        let caught = |cause: fn()| std::panic::catch_unwind(cause).unwrap_err();
        assert_eq!(panic(&*caught(|| panic!("plain"))), "plain");
        assert_eq!(panic(&*caught(|| panic!("number {}", 7))), "number 7");
        assert_eq!(panic(&*caught(|| std::panic::panic_any(7))), "without a message");
    }

    #[test]
    fn long_texts_end_early_and_between_characters() {
        let long = "é".repeat(101);
        assert_eq!(name(&long[..200]), long[..200]);
        assert_eq!(name(&long), format!("{}…", &long[..200]));
        assert_eq!(problem(&long), long);
        assert_eq!(problem(&"x".repeat(1 << 20)).chars().count(), 1001);
    }
}
