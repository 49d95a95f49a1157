//! The calls of librdkafka, each behind a safe function. Pointers stay in this file; what they point to lives as long
//! as the values here that hold them.

use anyhow::{Context, bail, ensure};
use rdkafka::bindings::*;
use rdkafka::config::ClientConfig;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// Longer than any message may stay undelivered.
const PATIENCE: c_int = 130_000;
/// Milliseconds of a step of a flush.
const FLUSH_STEP: c_int = 1;

/// The code of the last record that was not delivered, 0 where there is none.
static UNDELIVERED: AtomicI32 = AtomicI32::new(0);

static TERMINATED: OnceLock<&AtomicBool> = OnceLock::new();

/// Sets the flag when SIGTERM or SIGINT comes.
pub fn on_termination(flag: &'static AtomicBool) {
    extern "C" fn set(_signal: c_int) {
        if let Some(flag) = TERMINATED.get() {
            flag.store(true, Ordering::Relaxed);
        }
    }
    TERMINATED.get_or_init(|| flag);
    let handler = set as extern "C" fn(c_int);
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: the handler does nothing but store into an atomic.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

/// A client of librdkafka.
struct Client(*mut rd_kafka_t);

impl Client {
    fn new(kind: rd_kafka_type_t, config: &ClientConfig) -> anyhow::Result<Client> {
        // A client that is made takes its configuration over.
        let config = ManuallyDrop::new(config.create_native_config()?);
        let mut problem = [0 as c_char; 512];
        // SAFETY: the configuration is whole, and not used after this; the callback is a static function.
        let client = unsafe {
            if kind == rd_kafka_type_t::RD_KAFKA_PRODUCER {
                rd_kafka_conf_set_dr_msg_cb(config.ptr(), Some(delivered));
            }
            rd_kafka_new(kind, config.ptr(), problem.as_mut_ptr(), problem.len())
        };
        // SAFETY: librdkafka ends the text with a zero.
        ensure!(!client.is_null(), "{}", unsafe { text(problem.as_ptr()) });
        Ok(Client(client))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_new, destroyed once; all that belongs to it is destroyed before.
        unsafe { rd_kafka_destroy(self.0) };
    }
}

unsafe extern "C" fn delivered(_: *mut rd_kafka_t, message: *const rd_kafka_message_t, _: *mut c_void) {
    // SAFETY: librdkafka gives a message that lives as long as the call.
    let code = unsafe { (*message).err };
    if code != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        UNDELIVERED.store(code as i32, Ordering::Relaxed);
    }
}

/// Offsets by partition, as librdkafka takes them.
pub struct Offsets(*mut rd_kafka_topic_partition_list_t);

impl Drop for Offsets {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_topic_partition_list_new, destroyed once.
        unsafe { rd_kafka_topic_partition_list_destroy(self.0) };
    }
}

pub struct Consumer {
    queue: *mut rd_kafka_queue_t,
    topic: CString,
    client: Client,
}

impl Consumer {
    /// A member of the group that the properties name.
    pub fn new(properties: &ClientConfig, topic: &str) -> anyhow::Result<Consumer> {
        let client = Client::new(rd_kafka_type_t::RD_KAFKA_CONSUMER, properties)?;
        let topic = CString::new(topic)?;
        // SAFETY: client, list and name are alive; the queue is destroyed before the client.
        let (queue, code) = unsafe {
            rd_kafka_poll_set_consumer(client.0);
            let topics = Offsets(rd_kafka_topic_partition_list_new(1));
            rd_kafka_topic_partition_list_add(topics.0, topic.as_ptr(), -1);
            (
                rd_kafka_queue_get_consumer(client.0),
                rd_kafka_subscribe(client.0, topics.0),
            )
        };
        let consumer = Consumer { queue, topic, client };
        checked(code).context("cannot subscribe")?;
        Ok(consumer)
    }

    /// Room for this many messages.
    pub fn batch(&self, room: usize) -> Batch<'_> {
        Batch {
            consumer: self,
            messages: vec![ptr::null_mut(); room],
            filled: 0,
        }
    }

    /// The next offsets of the input topic, by partition.
    pub fn offsets(&self, next: &BTreeMap<i32, i64>) -> Offsets {
        // SAFETY: the list grows as needed; the element that is added lives until the next is.
        unsafe {
            let offsets = Offsets(rd_kafka_topic_partition_list_new(next.len() as c_int));
            for (&partition, &offset) in next {
                (*rd_kafka_topic_partition_list_add(offsets.0, self.topic.as_ptr(), partition)).offset = offset;
            }
            offsets
        }
    }

    pub fn commit(&self, offsets: &Offsets) -> anyhow::Result<()> {
        // SAFETY: client and list are alive.
        checked(unsafe { rd_kafka_commit(self.client.0, offsets.0, 0) }).context("cannot commit")
    }

    /// Leaves the group.
    pub fn close(self) -> anyhow::Result<()> {
        // SAFETY: the client is alive; its queue and itself go afterwards.
        checked(unsafe { rd_kafka_consumer_close(self.client.0) }).context("cannot close")
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // SAFETY: the queue was given by its client, which is destroyed after this.
        unsafe { rd_kafka_queue_destroy(self.queue) };
    }
}

