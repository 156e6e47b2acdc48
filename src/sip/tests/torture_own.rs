//! Framing, limits and faults by scripted bytes of our own: what RFC 4475's and RFC 5118's messages show, without
//! them, and what they leave out.

use sip::message::{
    HeaderError, MAX_HEADER_FIELDS, MAX_MESSAGE_BYTES, MAX_VALUE_BYTES, MAX_VIAS, Message, Method, Name,
    ParseError, ParseErrorKind, Request,
};

/// What every request here begins with, and has.
const REQUEST_LINE: &str = "OPTIONS sip:bob@example.org SIP/2.0\n";
const BASICS: &str = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nFrom: <sip:alice@example.org>;tag=1\n\
                      To: <sip:bob@example.org>\nCall-ID: c1\nCSeq: 1 OPTIONS\n";

fn wire(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// A request with more header fields, and what follows the empty line.
fn with(headers: &str, body: &str) -> Vec<u8> {
    wire(&format!("{REQUEST_LINE}{BASICS}{headers}\n{body}"))
}

/// The request with one of its basics replaced.
fn but(old: &str, new: &str) -> Vec<u8> {
    let text = format!("{REQUEST_LINE}{BASICS}\n");
    assert!(text.contains(old));
    wire(&text.replacen(old, new, 1))
}

fn taken(bytes: &[u8]) -> Request {
    match Message::parse(bytes) {
        Ok(Message::Request(request)) => request,
        other => panic!("{:?} gives {other:?}", String::from_utf8_lossy(bytes)),
    }
}

fn refused(bytes: &[u8]) -> ParseError {
    match Message::parse(bytes) {
        Err(error) => error,
        Ok(message) => panic!("{:?} gives {message:?}", String::from_utf8_lossy(bytes)),
    }
}

fn status(error: &ParseError) -> Option<u16> {
    error.answer.as_ref().map(|answer| answer.status.code())
}

#[test]
fn a_datagrams_body_ends_where_content_length_says() {
    assert_eq!(taken(&with("Content-Length: 4\n", "bodyINVITE sip:x SIP/2.0\n")).body, b"body");
    assert_eq!(taken(&with("l:4\n", "body")).body, b"body");
    assert_eq!(taken(&with("", "all of it")).body, b"all of it");
    assert_eq!(taken(&with("Content-Length : 0004 \n", "body")).body, b"body");
    let short = refused(&with("Content-Length: 5\n", "body"));
    assert_eq!((short.kind, status(&short)), (ParseErrorKind::BodyCut, Some(400)));
}

#[test]
fn a_content_length_that_is_no_number_or_there_twice_is_refused() {
    for field in [
        "Content-Length: -999\n",
        "Content-Length: +4\n",
        "Content-Length:\n",
        "Content-Length: 4, 4\n",
        "Content-Length: 99999999999999999999\n",
        "Content-Length: 4\nl: 4\n",
    ] {
        let error = refused(&with(field, "body"));
        assert_eq!((error.kind, status(&error)), (ParseErrorKind::ContentLength, Some(400)), "{field}");
    }
}

#[test]
fn messages_of_a_stream_come_one_after_the_other_as_their_bytes_arrive() {
    let first = with("Content-Length: 4\n", "body");
    let stream = [b"\r\n\r\n".as_slice(), &first, &but("OPTIONS sip", "OPTIONS sips")].concat();
    for length in 0..4 + first.len() {
        let so_far = stream.get(..length).expect("the stream is longer");
        assert_eq!(Message::parse_stream(so_far), Ok(None), "{length}");
    }
    let (message, taken) = Message::parse_stream(&stream).expect("it is good").expect("it is there");
    assert_eq!((taken, &message), (4 + first.len(), &Message::parse(&first).expect("it is good")));
}

#[test]
fn a_stream_that_does_not_say_where_its_message_ends_is_given_up() {
    for bytes in [
        with("", ""),
        with("Content-Length: -1\n", ""),
        with("Content-Length: 4\nContent-Length: 5\n", "body"),
    ] {
        let error = Message::parse_stream(&bytes).expect_err("it can't be framed");
        assert_eq!((error.kind, status(&error)), (ParseErrorKind::ContentLength, Some(400)));
    }
    Message::parse_stream(&with("Content-Length: 4\nX\n", "")).expect_err("no body would mend it");
    let huge = with(&format!("Content-Length: {MAX_MESSAGE_BYTES}\n"), "");
    assert_eq!(Message::parse_stream(&huge).expect_err("too large").kind, ParseErrorKind::TooLarge);
    let endless = format!("{REQUEST_LINE}X: {}", "x".repeat(MAX_MESSAGE_BYTES));
    assert_eq!(Message::parse_stream(&wire(&endless)).expect_err("too large").kind, ParseErrorKind::TooLarge);
}

#[test]
fn a_message_within_its_limits_is_taken_and_beyond_them_refused_with_513() {
    let fields = |count: usize| with(&"X: y\n".repeat(count), "");
    let value = |bytes: usize| with(&format!("X: {}\n", "y".repeat(bytes)), "");
    let vias = |count: usize| with(&"v: SIP/2.0/UDP x\n".repeat(count), "");
    let body = |bytes: usize| with("", &"y".repeat(bytes));
    let head = body(0).len();
    for (good, bad) in [
        (fields(MAX_HEADER_FIELDS - 5), fields(MAX_HEADER_FIELDS - 4)),
        (value(MAX_VALUE_BYTES - 1), value(MAX_VALUE_BYTES)),
        (vias(MAX_VIAS - 1), vias(MAX_VIAS)),
    ] {
        taken(&good);
        let error = refused(&bad);
        assert_eq!((error.kind, status(&error)), (ParseErrorKind::TooLarge, Some(513)));
    }
    taken(&body(MAX_MESSAGE_BYTES - head));
    assert_eq!(refused(&body(MAX_MESSAGE_BYTES - head + 1)).kind, ParseErrorKind::TooLarge);
}

#[test]
fn noise_and_keep_alives_are_nobodys_message_and_get_no_answer() {
    for bytes in [&b""[..], b"\r\n\r\n", b"\n"] {
        assert_eq!((refused(bytes).kind, refused(bytes).answer), (ParseErrorKind::Empty, None));
    }
    for noise in ["\0", "hello", "GET / HTTP/1.1\n\n", "SIP\n", "OPTIONS\n", "\u{7f}ELF\n", " \n"] {
        let error = refused(&wire(noise));
        assert_eq!((error.kind, error.answer), (ParseErrorKind::NotSip, None), "{noise:?}");
    }
}

#[test]
fn a_request_lacking_what_it_must_have_is_refused_by_name_and_place() {
    for (line, name) in [
        ("From: <sip:alice@example.org>;tag=1\n", Name::From),
        ("To: <sip:bob@example.org>\n", Name::To),
        ("Call-ID: c1\n", Name::CallId),
        ("CSeq: 1 OPTIONS\n", Name::CSeq),
    ] {
        let error = refused(&but(line, ""));
        assert_eq!(error.kind, ParseErrorKind::Header(HeaderError::Missing(name)));
        let answer = error.answer.expect("it has a Via");
        assert_eq!(answer.reason, format!("Missing {name}"));
        assert!(answer.headers.via().is_ok_and(|via| via.branch() == Some("z9hG4bK1")));

        let twice = but(line, &line.repeat(2));
        let error = refused(&twice);
        assert_eq!(
            (error.kind, status(&error)),
            (ParseErrorKind::Header(HeaderError::Repeated(name)), Some(400))
        );
        let place = twice.get(error.offset..).expect("the place is within the message");
        assert!(place.starts_with(line.trim_end().as_bytes()));
    }
    for field in ["Max-Forwards: 70\nMax-Forwards: 70\n", "c: a/b\nContent-Type: a/b\n"] {
        assert_eq!(status(&refused(&with(field, ""))), Some(400), "{field}");
    }
}

#[test]
fn a_call_id_is_one_word_that_can_be_written_again() {
    assert!(Message::parse(&but("Call-ID: c1", "Call-ID: \u{1f4de}-(c1)@<\"x\">")).is_ok());
    for call_id in ["", "c 1", "c\t1", "c1\0", "c\u{b}1", "c\u{7f}"] {
        assert_eq!(
            status(&refused(&but("Call-ID: c1", &format!("Call-ID: {call_id}")))),
            Some(400),
            "{call_id:?}"
        );
    }
}

#[test]
fn a_request_that_nobody_could_match_an_answer_to_gets_none() {
    let via = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\n";
    for new in ["", "Via: SIP/2.0/UDP 192.0.2.15;;,;,,\n", "Via:\n", "Via: SIP/7.0/UDP x\n"] {
        assert_eq!(refused(&but(via, new)).answer, None, "{new}");
    }
    let ack =
        wire(&format!("{REQUEST_LINE}{BASICS}\n").replace("OPTIONS", "ACK").replace("Call-ID: c1\n", ""));
    assert_eq!(refused(&ack).answer, None, "an ACK is never answered");
}

#[test]
fn a_malformed_response_is_dropped() {
    let response = |line: &str| wire(&format!("{line}\n{BASICS}\n"));
    assert!(Message::parse(&response("SIP/2.0 200 OK")).is_ok());
    assert!(
        Message::parse(&response("SIP/2.0 100 ")).is_ok() && Message::parse(&response("sip/2.0 699")).is_ok()
    );
    for line in [
        "SIP/2.0 4294967301 OK",
        "SIP/2.0 99 OK",
        "SIP/2.0 700 X",
        "SIP/2.0 0200 OK",
        "SIP/2.0",
        "SIP/2.0  200 OK",
        "SIP/3.0 200 OK",
    ] {
        let error = refused(&response(line));
        assert_eq!(error.answer, None, "{line}");
    }
    let astray = wire(&format!("SIP/2.0 200 OK\nVia: SIP/2.0/UDP 255.255.255.255\n{BASICS}\n"));
    assert_eq!(refused(&astray).kind, ParseErrorKind::Header(HeaderError::Repeated(Name::Via)));
}

#[test]
fn the_request_line_has_one_space_between_and_none_within() {
    for (line, expected) in [
        ("OPTIONS  sip:bob@example.org SIP/2.0\n", 400),
        ("OPTIONS sip:bob@example.org  SIP/2.0\n", 400),
        ("OPTIONS sip:bob@example.org SIP/2.0 \n", 400),
        ("OPTIONS sip:bob@example.org; lr SIP/2.0\n", 400),
        ("OPTIONS <sip:bob@example.org> SIP/2.0\n", 400),
        ("OPTIONS sip:2001:db8::10 SIP/2.0\n", 400),
        ("OPTIONS sip:bob@example.org SIP/7.0\n", 505),
        ("OPTIONS sip:bob@example.org SIP/2.00\n", 505),
    ] {
        assert_eq!(status(&refused(&but(REQUEST_LINE, line))), Some(expected), "{line}");
    }
}

#[test]
fn a_method_is_compared_by_the_letter_and_must_be_that_of_cseq() {
    assert_eq!(
        taken(&wire(&format!("{REQUEST_LINE}{BASICS}\n").replace("OPTIONS", "opt%49ONS"))).method,
        Method::Other("opt%49ONS".into())
    );
    for new in ["CSeq: 1 INVITE\n", "CSeq: 1 options\n"] {
        let error = refused(&but("CSeq: 1 OPTIONS\n", new));
        assert_eq!((error.kind, status(&error)), (ParseErrorKind::MethodMismatch, Some(400)));
    }
    let bytes = but("CSeq: 1 OPTIONS\n", "CSeq: 1 INVITE\n");
    let error = refused(&bytes);
    assert!(bytes[error.offset..].starts_with(b"CSeq:"), "{error}");
}

#[test]
fn folded_lines_are_one_and_strange_letters_lose_no_call() {
    let request = taken(&with("Subject:\n first\n\t  second  \n \nX-y \t:z\n", ""));
    assert_eq!(
        (request.headers.get(Name::Subject), request.headers.get(Name::parse("x-Y"))),
        (Some("first second"), Some("z"))
    );
    let mut latin = but("From: ", "From: \"M?ller\" ");
    let at = latin.iter().position(|byte| *byte == b'?').expect("it is there");
    *latin.get_mut(at).expect("it is there") = 0xfc;
    assert_eq!(taken(&latin).headers.from().map(|from| from.display_name), Ok("Müller".to_owned()));
    let lone_line_feeds = format!("{REQUEST_LINE}{BASICS}\n");
    taken(lone_line_feeds.as_bytes());
}

#[test]
fn lines_that_are_no_header_fields_are_refused() {
    for line in ["no colon\n", ": no name\n", "na me: x\n", "nä: x\n", "X: a\rb\n", "X: a\n b\rc\n"] {
        let error = refused(&with(line, ""));
        assert_eq!((error.kind, status(&error)), (ParseErrorKind::HeaderLine, Some(400)), "{line:?}");
    }
    let unfinished = wire(&format!("{REQUEST_LINE}{BASICS}"));
    assert_eq!(
        (refused(&unfinished).kind, status(&refused(&unfinished))),
        (ParseErrorKind::Unfinished, Some(400))
    );
}

#[test]
fn contacts_and_routes_that_a_dialog_would_need_must_be_good() {
    for field in [
        "Contact: \"Joe\" <sip:joe@example.org>;;;;\n",
        "m: sip:user@example.com?Route=%3Csip:x%3E\n",
        "Record-Route: <sip:x\n",
    ] {
        assert_eq!(status(&refused(&with(field, ""))), Some(400), "{field}");
    }
    taken(&with(
        "Contact: *\nDate: Fri, 01 Jan 2010 16:00:00 EST\nRoute: <sip:x;lr>, <sip:y;lr>\nExpires: 99999999999\n",
        "",
    ));
}
