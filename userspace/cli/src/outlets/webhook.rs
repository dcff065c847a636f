//! A webhook: each finding is one POST of its JSON line (RFC 9112). It goes to this host only: findings tell where to
//! attack, and nothing here speaks TLS, so what carries them further must (a local proxy or log shipper).

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tierzero_core::finding::Finding;
use zeroize::Zeroizing;

use super::{Receiver, Sent};

/// Longest answer that is looked at: the status line and header.
const ANSWER: usize = 8192;
/// Most header fields of an answer.
const FIELDS: usize = 64;
/// Longest token file, in bytes.
const TOKEN: u64 = 8192;

/// Where to, of `http://ADDRESS[:PORT]/PATH`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WebhookAddress {
    at: SocketAddr,
    /// As sent in `Host`.
    host: String,
    /// Path and query: may hold what must not be told.
    target: String,
}

impl std::fmt::Debug for WebhookAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}/...", self.host)
    }
}

impl std::str::FromStr for WebhookAddress {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let local = "http to a loopback address (127.0.0.1, [::1], localhost) only: findings must not cross a network \
                     as they are; what takes them further, with TLS, can listen there";
        let rest = url.strip_prefix("http://").ok_or(local)?;
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains('#') {
            return Err("not a URL");
        }
        let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.contains('@') {
            return Err("no name or password in the URL: use token_file");
        }
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let named = host.strip_prefix("localhost").filter(|port| port.is_empty() || port.starts_with(':'));
        let text = named.map_or_else(|| host.to_owned(), |port| format!("{}{port}", Ipv4Addr::LOCALHOST));
        let at = text
            .parse::<SocketAddr>()
            .or_else(|_| text.trim_matches(['[', ']']).parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 80)))
            .map_err(|_| local)?;
        if !at.ip().to_canonical().is_loopback() {
            return Err(local);
        }
        Ok(Self { at, host: host.to_owned(), target })
    }
}

/// The webhook as configured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Webhook {
    /// Where to.
    pub(crate) address: WebhookAddress,
    /// File with a bearer token, read for each request: it is never kept, and may change.
    pub(crate) token_file: Option<PathBuf>,
    /// Longest time for one request, from connecting to its status.
    pub(crate) timeout: Duration,
}

impl Receiver for Webhook {
    const NAME: &'static str = "webhook";

    fn send(&mut self, finding: &Finding) -> Sent {
        match self.post(tierzero_export::lines::finding(finding).as_bytes()) {
            Ok(200..=299) => Sent::Taken,
            // Asked to wait, or in trouble: RFC 9110 sections 15.5.9, 15.6; RFC 6585 section 4.
            Ok(status @ (408 | 425 | 429 | 500..=599)) => Sent::Later(format!("it answered {status}")),
            Ok(status @ 300..=399) => {
                Sent::Refused(format!("it answered {status}; redirections are not followed"))
            }
            Ok(status) => Sent::Refused(format!("it answered {status}")),
            Err(error) => Sent::Later(error.to_string()),
        }
    }
}

impl Webhook {
    /// One request; the status of its answer.
    fn post(&self, body: &[u8]) -> io::Result<u16> {
        let until = Instant::now() + self.timeout;
        let head = self.head(body.len())?;
        let mut stream = TcpStream::connect_timeout(&self.address.at, self.timeout)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(remaining(until)?))?;
        stream.write_all(&head)?;
        stream.write_all(body)?;
        let mut answer = Vec::with_capacity(512);
        let mut part = [0; 512];
        loop {
            stream.set_read_timeout(Some(remaining(until)?))?;
            let length = match stream.read(&mut part) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(too_slow()),
                read => read?,
            };
            answer.extend_from_slice(part.get(..length).unwrap_or_default());
            if let Some(status) = status(&answer)? {
                return Ok(status);
            }
            if length == 0 || answer.len() > ANSWER {
                return Err(io::Error::other("it answered no HTTP"));
            }
        }
    }

    /// The request up to its body. Wiped when it is dropped, for the token in it.
    fn head(&self, length: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let Self { address: WebhookAddress { at: _, host, target }, token_file, timeout: _ } = self;
        let mut head = Zeroizing::new(Vec::with_capacity(target.len() + 16_384));
        write!(
            head,
            "POST {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tierzero/{}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n",
            env!("CARGO_PKG_VERSION")
        )?;
        if let Some(file) = token_file {
            let token = token(file)?;
            head.extend_from_slice(b"Authorization: Bearer ");
            head.extend_from_slice(&token);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        Ok(head)
    }
}

/// The token in a file that others may not read. Errors never show what is in it.
pub(crate) fn token(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = std::fs::File::open(path)
        .map_err(|error| io::Error::new(error.kind(), format!("token_file can't be read: {error}")))?;
    if file.metadata()?.permissions().mode() & 0o007 != 0 {
        return Err(io::Error::other("token_file is open to every user: chmod o= it"));
    }
    // Room for all of it from the start: growing would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(TOKEN + 1).unwrap_or(usize::MAX)));
    Read::by_ref(&mut file).take(TOKEN + 1).read_to_end(&mut text)?;
    let token = Zeroizing::new(text.trim_ascii().to_vec());
    // RFC 6750 section 2.1: visible characters, no space.
    if token.is_empty() || text.len() as u64 > TOKEN || !token.iter().all(u8::is_ascii_graphic) {
        return Err(io::Error::other("token_file holds no token: one line of visible characters"));
    }
    Ok(token)
}

