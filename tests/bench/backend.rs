//! The backend of the benchmarks: answers every request from memory, at the least cost.
//!
//! A request whose first line holds `size70000` is answered with that many bytes of a Prometheus-like JSON; where it
//! also holds `chunk4096`, in chunks of that size, each in a write of its own, as Go's servers do. It stands for Prometheus where only the proxy is
//! measured; everything else in tests/ runs against the real one.
//!
//! Usage: `bench-backend ADDRESS`. It prints its address once it listens.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let address = std::env::args().nth(1).context("usage: bench-backend ADDRESS")?;
    let listener = TcpListener::bind(&address)?;
    println!("{}", listener.local_addr()?);
    let bodies: Arc<HashMap<usize, Vec<u8>>> =
        Arc::new([1_300, 70_000, 5_000_000].into_iter().map(|size| (size, body(size))).collect());
    for stream in listener.incoming() {
        let (stream, bodies) = (stream?, bodies.clone());
        // A client that goes away ends its thread alone.
        std::thread::Builder::new().stack_size(128 << 10).spawn(move || drop(serve(&stream, &bodies)))?;
    }
    Ok(())
}

fn serve(stream: &TcpStream, bodies: &HashMap<usize, Vec<u8>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(4096, stream);
    let mut out = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let number = |name: &str| -> Option<usize> {
            let (_, rest) = line.split_once(name)?;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        let (size, chunk) = (number("size").unwrap_or(1_300), number("chunk"));
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        let body = bodies.get(&size).context("an unknown size")?;
        answer(stream, body, chunk, &mut out)?;
    }
}

fn answer(mut stream: &TcpStream, body: &[u8], chunk: Option<usize>, out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n");
    let Some(chunk) = chunk else {
        write!(out, "content-length: {}\r\n\r\n", body.len())?;
        if body.len() < 1 << 17 {
            out.extend_from_slice(body);
            return Ok(stream.write_all(out)?);
        }
        stream.write_all(out)?;
        return Ok(stream.write_all(body)?);
    };
    out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
    for piece in body.chunks(chunk) {
        write!(out, "{:x}\r\n", piece.len())?;
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
        stream.write_all(out)?;
        out.clear();
    }
    Ok(stream.write_all(b"0\r\n\r\n")?)
}

/// A vector of Prometheus' query API with exactly this many bytes.
fn body(size: usize) -> Vec<u8> {
    let mut text = String::from(r#"{"status":"success","data":{"resultType":"vector","result":["#);
    let mut series = 0;
    while text.len() + 200 < size {
        if series > 0 {
            text.push(',');
        }
        text.push_str(&format!(
            r#"{{"metric":{{"__name__":"http_requests_total","team":"payments","service":"payment","instance":"10.1.{}.{}:9090"}},"value":[1700000000.123,"{series}"]}}"#,
            series / 250,
            series % 250
        ));
        series += 1;
    }
    text.push_str("]}}");
    let padding = size - text.len();
    text.push_str(&" ".repeat(padding));
    text.into_bytes()
}