/// Messages as they came.
pub struct Batch<'c> {
    consumer: &'c Consumer,
    messages: Vec<*mut rd_kafka_message_t>,
    filled: usize,
}

impl Batch<'_> {
    /// Waits for a message, and takes what there is besides. What the batch held before is gone.
    pub fn fill(&mut self, wait: Duration) {
        self.clear();
        // The call waits until all the room is filled.
        self.take(1, wait.as_millis() as c_int);
        if self.filled > 0 {
            self.take(self.messages.len(), 0);
        }
    }

    fn take(&mut self, room: usize, wait_ms: c_int) {
        let free = &mut self.messages[self.filled..room];
        // SAFETY: the queue is alive, and the call writes no more pointers than there is room for.
        let taken =
            unsafe { rd_kafka_consume_batch_queue(self.consumer.queue, wait_ms, free.as_mut_ptr(), free.len()) };
        self.filled += usize::try_from(taken).unwrap_or(0);
    }

    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// The messages, or what the consumer has to say instead.
    pub fn iter(&self) -> impl Iterator<Item = anyhow::Result<Message<'_>>> {
        self.messages[..self.filled].iter().map(|&message| {
            // SAFETY: the pointer is one that librdkafka gave, and not destroyed before `clear`.
            let code = unsafe { (*message).err };
            checked(code).context("cannot consume")?;
            Ok(Message(message, PhantomData))
        })
    }

    pub fn clear(&mut self) {
        for &message in &self.messages[..self.filled] {
            // SAFETY: given by librdkafka, destroyed once: it is not in the batch any more.
            unsafe { rd_kafka_message_destroy(message) };
        }
        self.filled = 0;
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[derive(Clone, Copy)]
pub struct Message<'b>(*mut rd_kafka_message_t, PhantomData<&'b ()>);

// SAFETY, for all of them: the message lives as long as its batch is borrowed.
impl<'b> Message<'b> {
    pub fn partition(self) -> i32 {
        unsafe { (*self.0).partition }
    }

    pub fn offset(self) -> i64 {
        unsafe { (*self.0).offset }
    }

    pub fn key(self) -> Option<&'b [u8]> {
        unsafe {
            let (key, bytes) = ((*self.0).key, (*self.0).key_len);
            (!key.is_null()).then(|| std::slice::from_raw_parts(key.cast(), bytes))
        }
    }

    /// Milliseconds since 1970.
    pub fn timestamp(self) -> i64 {
        unsafe { rd_kafka_message_timestamp(self.0, ptr::null_mut()) }
    }
}

/// A record to be sent.
pub struct Output<'r> {
    pub partition: i32,
    pub key: Option<&'r [u8]>,
    pub value: &'r [u8],
    pub timestamp: i64,
}

pub struct Producer {
    topic: *mut rd_kafka_topic_t,
    client: Client,
}

impl Producer {
    pub fn new(properties: &ClientConfig, topic: &str) -> anyhow::Result<Producer> {
        let client = Client::new(rd_kafka_type_t::RD_KAFKA_PRODUCER, properties)?;
        let name = CString::new(topic)?;
        // SAFETY: client and name are alive; the topic is destroyed before the client.
        let topic = unsafe { rd_kafka_topic_new(client.0, name.as_ptr(), ptr::null_mut()) };
        ensure!(!topic.is_null(), "cannot make {name:?}");
        Ok(Producer { topic, client })
    }

