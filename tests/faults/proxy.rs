//! Stands between one run of hpcapi and AWS: names and numbers every call, and does to some of
//! them what a point says. One request to a connection keeps it simple.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::answers;
use crate::call::Request;
use crate::point::{Act, Call, Point};

/// How long a thing that was just made is not found.
const NOT_FOUND_FOR: Duration = Duration::from_secs(2);

/// Longer than any client waits.
const HANG: Duration = Duration::from_secs(90);

/// A proxy for one run; it serves until the tests end.
pub(crate) struct Proxy {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    aws: SocketAddr,
    points: Vec<Point>,
    hit: Vec<Point>,
    calls: Vec<Call>,
    counts: BTreeMap<(String, String), usize>,
    /// hpcapi's process, which leads its group.
    process: Option<u32>,
    expired: bool,
    hidden: Option<Hidden>,
}

/// Something that was just made, and is not found until some time.
struct Hidden {
    maker: String,
    stack: Option<String>,
    until: Instant,
}

impl Hidden {
    /// Returns the answer to a look for it; `None` when the call looks for something else.
    fn answer(&self, action: &str, request: &Request) -> Option<Vec<u8>> {
        if Instant::now() > self.until {
            return None;
        }
        if let (Some(made), Some(asked)) = (&self.stack, request.parameter("StackName")) {
            // A stack is asked for by its name, or by its ARN.
            if asked != *made && !asked.contains(&format!("%2F{made}%2F")) {
                return None;
            }
        }
        answers::not_found_yet(&self.maker, action, request)
    }
}

impl Proxy {
    /// Returns a proxy in front of `aws` which acts at `points`.
    pub(crate) fn start(aws: SocketAddr, points: &[Point]) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            aws,
            points: points.to_vec(),
            hit: Vec::new(),
            calls: Vec::new(),
            counts: BTreeMap::new(),
            process: None,
            expired: false,
            hidden: None,
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // Who is killed in the middle of a call leaves a broken connection.
                thread::spawn(move || serve(&stream, &state).ok());
            }
        });
        Proxy { url, state }
    }

    /// Tells whom to kill.
    pub(crate) fn watch(&self, process: u32) {
        self.state.lock().unwrap().process = Some(process);
    }

    /// Returns the points that were reached.
    pub(crate) fn hit(&self) -> Vec<Point> {
        self.state.lock().unwrap().hit.clone()
    }

    /// Returns the calls that were made, in their order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }
}

/// What is to be done with a call.
enum Doing {
    Forward,
    Answer(Vec<u8>),
    Act(Act, Option<u32>),
}

fn serve(mut stream: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let Some(request) = Request::read(stream)? else {
        return Ok(());
    };
    let aws = state.lock().unwrap().aws;
    match decide(&request, &mut state.lock().unwrap()) {
        Doing::Forward => stream.write_all(&forward(aws, &request)?),
        Doing::Answer(answer) => stream.write_all(&answer),
        Doing::Act(Act::KillBefore, process) => kill_group(process),
        Doing::Act(Act::KillAfter, process) => {
            forward(aws, &request)?;
            kill_group(process)
        }
        Doing::Act(Act::KillAlone, process) => {
            let answer = forward(aws, &request)?;
            kill(&process.expect("it runs").to_string())?;
            stream.write_all(&answer)
        }
        Doing::Act(Act::Hang, _) => {
            forward(aws, &request)?;
            thread::sleep(HANG);
            Ok(())
        }
        Doing::Act(Act::Truncated, _) => {
            let answer = forward(aws, &request)?;
            stream.write_all(&answer[..answer.len() - half_of_body(&answer)])
        }
        // The connection ends with this function.
        Doing::Act(..) => Ok(()),
    }
}

/// Names and numbers the call, and looks up what is to happen to it.
fn decide(request: &Request, state: &mut State) -> Doing {
    let key = (request.caller().to_owned(), request.action());
    let count = state.counts.entry(key.clone()).or_default();
    *count += 1;
    let (caller, action) = key;
    let call = Call {
        caller,
        action,
        number: *count,
    };
    state.calls.push(call.clone());
    let expired = |request| answers::of(Act::Expired, request).expect("an answer");
    if state.expired {
        return Doing::Answer(expired(request));
    }
    let hidden = state.hidden.as_ref();
    if let Some(answer) = hidden.and_then(|hidden| hidden.answer(&call.action, request)) {
        return Doing::Answer(answer);
    }
    let Some(at) = state.points.iter().position(|point| point.call == call) else {
        return Doing::Forward;
    };
    let point = state.points.remove(at);
    let act = point.act;
    state.hit.push(point);
    match act {
        Act::Expired => {
            state.expired = true;
            Doing::Answer(expired(request))
        }
        Act::NotFoundYet => {
            state.hidden = Some(Hidden {
                maker: call.action,
                stack: request.parameter("StackName"),
                until: Instant::now() + NOT_FOUND_FOR,
            });
            Doing::Forward
        }
        act => match answers::of(act, request) {
            Some(answer) => Doing::Answer(answer),
            None => Doing::Act(act, state.process),
        },
    }
}

/// Makes the call, and returns all of its answer.
fn forward(aws: SocketAddr, request: &Request) -> io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(aws)?;
    upstream.write_all(&request.to_bytes())?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Returns half of the length of an answer's body, or so much of its head if it has none.
fn half_of_body(answer: &[u8]) -> usize {
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n");
    let body = answer.len() - head.map_or(0, |at| at + 4);
    if body == 0 {
        answer.len() / 2
    } else {
        body.div_ceil(2)
    }
}

fn kill_group(process: Option<u32>) -> io::Result<()> {
    kill(&format!("-{}", process.expect("it runs")))
}

fn kill(whom: &str) -> io::Result<()> {
    let mut kill = Command::new("kill");
    kill.args(["-KILL", "--", whom]).status().map(drop)
}
