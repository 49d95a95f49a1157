//! Whatever a client sends, it gets at most one answer and the connection ends; 200 and 503 are for questions to known
//! paths only.
#![no_main]

use flight_delay_scorer::fuzzing::Http;
use std::cell::LazyCell;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

const HEALTH: [&str; 3] = ["/health/live", "/health/ready", "/health/startup"];
const OTHERS: [&str; 3] = ["/", "/metrics", "/status"];

thread_local! {
    static SERVER: LazyCell<(Http, Runtime)> = const { LazyCell::new(|| {
        // Paused, the clock jumps to the next deadline as soon as nothing else can happen.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        (Http::new().unwrap(), runtime.unwrap())
    }) };
}

/// All that comes until the connection ends. The request comes in pieces.
fn ask(request: &[u8], piece: usize) -> Vec<u8> {
    SERVER.with(|server| {
        let (http, runtime) = &**server;
        runtime.block_on(async {
            let (client, stream) = tokio::io::duplex(1 << 16);
            let (mut reader, mut writer) = tokio::io::split(client);
            let mut answer = Vec::new();
            let send = async {
                for piece in request.chunks(piece) {
                    // A server that has answered may leave the rest unread.
                    let _ = writer.write_all(piece).await;
                    tokio::task::yield_now().await;
                }
            };
            let receive = async { reader.read_to_end(&mut answer).await.unwrap() };
            tokio::join!(http.answer(stream), send, receive);
            answer
        })
    })
}

/// The status of an answer, which is one and whole.
fn status(answer: &[u8], is_head: bool) -> u16 {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let (head, body) = (str::from_utf8(&answer[..end]).unwrap(), &answer[end + 4..]);
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap();
    assert!(status.starts_with("HTTP/1."), "{status}");
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    assert_eq!(body.len(), if is_head { 0 } else { length }, "{head}");
    status[9..12].parse().unwrap()
}

/// Method and path of a request, read in a simple way.
fn question(request: &[u8]) -> Option<(&str, &str)> {
    let start = request.iter().position(|byte| !b"\r\n".contains(byte))?;
    let line = request[start..].split(|&byte| byte == b'\n').next()?;
    let mut words = str::from_utf8(line).ok()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let target = target.split(['?', '#']).next()?;
    let path = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest.find('/').map_or("/", |slash| &rest[slash..]),
        _ => target,
    };
    Some((method, path))
}

/// The status of an answer, where there is one; it has to fit the question.
fn check(request: &[u8], answer: &[u8]) -> Option<u16> {
    let question = question(request);
    let is_head = question.is_some_and(|(method, _)| method == "HEAD");
    let status = (!answer.is_empty()).then(|| status(answer, is_head))?;
    match (status, question) {
        (200, Some(("GET" | "HEAD", path))) if HEALTH.contains(&path) || OTHERS.contains(&path) => {}
        (503, Some(("GET" | "HEAD", path))) if HEALTH.contains(&path) => {}
        (400..500, _) => {}
        _ => panic!("{status} for {question:?}"),
    }
    Some(status)
}

libfuzzer_sys::fuzz_target!(|request: &[u8]| {
    let [at_once, in_pieces] = [request.len().max(1), request.len() / 8 + 1].map(|piece| {
        let status = check(request, &ask(request, piece));
        // A request that is refused may be refused as soon as that is clear, and in another way.
        status.filter(|status| [200, 503].contains(status))
    });
    assert_eq!(at_once, in_pieces, "the answer depends on how the request came");
});
