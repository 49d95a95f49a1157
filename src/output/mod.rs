//! A prediction as it is published: JSON, CSV, or the text line of the original demo.

mod console;
mod encoder;
mod format;
pub mod published;
mod text;

pub use console::{console_block, printable};
pub use encoder::{Encoder, Source};
pub use format::Format;
pub use published::Published;
