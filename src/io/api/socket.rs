//! One TCP connection to the API: first an HTTP head, then an answer, or a WebSocket until either side closes it.
//! Nothing here waits: a write that finds no room stays queued, and goes on when the socket is writable.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};

use base::{Duration, Instant};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use phone::api::http::{Refused, Verdict};
use phone::api::{MAX_MESSAGE_BYTES, MAX_WAITING_BYTES};
use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Bytes, Message, Utf8Bytes};

/// A head must be complete after this long.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// A peer that is told good-bye has this long to close its side.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

/// Bytes of a read. A request is far shorter.
const READ_BYTES: usize = 4 << 10;

/// Bytes that a step reads. Of a WebSocket tungstenite reads on until there is a message, and fragments without bytes
/// never make one.
const STEP_BYTES: usize = MAX_MESSAGE_BYTES;

enum State {
    /// The head so far.
    Head(Vec<u8>),
    /// The rest of an HTTP answer.
    Answer(Vec<u8>),
    Open(Box<WebSocketContext>),
    /// A close frame waits to be written.
    Closing(Box<WebSocketContext>),
    /// All is written and our side is closed. What still comes is dropped until the peer closes too: closing a socket
    /// that has unread bytes would reset it, and the peer might never read what was written last.
    Discarding,
}

/// What became of a step.
pub(super) enum Step {
    /// Nothing more until the next event.
    Wait,
    /// There may be more.
    Again,
    /// A browser was turned away.
    Refused(Refused),
    /// It is a WebSocket now.
    Upgraded { origin: Option<String> },
    /// A frame has come.
    Frame(Frame),
    /// The WebSocket is being closed: the client is gone, its socket not yet.
    Left,
    /// Nothing is left to be done; the socket may be dropped.
    Gone,
}

pub(super) enum Frame {
    Text(Utf8Bytes),
    Binary(Bytes),
    /// Ping or pong. A ping is answered already.
    Control,
}

/// What became of a write.
pub(super) struct Written {
    /// Something still waits.
    pub(super) waits: bool,
    /// Which is new, or no longer so.
    pub(super) has_changed: bool,
}

/// Why nothing more can be written.
pub(super) enum Broken {
    /// The client doesn't read, and too much waits.
    Full,
    /// The connection is gone.
    Lost,
}

pub(super) struct Socket {
    stream: Rationed,
    peer: SocketAddr,
    state: State,
    /// When it is dropped, whatever its state.
    deadline: Option<Instant>,
    /// Reading stopped while a request was in flight; there may be more.
    is_paused: bool,
    output_waits: bool,
}