    /// Copies a record into the queue, and waits while that is full.
    pub fn send(&mut self, record: &Output<'_>) -> anyhow::Result<()> {
        use rd_kafka_vtype_t::*;
        let memory = |bytes: Option<&[u8]>| rd_kafka_vu_s__bindgen_ty_1 {
            mem: rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
                ptr: bytes.map_or(ptr::null_mut(), |bytes| bytes.as_ptr().cast_mut().cast()),
                size: bytes.map_or(0, <[u8]>::len),
            },
        };
        let value = |vtype, u| rd_kafka_vu_t { vtype, u };
        let values = [
            value(RD_KAFKA_VTYPE_RKT, rd_kafka_vu_s__bindgen_ty_1 { rkt: self.topic }),
            value(
                RD_KAFKA_VTYPE_PARTITION,
                rd_kafka_vu_s__bindgen_ty_1 { i32_: record.partition },
            ),
            value(
                RD_KAFKA_VTYPE_MSGFLAGS,
                rd_kafka_vu_s__bindgen_ty_1 { i: RD_KAFKA_MSG_F_COPY },
            ),
            value(RD_KAFKA_VTYPE_KEY, memory(record.key)),
            value(RD_KAFKA_VTYPE_VALUE, memory(Some(record.value))),
            value(
                RD_KAFKA_VTYPE_TIMESTAMP,
                rd_kafka_vu_s__bindgen_ty_1 { i64_: record.timestamp },
            ),
        ];
        loop {
            // SAFETY: client and topic are alive, each value is of the type that it says, bytes are copied.
            let error = unsafe { rd_kafka_produceva(self.client.0, values.as_ptr(), values.len()) };
            // SAFETY: an error that librdkafka gave.
            if !error.is_null()
                && unsafe { rd_kafka_error_code(error) } == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL
            {
                // SAFETY: as above, destroyed once.
                unsafe { rd_kafka_error_destroy(error) };
                self.poll(Duration::from_millis(1))?;
                continue;
            }
            return failed(error).context("cannot produce");
        }
    }

    /// Serves delivery reports.
    pub fn poll(&mut self, wait: Duration) -> anyhow::Result<()> {
        // SAFETY: the client is alive.
        unsafe { rd_kafka_poll(self.client.0, wait.as_millis() as c_int) };
        match UNDELIVERED.load(Ordering::Relaxed) {
            0 => Ok(()),
            code => bail!("a record was not delivered: code {code}"),
        }
    }

    /// Waits until everything is delivered.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_millis(PATIENCE as u64);
        loop {
            // In short steps: with callbacks nothing wakes it when the last record has arrived.
            // SAFETY: the client is alive.
            match checked(unsafe { rd_kafka_flush(self.client.0, FLUSH_STEP) }) {
                Err(_) if Instant::now() < deadline => self.poll(Duration::ZERO)?,
                flushed => {
                    flushed.context("cannot flush")?;
                    return self.poll(Duration::ZERO);
                }
            }
        }
    }

    pub fn init_transactions(&mut self) -> anyhow::Result<()> {
        // SAFETY: the client is alive.
        failed(unsafe { rd_kafka_init_transactions(self.client.0, PATIENCE) }).context("cannot begin with transactions")
    }

    pub fn begin_transaction(&mut self) -> anyhow::Result<()> {
        // SAFETY: the client is alive.
        failed(unsafe { rd_kafka_begin_transaction(self.client.0) }).context("cannot begin a transaction")
    }

    /// Commits what was sent and what was read.
    pub fn commit_transaction(&mut self, consumer: &Consumer, offsets: &Offsets) -> anyhow::Result<()> {
        self.flush()?;
        // SAFETY: both clients and the list are alive; the group's metadata is destroyed once.
        let sent = unsafe {
            let group = rd_kafka_consumer_group_metadata(consumer.client.0);
            let sent = rd_kafka_send_offsets_to_transaction(self.client.0, offsets.0, group, PATIENCE);
            rd_kafka_consumer_group_metadata_destroy(group);
            sent
        };
        failed(sent).context("cannot send the offsets")?;
        // SAFETY: the client is alive.
        failed(unsafe { rd_kafka_commit_transaction(self.client.0, PATIENCE) }).context("cannot commit the transaction")
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_topic_new, destroyed once, before its client.
        unsafe { rd_kafka_topic_destroy(self.topic) };
    }
}

fn checked(code: rd_kafka_resp_err_t) -> anyhow::Result<()> {
    // SAFETY: the text of a code is static.
    ensure!(code == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR, "{}", unsafe {
        text(rd_kafka_err2str(code))
    });
    Ok(())
}

/// An error that librdkafka gave, or none.
fn failed(error: *mut rd_kafka_error_t) -> anyhow::Result<()> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the error is alive until it is destroyed here, once.
    let problem = unsafe {
        let problem = text(rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        problem
    };
    bail!(problem)
}

/// # Safety
/// The text ends with a zero.
unsafe fn text(text: *const c_char) -> String {
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
