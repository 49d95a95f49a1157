//! The connections that HTTP is answered on.
//!
//! Nobody can hold HTTP up for long or make it grow: a connection carries one request and has ended, whatever its
//! client does or leaves undone, when its time is over; and where the most are open that may be, a new one takes the
//! place of the oldest. A health probe is answered within milliseconds of its connection, so it gets through beside
//! any number of idle or slow clients.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From accepting a connection to the last byte of the answer.
    time: Duration,
    connections: usize,
    /// Request line and headers together; hyper takes a hundred headers at most.
    head_bytes: usize,
}

pub const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    connections: 64,
    head_bytes: 16 * 1024,
};

/// Pause after a connection that could not be accepted, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers for as long as it is polled.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits) {
    let mut open: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "an HTTP connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= limits.connections
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(tokio::spawn(answer(stream, router.clone(), limits)));
    }
}

/// Answers the one request of a connection, or cuts it off when its time is over.
pub async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router, limits: Limits) {
    let mut http = http1::Builder::new();
    http.keep_alive(false).max_buf_size(limits.head_bytes);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(limits.time, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "HTTP"),
        Err(_) => tracing::debug!("an HTTP client took too long and was cut off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::http;
    use std::io::{ErrorKind, Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::sync::mpsc;
    use std::time::Instant;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Serves until the test ends.
    fn start(limits: Limits) -> SocketAddr {
        let (address, bound) = mpsc::channel();
        std::thread::spawn(move || {
            let router = http::router(http::Service::without_workers().unwrap());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                address.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, router, limits).await;
            });
        });
        bound.recv().unwrap()
    }

    fn connect(server: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// All that comes until the connection ends; it has to end.
    fn rest(mut stream: TcpStream) -> String {
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
        String::from_utf8(answer).unwrap()
    }

    fn ask(server: SocketAddr, request: &str) -> String {
        let mut stream = connect(server);
        stream.write_all(request.as_bytes()).unwrap();
        rest(stream)
    }

    fn get(server: SocketAddr, path: &str) -> String {
        ask(server, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    #[test]
    fn only_questions_to_known_paths_are_answered_one_a_connection() {
        let server = start(LIMITS);
        for (request, expected) in [
            ("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK"),
            ("HEAD /status HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK"),
            ("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found"),
            (
                "GET /health/live/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
                "404 Not Found",
            ),
            (
                "POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
                "405 Method Not Allowed",
            ),
            ("DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method Not Allowed"),
            ("PUT /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method Not Allowed"),
            ("CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", "405 Method Not Allowed"),
            (
                "GET /status HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
                "413 Payload Too Large",
            ),
            (
                "GET /status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
                "413 Payload Too Large",
            ),
            ("no HTTP at all\r\n\r\n", "400 Bad Request"),
        ] {
            let twice = format!("{request}{request}");
            let answer = ask(server, &twice);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {expected}\r\n")),
                "{request}{answer}"
            );
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{request}{answer}");
        }
    }

    #[test]
    fn a_head_that_is_too_large_is_refused() {
        let server = start(LIMITS);
        let long = format!(
            "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
            "x".repeat(LIMITS.head_bytes)
        );
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(101));
        let path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(LIMITS.head_bytes));
        for request in [long, many, path] {
            let answer = ask(server, &request);
            assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        }
        let fits = "x".repeat(LIMITS.head_bytes - 100);
        let answer = ask(server, &format!("GET / HTTP/1.1\r\nHost: x\r\nX: {fits}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    #[test]
    fn idle_and_slow_clients_are_cut_off() {
        let server = start(Limits {
            time: Duration::from_millis(500),
            ..LIMITS
        });
        assert_eq!(rest(connect(server)), "");

        let mut slow = connect(server);
        slow.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        slow.write_all(b"GET /health/live HTTP/1.1\r\n").unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(
                Instant::now() < deadline,
                "a client that never finishes its headers was not cut off"
            );
            let sent = slow.write_all(b"X: x\r\n");
            match slow.read(&mut [0]) {
                Ok(0) => break,
                Ok(_) => panic!("half a request was answered"),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => sent.unwrap(),
                Err(_) => break,
            }
        }
    }

    #[test]
    fn a_probe_gets_through_beside_more_connections_than_may_be_open() {
        let server = start(Limits {
            time: PATIENCE * 10,
            ..LIMITS
        });
        let mut held: Vec<TcpStream> = (0..3 * LIMITS.connections).map(|_| connect(server)).collect();
        for client in &mut held {
            // Those that were cut off already may refuse.
            let _ = client.write_all(b"GET /health/live HTTP/1.1\r\n");
        }
        for _ in 0..10 {
            assert!(get(server, "/health/live").starts_with("HTTP/1.1 200 OK\r\n"));
        }
        // The oldest had to go; with the newest nothing was done.
        let newest = held.pop().unwrap();
        assert_eq!(rest(held.swap_remove(0)), "");
        newest.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let still_open = newest.peek(&mut [0]).unwrap_err();
        assert!(
            matches!(still_open.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "{still_open}"
        );
    }
}
