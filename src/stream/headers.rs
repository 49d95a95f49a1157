//! Record headers whose keys may be any bytes: the crate's own accessors panic where a key is not UTF-8.

use rdkafka::bindings;
use rdkafka::message::{BorrowedMessage, Message, OwnedHeaders};
use std::ffi::CStr;
use std::ptr;

/// A copy of all headers, `None` where there are none.
pub fn copy(message: &BorrowedMessage<'_>) -> Option<OwnedHeaders> {
    message.headers().map(|headers| headers.detach())
}

/// For the lengths of a header's key and value, five bytes each at most.
const HEADER_LENGTHS: usize = 10;

/// The bytes of all keys and values and, at most, of their lengths.
#[expect(unsafe_code, reason = "the crate reads headers only by keys that are UTF-8")]
pub fn bytes(message: &BorrowedMessage<'_>) -> usize {
    if message.headers().is_none() {
        return 0;
    }
    let mut total = 0;
    // SAFETY: the message is alive, the headers belong to it, and librdkafka ends keys with a zero byte.
    unsafe {
        let mut headers = ptr::null_mut();
        if bindings::rd_kafka_message_headers(message.ptr(), &mut headers)
            != bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        {
            return 0;
        }
        for index in 0.. {
            let (mut key, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            let found = bindings::rd_kafka_header_get_all(headers, index, &mut key, &mut value, &mut size);
            if found != bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                break;
            }
            total += CStr::from_ptr(key).to_bytes().len() + size + HEADER_LENGTHS;
        }
    }
    total
}
