//! A small server and client: short connections that speak HTTP/1.1, and connections that stay open.
//!
//! ```text
//! tierzero-load serve ADDRESS...             answers one request a connection, or keeps it open; until killed
//! tierzero-load call ADDRESS COUNT           connects, asks, reads the answer, closes, COUNT times
//! tierzero-load hold ADDRESS COUNT           opens COUNT connections, asks once on each, keeps them until its input ends
//! tierzero-load redis ADDRESS...             answers one Redis command a connection; prints a line for each, before the
//!                                            first byte of the answer is sent: port, nanoseconds of the real-time clock
//! tierzero-load gets PAUSE ADDRESS...        one Redis command to each address, PAUSE milliseconds after the other
//! ```
//! A client prints what it counted itself, as one JSON object: `pid`, `calls`, `nanoseconds`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a client reports to whoever started it")]

use std::io::{Error, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LIMIT: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // Both ends of ten thousand open connections need as many descriptors; the hard limit stays.
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let outcome = match words.as_slice() {
        ["serve", addresses @ ..] if !addresses.is_empty() => serve(addresses),
        ["call", address, count, rest @ ..] => call(address, count, rest),
        ["hold", address, count] => hold(address, count),
        ["redis", addresses @ ..] if !addresses.is_empty() => redis(addresses),
        ["gets", pause, addresses @ ..] => gets(pause, addresses),
        _ => Err(Error::other(
            "usage: serve ADDRESS... | call ADDRESS COUNT [--token TOKEN] | hold ADDRESS COUNT | redis ADDRESS... | gets PAUSE ADDRESS...",
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tierzero-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One thread an address. A connection is answered at once; it is closed when the caller closes it.
fn serve(addresses: &[&str]) -> Result<(), Error> {
    let mut threads = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(parse::<SocketAddr>(address)?)?;
        threads.push(std::thread::spawn(move || answer_all(&listener)));
    }
    for thread in threads {
        thread.join().map_err(|_| Error::other("a listener panicked"))??;
    }
    Ok(())
}

fn answer_all(listener: &TcpListener) -> Result<(), Error> {
    // Kept connections are only looked at when they outnumber what a short-call run can leave open.
    let mut kept: Vec<TcpStream> = Vec::new();
    loop {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut request = [0_u8; 512];
        let Ok(length) = stream.read(&mut request) else { continue };
        if length == 0 || stream.write_all(ANSWER).is_err() {
            continue;
        }
        if request.starts_with(b"GET /accounts/hold ") {
            kept.push(stream);
        } else {
            // Waiting for the caller's close lets it be the first to close: the usual order.
            let _ = stream.read(&mut request);
        }
    }
}

fn call(address: &str, count: &str, rest: &[&str]) -> Result<(), Error> {
    let address: SocketAddr = parse(address)?;
    let count: u64 = parse(count)?;
    let said = match rest {
        ["--token", token] => format!("Authorization: Bearer {token}\r\n"),
        _ => String::new(),
    };
    // An address that holds something, so that answering it is a service: a root page would be public by convention.
    let request = format!("GET /accounts/4711 HTTP/1.1\r\nHost: load\r\n{said}\r\n");
    let begin = Instant::now();
    for _ in 0..count {
        drop(ask(address, &request)?);
    }
    report(count, begin.elapsed());
    Ok(())
}

fn hold(address: &str, count: &str) -> Result<(), Error> {
    let address: SocketAddr = parse(address)?;
    let count: u64 = parse(count)?;
    let begin = Instant::now();
    let mut open = Vec::new();
    for _ in 0..count {
        open.push(ask(address, "GET /accounts/hold HTTP/1.1\r\nHost: load\r\n\r\n")?);
    }
    report(count, begin.elapsed());
    std::io::stdout().flush()?;
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest)?;
    Ok(())
}

/// A command and its answer (Redis serialization protocol).
const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
const VALUE: &[u8] = b"$5\r\nvalue\r\n";

/// One thread an address.
fn redis(addresses: &[&str]) -> Result<(), Error> {
    let mut threads = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(parse::<SocketAddr>(address)?)?;
        threads.push(std::thread::spawn(move || value_to_all(&listener)));
    }
    for thread in threads {
        thread.join().map_err(|_| Error::other("a listener panicked"))??;
    }
    Ok(())
}

fn value_to_all(listener: &TcpListener) -> Result<(), Error> {
    let port = listener.local_addr()?.port();
    loop {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut request = [0_u8; GET.len()];
        if stream.read_exact(&mut request).is_err() {
            continue;
        }
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Error::other)?;
        if stream.write_all(VALUE).is_ok() {
            println!("{port} {}", at.as_nanos());
            let _ = stream.read(&mut request);
        }
    }
}

fn gets(pause: &str, addresses: &[&str]) -> Result<(), Error> {
    let pause = Duration::from_millis(parse(pause)?);
    for address in addresses {
        let mut stream = TcpStream::connect_timeout(&parse(address)?, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(GET)?;
        let mut answer = [0_u8; VALUE.len()];
        stream.read_exact(&mut answer)?;
        std::thread::sleep(pause);
    }
    Ok(())
}

fn ask(address: SocketAddr, request: &str) -> Result<TcpStream, Error> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = [0_u8; ANSWER.len()];
    stream.read_exact(&mut answer)?;
    if answer == *ANSWER { Ok(stream) } else { Err(Error::other("another answer came")) }
}

fn parse<T: std::str::FromStr>(word: &str) -> Result<T, Error> {
    word.parse().map_err(|_| Error::other(format!("`{word}` is not what belongs here")))
}

fn report(calls: u64, took: Duration) {
    println!("{{\"pid\":{},\"calls\":{calls},\"nanoseconds\":{}}}", std::process::id(), took.as_nanos());
}
