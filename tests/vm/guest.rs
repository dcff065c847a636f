//! The program that runs inside a test machine: probes the kernel, makes connections between processes of its own, and
//! says on standard output what the sensor saw of them.
#![allow(clippy::print_stdout, reason = "what this program prints is what it is for")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tierzero_core::event::Event;
use tierzero_sensor::{Options, ProgramReport, Sensor};

mod sights;

use sights::{Exchange, Kind};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["serve", kind, address] => serve(kind, address),
        ["call", kind, address] => call(kind, address),
        _ => observe(),
    };
    if let Err(error) = done {
        println!("error\t{}", one_line(&error.to_string()));
    }
    if words.is_empty() {
        println!("end");
    }
}

/// What the caller sends in every exchange.
const REQUEST: &[u8] = b"what the caller says\n";
/// What the receiver answers.
const RESPONSE: &[u8] = b"what the receiver answers, which is longer\n";

/// Says its address, serves one caller, ends.
fn serve(kind: &str, address: &str) -> io::Result<()> {
    match kind {
        "udp" => {
            let socket = UdpSocket::bind(address)?;
            println!("{}", socket.local_addr()?);
            let mut request = [0; 64];
            let (_, peer) = socket.recv_from(&mut request)?;
            socket.send_to(RESPONSE, peer).map(|_| ())
        }
        "unix" => {
            let listener = UnixListener::bind(address)?;
            println!("{address}");
            let (stream, _) = listener.accept()?;
            // The receiver's check, which is a call and leaves nothing on the wire.
            rustix::net::sockopt::socket_peercred(&stream)?;
            answer(stream)
        }
        "quiet" => {
            let listener = TcpListener::bind(address)?;
            println!("{}", listener.local_addr()?);
            // accept(2) without asking for the peer's address: another path through the kernel.
            answer(TcpStream::from(rustix::net::accept(&listener)?))
        }
        _ => {
            let listener = TcpListener::bind(address)?;
            println!("{}", listener.local_addr()?);
            answer(listener.accept()?.0)
        }
    }
}

fn answer(mut stream: impl Read + Write) -> io::Result<()> {
    let mut request = vec![0; REQUEST.len()];
    stream.read_exact(&mut request)?;
    stream.write_all(RESPONSE)
}

/// Calls once, ends.
fn call(kind: &str, address: &str) -> io::Result<()> {
    match kind {
        "udp" => {
            let any = if address.starts_with('[') { "[::1]:0" } else { "127.0.0.1:0" };
            let socket = UdpSocket::bind(any)?;
            socket.set_read_timeout(Some(Duration::from_secs(5)))?;
            socket.send_to(REQUEST, address)?;
            socket.recv_from(&mut [0; 64]).map(|_| ())
        }
        "unix" => ask(UnixStream::connect(address)?),
        "refused" => match TcpStream::connect(address) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::other("was served where nobody listens")),
        },
        _ => ask(TcpStream::connect(address)?),
    }
}

fn ask(mut stream: impl Read + Write) -> io::Result<()> {
    stream.write_all(REQUEST)?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    if response == RESPONSE { Ok(()) } else { Err(io::Error::other("another response")) }
}

/// Probes, starts the sensor, makes the exchanges, and compares.
fn observe() -> io::Result<()> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    println!("kernel\t{}", release.trim());
    for ProgramReport { name, hook, state, because, loses: _, verified_instructions } in
        tierzero_sensor::probe()
    {
        let walked = verified_instructions.map_or_else(String::new, |count| count.to_string());
        println!("program\t{name}\t{hook}\t{}\t{walked}\t{}", state.as_str(), one_line(&because));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (exchanges, events) = runtime.block_on(async {
        let (mut sensor, degradations) = Sensor::start(Options::default()).map_err(io::Error::other)?;
        for degradation in degradations {
            println!("degraded\t{}\t{}", degradation.name, one_line(&degradation.loses));
        }
        sensor
            .set_local_addresses(&[[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()])
            .map_err(io::Error::other)?;
        let mut making = tokio::task::spawn_blocking(make_all);
        let mut events = Vec::new();
        let exchanges = loop {
            sensor.next(&mut events).await.map_err(io::Error::other)?;
            if making.is_finished() {
                break (&mut making).await.map_err(io::Error::other)??;
            }
        };
        // Emulation is slow; what a closing connection still says comes within this.
        let until = Instant::now() + Duration::from_millis(800);
        while Instant::now() < until {
            sensor.next(&mut events).await.map_err(io::Error::other)?;
        }
        sensor.finish(&mut events);
        events.extend(sensor.losses());
        Ok::<_, io::Error>((exchanges, events))
    })?;
    print_sights(&exchanges, &events);
    Ok(())
}

fn print_sights(exchanges: &[Exchange], events: &[Event]) {
    let mut skipped = sights::Skipped::of(events);
    for exchange in exchanges {
        for (sight, missing) in sights::of(exchange, events, &mut skipped) {
            let yes = if missing.is_empty() { "yes" } else { "no" };
            println!("seen\t{} {sight}\t{yes}\t{}", exchange.name, one_line(&missing));
        }
    }
    let (lost, counted) = sights::lost(events);
    println!("seen\tno event lost\t{}\t{lost}", if lost.is_empty() { "yes" } else { "no" });
    if !counted.is_empty() {
        println!("skipped\t{counted}\t{}", skipped.told.join(", "));
    }
}

/// Every exchange, one after another, each between two new processes.
fn make_all() -> io::Result<Vec<Exchange>> {
    let plans = [
        ("tcp4", Kind::Tcp, "plain", "127.0.0.1:0"),
        ("tcp6", Kind::Tcp, "plain", "[::1]:0"),
        ("tcp mapped", Kind::Tcp, "plain", "[::]:0"),
        ("tcp4 accept without address", Kind::Tcp, "quiet", "127.0.0.1:0"),
        ("tcp4 refused", Kind::Refused, "refused", "127.0.0.1:1"),
        ("udp4", Kind::Udp, "udp", "127.0.0.1:0"),
        ("udp6", Kind::Udp, "udp", "[::1]:0"),
        ("unix", Kind::Unix, "unix", "/tmp/guest.socket"),
    ];
    plans.into_iter().map(|(name, kind, word, address)| make(name, kind, word, address)).collect()
}

fn make(name: &'static str, kind: Kind, word: &str, address: &str) -> io::Result<Exchange> {
    let own = std::env::current_exe()?;
    let failed = |says: String| io::Error::other(format!("{name}: {says}"));
    let mut server = None;
    let mut at = address.to_owned();
    if kind != Kind::Refused {
        let mut child = Command::new(&own).args(["serve", word, address]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        line.trim().clone_into(&mut at);
        server = Some(child);
    }
    // The dual-stack listener is called over IPv4: both are one address.
    let called = at.replace("[::]", "127.0.0.1");
    let mut client = Command::new(&own).args(["call", word, &called]).spawn()?;
    let (caller, called_by) = (client.id(), client.wait()?);
    let receiver = server.as_ref().map(std::process::Child::id);
    if !called_by.success() {
        return Err(failed(format!("the caller ended with {called_by}")));
    }
    if let Some(mut server) = server {
        let served = server.wait()?;
        if !served.success() {
            return Err(failed(format!("the receiver ended with {served}")));
        }
    }
    let port = called.parse::<SocketAddr>().map_or(0, |address| address.port());
    Ok(Exchange { name, kind, caller, receiver, port, path: at })
}

fn one_line(text: &str) -> String {
    text.replace('\t', " ").replace('\n', "\\n")
}
