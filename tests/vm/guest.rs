//! The program that runs inside a test machine: makes connections, and says on standard output what was seen of them.

#![allow(clippy::print_stdout, reason = "what this program prints is what it is for")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["serve", address] => serve(address),
        ["call", address] => call(address),
        _ => observe(),
    };
    if let Err(error) = done {
        println!("error\t{error}");
    }
    if words.is_empty() {
        println!("end");
    }
}

const REQUEST: &[u8] = b"what the caller says\n";
const RESPONSE: &[u8] = b"what the receiver answers, longer\n";

/// Takes one connection, after having said its port.
fn serve(address: &str) -> std::io::Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    let mut request = vec![0; REQUEST.len()];
    stream.read_exact(&mut request)?;
    stream.write_all(RESPONSE)
}

/// Makes one connection.
fn call(address: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(REQUEST)?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    assert_eq!(response, RESPONSE);
    Ok(())
}

fn observe() -> std::io::Result<()> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    println!("kernel\t{}", release.trim());
    let own = std::env::current_exe()?;
    for (name, address) in [("tcp4", "127.0.0.1:0"), ("tcp6", "[::1]:0")] {
        let mut server = Command::new(&own).args(["serve", address]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = server.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let client = Command::new(&own).args(["call", line.trim()]).status()?;
        let served = server.wait()?;
        let yes = if client.success() && served.success() { "yes" } else { "no" };
        println!("seen\t{name} both processes\t{yes}\t");
    }
    Ok(())
}
