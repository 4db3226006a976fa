//! Slow clients hold nothing for long, and nobody up.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use lanewright::app;
use lanewright::http::{self, Patience};
use serde_json::Value as Json;
use tokio::sync::watch;

use super::harness::{On, Service, runtime};
use super::program::LONG;

/// What comes back until the connection is closed.
fn rest(mut stream: &TcpStream) -> String {
    stream.set_read_timeout(Some(LONG)).expect("a time limit");
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("nobody closed it: {error}"),
    }
    String::from_utf8(text).expect("UTF-8")
}

#[test]
fn whoever_sends_a_head_slowly_is_let_go() {
    let service = Service::new(On::Sqlite, 1);
    let (api, end) = (service.host().app.api().clone(), watch::Sender::new(false));
    let address = runtime().block_on(async {
        let listener = app::listen("127.0.0.1:0".parse().expect("an address")).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let patience = Patience { head: Duration::from_millis(300), ..Patience::DEFAULT };
        tokio::spawn(http::serve(listener, api, end.subscribe(), patience));
        address
    });
    let connect = || TcpStream::connect(address).expect("a connection");
    let check = |head: &[u8], rate: Option<Duration>| {
        let (began, mut stream) = (Instant::now(), connect());
        match rate {
            None => stream.write_all(head).expect("sent"),
            // Until the other side has had enough.
            Some(rate) => {
                for byte in head.iter().chain(std::iter::repeat(&b'a')) {
                    if stream.write_all(&[*byte]).is_err() {
                        break;
                    }
                    assert!(began.elapsed() < LONG, "a byte now and then keeps a connection");
                    std::thread::sleep(rate);
                }
            }
        }
        let got = rest(&stream);
        assert!(got.is_empty() || got.starts_with("HTTP/1.1 408"), "{got}");
        assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    };
    check(b"", None);
    check(b"GET /livez HTTP/1.1\r\nhost:", None);
    check(b"PRI * HT", None);
    check(b"GET /livez HTTP/1.1\r\nx: y\r\nx-", Some(Duration::from_millis(20)));
    // Between two requests as well; the first was answered.
    let mut stream = connect();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").expect("sent");
    let got = rest(&stream);
    assert!(got.starts_with("HTTP/1.1 200") && got.ends_with("alive\n"), "{got}");
}

#[test]
fn whoever_sends_a_body_slowly_is_told() {
    let service = Service::with(On::Sqlite, 1, &[("limits.timeout_seconds", "1")]);
    let (_, key) = service.tenant(&crate::harness::root().join("examples/northwind"));
    let address = service.host().url.strip_prefix("http://").expect("a URL");
    let slow = TcpStream::connect(address).expect("a connection");
    let head = format!(
        "POST /v1/leads HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\ncontent-length: 100\r\n\r\n{{"
    );
    (&slow).write_all(head.as_bytes()).expect("sent");
    // Meanwhile others are served.
    assert_eq!(service.host().ask("GET", "/v1/reps", &key, None).0, 200);
    let got = rest(&slow);
    let (head, body) = got.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{got}"));
    let problem: Json = serde_json::from_str(body).expect("JSON");
    assert!(head.starts_with("HTTP/1.1 504"), "{head}");
    assert_eq!(problem["code"], "timeout");
}