/// The final status of the answer, once its header is there.
fn status(answer: &[u8]) -> io::Result<Option<u16>> {
    let mut rest = answer;
    loop {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = response.parse(rest).map_err(|_| io::Error::other("it answered no HTTP"))?;
        let httparse::Status::Complete(length) = parsed else { return Ok(None) };
        match response.code {
            // Interim: the final one follows (RFC 9110 section 15.2).
            Some(100..=199) => rest = rest.get(length..).unwrap_or_default(),
            code => return Ok(code),
        }
    }
}

fn remaining(until: Instant) -> io::Result<Duration> {
    let remaining = until.saturating_duration_since(Instant::now());
    if remaining.is_zero() { Err(too_slow()) } else { Ok(remaining) }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::outlets::tests::finding;

    /// A server for one request: what it was sent, once it has answered with this.
    fn answering(answer: &'static str) -> (Webhook, std::thread::JoinHandle<String>) {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/hook?key=secret", server.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut got = Vec::new();
            let mut part = [0; 4096];
            while !complete(&got) {
                let length = stream.read(&mut part).unwrap();
                got.extend_from_slice(&part[..length]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(got).unwrap()
        });
        let address = address.parse().unwrap();
        (Webhook { address, token_file: None, timeout: Duration::from_secs(5) }, served)
    }

    fn complete(got: &[u8]) -> bool {
        let text = String::from_utf8_lossy(got);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        body.len() == length.parse::<usize>().unwrap()
    }

    #[test]
    fn a_finding_is_posted_with_the_token_of_the_file_as_it_is_now() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("token");
        for secret in ["MARK-one", "MARK-two"] {
            std::fs::write(&file, format!("{secret}\n")).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            let (mut webhook, served) =
                answering("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
            webhook.token_file = Some(file.clone());
            assert_eq!(webhook.send(&finding(1)), Sent::Taken);
            let got = served.join().unwrap();
            assert!(got.starts_with("POST /hook?key=secret HTTP/1.1\r\n"), "{got}");
            assert!(got.contains(&format!("Authorization: Bearer {secret}\r\n")), "{got}");
            let json: serde_json::Value =
                serde_json::from_str(got.split_once("\r\n\r\n").unwrap().1).unwrap();
            assert_eq!((&json["type"], &json["finding"]), (&"finding".into(), &"bridge-direct".into()));
            let shown = format!("{webhook:?}");
            assert!(!shown.contains("MARK") && !shown.contains("key=secret"), "{shown}");
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let says = token(&file).unwrap_err().to_string();
        assert!(says.contains("chmod") && !says.contains("MARK"), "{says}");
    }

    #[test]
    fn answers_decide_and_redirections_are_not_followed() {
        for (answer, sent) in [
            ("HTTP/1.1 503 Busy\r\n\r\n", Sent::Later("it answered 503".to_owned())),
            ("HTTP/1.1 404 No\r\n\r\n", Sent::Refused("it answered 404".to_owned())),
            (
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
                Sent::Refused("it answered 302; redirections are not followed".to_owned()),
            ),
            ("SSH-2.0-x\r\n", Sent::Later("it answered no HTTP".to_owned())),
        ] {
            let (mut webhook, served) = answering(answer);
            assert_eq!(webhook.send(&finding(1)), sent);
            served.join().unwrap();
        }
    }

    #[test]
    fn a_server_that_says_nothing_is_left_in_time() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", server.local_addr().unwrap()).parse().unwrap();
        let mut webhook = Webhook { address, token_file: None, timeout: Duration::from_millis(200) };
        let begun = Instant::now();
        assert_eq!(webhook.send(&finding(1)), Sent::Later("it did not answer in time".to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(5));
        drop(server);
        assert!(matches!(webhook.send(&finding(1)), Sent::Later(_)), "nobody listens");
    }

    #[test]
    fn findings_stay_on_the_host() {
        for url in [
            "http://127.0.0.1:8080/x",
            "http://localhost/",
            "http://[::1]:9/x?y",
            "http://127.0.0.1",
            "http://[::1]",
        ] {
            assert!(url.parse::<WebhookAddress>().is_ok(), "{url}");
        }
        for url in [
            "https://127.0.0.1/",
            "http://10.0.0.1/",
            "http://example.com/",
            "http://localhost.example.com/",
            "http://u:p@127.0.0.1/",
            "http://127.0.0.1/ HTTP/1.1",
            "http://127.0.0.1/\r\nX: y",
            "",
        ] {
            assert!(url.parse::<WebhookAddress>().is_err(), "{url}");
        }
    }
}
