//! Where the observer sends findings to, played here: a webhook on loopback and the journal's socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

/// A finding, and when it had arrived.
type Arrived = Arc<Mutex<Vec<(SystemTime, Value)>>>;

/// A receiver in a thread; ends when dropped.
pub(super) struct Receiver {
    arrived: Arrived,
    over: Arc<AtomicBool>,
}

impl Receiver {
    /// A webhook, and its URL.
    pub(super) fn webhook() -> Result<(Self, String), String> {
        let server = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        server.set_nonblocking(true).map_err(|error| error.to_string())?;
        let url = format!("http://{}/findings", server.local_addr().map_err(|error| error.to_string())?);
        let receiver = Self::start(move || match server.accept() {
            Ok((stream, _)) => posted(stream).ok(),
            Err(_) => {
                std::thread::sleep(Duration::from_millis(1));
                None
            }
        });
        Ok((receiver, url))
    }

    /// The journal's socket, and its path.
    pub(super) fn journal(directory: &Path) -> Result<(Self, PathBuf), String> {
        let path = directory.join("journal.socket");
        let socket = UnixDatagram::bind(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        socket.set_read_timeout(Some(Duration::from_millis(100))).map_err(|error| error.to_string())?;
        let mut entry = vec![0; 1 << 17];
        let receiver = Self::start(move || {
            let length = socket.recv(&mut entry).ok()?;
            let text = String::from_utf8_lossy(entry.get(..length)?).into_owned();
            let json = text.lines().find_map(|line| line.strip_prefix("TIERZERO_JSON="))?;
            serde_json::from_str(json).ok()
        });
        Ok((receiver, path))
    }

    fn start(mut next: impl FnMut() -> Option<Value> + Send + 'static) -> Self {
        let (arrived, over) = (Arrived::default(), Arc::new(AtomicBool::new(false)));
        let (into, until) = (Arc::clone(&arrived), Arc::clone(&over));
        std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                if let Some(value) = next() {
                    let at = SystemTime::now();
                    into.lock().unwrap_or_else(PoisonError::into_inner).push((at, value));
                }
            }
        });
        Self { arrived, over }
    }

    /// What has arrived so far.
    pub(super) fn arrived(&self) -> Vec<(SystemTime, Value)> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// The body of one request, which is answered.
fn posted(stream: TcpStream) -> std::io::Result<Value> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
    }
    let mut body = Vec::new();
    Read::by_ref(&mut reader).take(length).read_to_end(&mut body)?;
    reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    Ok(serde_json::from_slice(&body)?)
}