impl Socket {
    pub(super) fn new(
        now: Instant,
        mut stream: TcpStream,
        peer: SocketAddr,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let (state, deadline) = (State::Head(Vec::new()), Some(now + HEAD_TIME));
        let stream = Rationed { tcp: stream, left: 0 };
        Ok(Self { stream, peer, state, deadline, is_paused: false, output_waits: false })
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// True while it is a WebSocket that neither side closes.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Notes that it was not read to its end.
    pub(super) fn pause(&mut self) {
        self.is_paused = true;
    }

    /// True if there may be something that was not read.
    pub(super) fn resume(&mut self) -> bool {
        std::mem::take(&mut self.is_paused)
    }

    /// Reads or writes once, whichever its state asks for.
    pub(super) fn step(&mut self, now: Instant, judge: impl Fn(&[u8]) -> Verdict) -> Step {
        self.stream.left = STEP_BYTES;
        match &mut self.state {
            State::Head(read) => {
                let mut piece = [0; READ_BYTES];
                match self.stream.read(&mut piece) {
                    Ok(0) => return Step::Gone,
                    Ok(count) => read.extend_from_slice(piece.get(..count).unwrap_or_default()),
                    Err(error) => return wait_or_gone(&error),
                }
                let verdict = judge(read);
                self.obey(now, verdict)
            }
            State::Answer(left) => match self.stream.write(left) {
                Ok(count) if count >= left.len() => self.discard(),
                Ok(count) => {
                    left.drain(..count);
                    Step::Again
                }
                Err(error) => wait_or_gone(&error),
            },
            State::Open(context) => match context.read(&mut self.stream) {
                Ok(Message::Text(text)) => Step::Frame(Frame::Text(text)),
                Ok(Message::Binary(bytes)) => Step::Frame(Frame::Binary(bytes)),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Step::Frame(Frame::Control),
                Ok(Message::Close(_)) => {
                    self.leave(now);
                    Step::Left
                }
                Err(Error::Io(_)) if self.stream.left == 0 => Step::Again,
                Err(Error::Io(error)) => wait_or_gone(&error),
                Err(error) => match code_for(&error) {
                    Some(code) => {
                        self.close(now, code);
                        Step::Left
                    }
                    None => Step::Gone,
                },
            },
            State::Closing(context) => match context.flush(&mut self.stream) {
                Err(Error::Io(error)) => wait_or_gone(&error),
                // `ConnectionClosed` is how a peer's close that has been answered is told.
                Ok(()) | Err(_) => self.discard(),
            },
            State::Discarding => match self.stream.read(&mut [0; READ_BYTES]) {
                Ok(0) => Step::Gone,
                Ok(_) => Step::Again,
                Err(error) => wait_or_gone(&error),
            },
        }
    }

    pub(super) fn send_text(&mut self, text: String) -> Result<Written, Broken> {
        self.send(Message::text(text))
    }

    pub(super) fn send_ping(&mut self) -> Result<Written, Broken> {
        self.send(Message::Ping(Vec::new().into()))
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> Result<Written, Broken> {
        let State::Open(context) = &mut self.state else { return Err(Broken::Lost) };
        let flushed = context.flush(&mut self.stream);
        self.note(flushed)
    }

    /// Says good-bye with this code; nothing else is sent any more.
    pub(super) fn close(&mut self, now: Instant, code: u16) {
        if let State::Open(context) = &mut self.state {
            let frame = CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() };
            // What can't be written now is queued, and what is wrong shows with the next step.
            context.close(&mut self.stream, Some(frame)).ok();
            self.leave(now);
        }
    }

    fn obey(&mut self, now: Instant, verdict: Verdict) -> Step {
        match verdict {
            Verdict::Incomplete => Step::Again,
            Verdict::Answer(bytes) => {
                self.answer(now, bytes);
                Step::Again
            }
            Verdict::Refuse(bytes, refused) => {
                self.answer(now, bytes);
                Step::Refused(refused)
            }
            Verdict::Upgrade { key, origin, head_bytes } => self.upgrade(&key, origin, head_bytes),
        }
    }

    fn answer(&mut self, now: Instant, bytes: Vec<u8>) {
        self.state = State::Answer(bytes);
        self.deadline = Some(now + FAREWELL_TIME);
    }

    /// RFC 6455 §4.2.2.
    fn upgrade(&mut self, key: &str, origin: Option<String>, head_bytes: usize) -> Step {
        let State::Head(read) = &mut self.state else { return Step::Gone };
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        );
        // 130 bytes into a fresh socket's empty buffer: short only if the peer is gone.
        match self.stream.write(head.as_bytes()) {
            Ok(count) if count == head.len() => {}
            _ => return Step::Gone,
        }
        let rest = read.split_off(head_bytes.min(read.len()));
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_WAITING_BYTES)
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let context = WebSocketContext::from_partially_read(rest, Role::Server, Some(config));
        self.state = State::Open(Box::new(context));
        self.deadline = None;
        Step::Upgraded { origin }
    }

    fn send(&mut self, message: Message) -> Result<Written, Broken> {
        let State::Open(context) = &mut self.state else { return Err(Broken::Lost) };
        let sent = match context.write(&mut self.stream, message) {
            Ok(()) => context.flush(&mut self.stream),
            written => written,
        };
        self.note(sent)
    }

    fn note(&mut self, written: Result<(), Error>) -> Result<Written, Broken> {
        let waits = match written {
            Ok(()) => false,
            // It is queued.
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => true,
            Err(Error::WriteBufferFull(_)) => return Err(Broken::Full),
            Err(_) => return Err(Broken::Lost),
        };
        let has_changed = std::mem::replace(&mut self.output_waits, waits) != waits;
        Ok(Written { waits, has_changed })
    }

    fn leave(&mut self, now: Instant) {
        self.deadline = Some(now + FAREWELL_TIME);
        self.state = match std::mem::replace(&mut self.state, State::Discarding) {
            State::Open(context) => State::Closing(context),
            other => other,
        };
    }

    fn discard(&mut self) -> Step {
        self.state = State::Discarding;
        // It fails where the peer has closed both directions; the next read tells.
        self.stream.tcp.shutdown(Shutdown::Write).ok();
        Step::Again
    }
}

/// A stream that has no more for now once `left` bytes of it are read.
struct Rationed {
    tcp: TcpStream,
    left: usize,
}

impl Read for Rationed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = into.len().min(self.left);
        match into.get_mut(..room) {
            Some(into) if room > 0 => {
                let count = self.tcp.read(into)?;
                self.left = self.left.saturating_sub(count);
                Ok(count)
            }
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Rationed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

fn wait_or_gone(error: &io::Error) -> Step {
    match error.kind() {
        io::ErrorKind::WouldBlock => Step::Wait,
        io::ErrorKind::Interrupted => Step::Again,
        _ => Step::Gone,
    }
}

/// The close code that a peer's fault earns (RFC 6455 §7.4.1); `None` where nobody is left to be told.
fn code_for(error: &Error) -> Option<u16> {
    match error {
        // Rule 15.
        Error::Capacity(_) => Some(1009),
        Error::Utf8(_) => Some(1007),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(1002),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn a_step_has_an_end_though_a_message_has_none() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let mut peer =
            std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("it accepts");
        let (stream, address) = listener.accept().expect("it comes");
        stream.set_nonblocking(true).expect("set");
        let poll = mio::Poll::new().expect("a poll");
        let stream = TcpStream::from_std(stream);
        let mut socket =
            Socket::new(Instant::ZERO, stream, address, poll.registry(), Token(0)).expect("a socket");

        // RFC 6455 §5.4: a text that goes on, and on, with nothing.
        let [first, next] = [0x01, 0x00].map(|opcode| [opcode, 0x80, 0, 0, 0, 0]);
        peer.write_all(&first).and_then(|()| peer.write_all(&next.repeat(STEP_BYTES / 3))).expect("sent");
        let upgrade = |_: &[u8]| Verdict::Upgrade { key: String::new(), origin: None, head_bytes: 0 };
        assert!(matches!(socket.step(Instant::ZERO, upgrade), Step::Upgraded { .. }));
        assert!(matches!(socket.step(Instant::ZERO, upgrade), Step::Again));
    }
}
