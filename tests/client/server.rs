//! A server on a port of this machine that answers as a test says, byte for byte, and notes what
//! it was asked.

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a request asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    /// The headers, their names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// Returns the one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(own, _)| own == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} was sent twice");
        value
    }

    /// Returns whether it asked for the versions that are served.
    pub(crate) fn is_discovery(&self) -> bool {
        self.path == "/openapi/v3"
    }
}

/// Writes an answer; the connection is kept unless it closes it.
pub(crate) type Answer = Box<dyn FnOnce(&mut TcpStream) -> Result<()> + Send>;

/// The server; it ends with the test.
pub(crate) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    /// Returns a server that answers each request as `answer` says.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            is_over: Arc::default(),
        };
        let (asked, is_over) = (server.asked.clone(), server.is_over.clone());
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (asked, answer) = (asked.clone(), answer.clone());
                // A client that goes away in the middle of an answer is no failure.
                thread::spawn(move || stream.and_then(|stream| serve(stream, &asked, &*answer)));
            }
        });
        server
    }

    /// Returns the endpoint to give to hpcapi.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns all that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns how often a method was used on a path that ends so.
    pub(crate) fn count(&self, method: &str, end: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|asked| asked.method == method && asked.path.ends_with(end))
            .count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener up.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    mut stream: TcpStream,
    asked: &Mutex<Vec<Asked>>,
    answer: &(impl Fn(&Asked) -> Answer + ?Sized),
) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = read(&mut reader)? {
        let answer = answer(&request);
        asked.lock().unwrap().push(request);
        answer(&mut stream)?;
    }
    stream.shutdown(Shutdown::Both)
}

fn read(reader: &mut impl BufRead) -> Result<Option<Asked>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace().map(ToOwned::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked {
        method,
        path,
        headers,
        body: Vec::new(),
    };
    let length = asked.header("content-length");
    let length = length.map_or(0, |length| length.parse().unwrap());
    reader.take(length).read_to_end(&mut asked.body)?;
    Ok(Some(asked))
}

/// Returns a port on which nobody listens.
pub(crate) fn refused_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Writes bytes as they are.
pub(crate) fn bytes(bytes: impl Into<Vec<u8>>) -> Answer {
    let bytes = bytes.into();
    Box::new(move |stream| stream.write_all(&bytes))
}

/// Writes bytes as they are and closes the connection.
pub(crate) fn cut(bytes: impl Into<Vec<u8>>) -> Answer {
    let bytes = bytes.into();
    Box::new(move |stream| {
        stream.write_all(&bytes)?;
        stream.shutdown(Shutdown::Both)
    })
}
