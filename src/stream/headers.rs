//! Record headers whose keys may be any bytes: the crate's own accessors panic where a key is not UTF-8.

use rdkafka::bindings;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Message, OwnedHeaders};
use std::ffi::CStr;
use std::{ptr, slice};

/// Key and value of a header. A value can be missing, which is not the same as empty.
pub type Header<'m> = (&'m [u8], Option<&'m [u8]>);

/// All headers of a message in their order.
pub fn all<'m>(message: &'m BorrowedMessage<'_>) -> impl Iterator<Item = Header<'m>> {
    message.headers().into_iter().flat_map(each)
}

/// The headers in their order.
#[expect(unsafe_code, reason = "the crate reads headers only by keys that are UTF-8")]
pub fn each(headers: &BorrowedHeaders) -> impl Iterator<Item = Header<'_>> {
    let native = native(headers);
    let mut index = 0;
    std::iter::from_fn(move || {
        let (mut key, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the headers are borrowed for as long as what is returned; librdkafka ends keys with a zero byte, and
        // a value that is not null has `size` bytes.
        unsafe {
            let found = bindings::rd_kafka_header_get_all(native, index, &mut key, &mut value, &mut size);
            if found != bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            index += 1;
            let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast(), size));
            Some((CStr::from_ptr(key).to_bytes(), value))
        }
    })
}

/// The value of the last header with this key.
pub fn last<'m>(message: &'m BorrowedMessage<'_>, key: &str) -> Option<&'m [u8]> {
    let found = all(message).filter(|(found, _)| *found == key.as_bytes());
    found.last()?.1
}

/// On a prediction in a format that has no place for it: the model that made it, `NAME@` and the first twelve digits of
/// its SHA-256.
pub const MODEL: &str = "flight_scorer.model";

/// For the lengths of a header's key and value, five bytes each at most.
const HEADER_LENGTHS: usize = 10;

/// The bytes of all keys and values and, at most, of their lengths.
pub fn bytes<'m>(headers: impl Iterator<Item = Header<'m>>) -> usize {
    headers
        .map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len) + HEADER_LENGTHS)
        .sum()
}

/// Appends a header with any key.
#[expect(unsafe_code, reason = "the crate appends headers only with keys that are UTF-8")]
pub fn append(headers: OwnedHeaders, (key, value): Header<'_>) -> OwnedHeaders {
    let (bytes, size) = value.map_or((ptr::null(), 0), |value| (value.as_ptr(), value.len()));
    // SAFETY: the headers are owned here and written by nobody else; librdkafka copies key and value. It refuses
    // nothing but headers that are read-only, which owned ones are not.
    unsafe {
        bindings::rd_kafka_header_add(
            native(headers.as_borrowed()).cast_mut(),
            key.as_ptr().cast(),
            key.len() as isize,
            bytes.cast(),
            size as isize,
        );
    }
    headers
}

/// The crate makes its reference of this pointer.
fn native(headers: &BorrowedHeaders) -> *const bindings::rd_kafka_headers_t {
    ptr::from_ref(headers).cast()
}
