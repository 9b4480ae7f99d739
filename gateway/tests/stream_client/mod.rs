//! A client that reads a stream of documents, one a line.
#![allow(dead_code, unreachable_pub)] // Each test binary uses a part of this.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::harness::{DEADLINE, request_to};

/// A stream that is being read.
pub struct StreamClient {
    reader: BufReader<TcpStream>,
    /// What has come and is not a whole line yet.
    rest: Vec<u8>,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// The body, if the request was refused.
    pub refusal: Value,
}

impl StreamClient {
    /// Asks for a path with these headers. Fails if the connection does.
    pub fn begin(addr: SocketAddr, path: &str, headers: &[(&str, &str)]) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(&request_to("GET", path, headers, b""))?;
        let mut reader = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            match reader.read_line(&mut line)? {
                0 => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
                _ => Ok(line.trim_end().to_owned()),
            }
        };
        let status = line()?.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let mut headers = Vec::new();
        loop {
            match line()? {
                end if end.is_empty() => break,
                header => {
                    let (name, value) = header.split_once(": ").expect("a header");
                    headers.push((name.to_lowercase(), value.to_owned()));
                }
            }
        }
        let mut client = Self { reader, rest: Vec::new(), status, headers, refusal: Value::Null };
        if let Some(length) = client.header("content-length").and_then(|length| length.parse().ok()) {
            let mut body = vec![0; length];
            client.reader.read_exact(&mut body)?;
            client.refusal = serde_json::from_slice(&body).unwrap_or_default();
        }
        Ok(client)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// The socket.
    pub fn socket(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// The next line of the body; `None` at its end. Fails if the connection does.
    pub fn line(&mut self) -> std::io::Result<Option<String>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(Some(String::from_utf8(line).expect("UTF-8").trim_end().to_owned()));
            }
            let mut head = String::new();
            if self.reader.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let length = usize::from_str_radix(head.trim_end(), 16).expect("the length of a chunk");
            let mut chunk = vec![0; length + 2];
            self.reader.read_exact(&mut chunk)?;
            if length == 0 {
                assert!(self.rest.is_empty(), "the stream ends within a line");
                return Ok(None);
            }
            self.rest.extend_from_slice(&chunk[..length]);
        }
    }

    /// The next document.
    pub fn try_next(&mut self) -> std::io::Result<Option<Value>> {
        Ok(self.line()?.map(|line| serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))))
    }

    /// The next document, which must come.
    pub fn next(&mut self) -> Value {
        self.try_next().expect("the connection holds").expect("the stream goes on")
    }

    /// All documents until the stream ends.
    pub fn all(mut self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.refusal);
        std::iter::from_fn(|| self.try_next().expect("the connection holds")).collect()
    }
}
