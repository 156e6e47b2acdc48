use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::flow::Transport;

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn sip(text: &str) -> SipUri {
    uri(text).as_sip().unwrap_or_else(|| panic!("{text} is no SIP URI")).clone()
}

#[test]
fn a_uri_prints_as_it_was_written() {
    for text in [
        "sip:alice@example.org",
        "sips:alice:secret@[2001:db8::1]:5070;transport=tcp;lr?Subject=a%20b&To=x%40y",
        "sip:192.0.2.1",
        "sip:@example.org",
        "sip:%75se%72@example.com",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1@example.com",
        "sip:null-%00-null@example.com",
        "tel:+44-113-4960000;ext=7",
        "soap.beep://192.0.2.103:3002",
        "isbn:2983792873",
    ] {
        assert_eq!(uri(text).to_string(), text);
    }
}

#[test]
fn a_user_part_ends_at_its_at_sign_whatever_it_holds() {
    let uri = sip("sip:user;par=u%40example.net@example.net;lr");
    assert_eq!(uri.user.as_deref(), Some("user;par=u%40example.net"));
    assert_eq!(uri.user_text().as_deref(), Some("user;par=u@example.net"));
    assert!(uri.params.has("LR") && uri.params.get("par").is_none());
}

#[test]
fn what_a_user_part_may_not_hold_is_escaped() {
    let written = |user| SipUri::new(Some(user), Host::Name("example.org".into()), None);
    assert_eq!(written("#31#").to_string(), "sip:%2331%23@example.org");
    assert_eq!(written("a b@c%:é").to_string(), "sip:a%20b%40c%25%3A%C3%A9@example.org");
    assert_eq!(written("+55*71").to_string(), "sip:+55*71@example.org");
    assert_eq!(written("a b@c%:é").user_text().as_deref(), Some("a b@c%:é"));
    assert_eq!(sip("sip:a@b").with_written_user("%2331#%").to_string(), "sip:%2331%23%25@b");
}

#[test]
fn what_is_no_uri_is_refused() {
    for text in [
        "",
        ":",
        "sip",
        "sip:",
        "sip:a b@c",
        "sip:a@",
        "sip:a@b@c",
        "sip:a@b:",
        "sip:a@b:65536",
        "sip:a@b:-1",
        "sip:a@b:+1",
        "sip:a@b:99999999999999999999",
        "sip:2001:db8::10",
        "sip:[2001:db8::10",
        "sip:[x]",
        "sip:a@b;",
        "sip:a@b;;lr",
        "sip:a@b;=x",
        "<sip:a@b>",
        "1sip:a@b",
        "sip:a@b\r\nVia: x",
        "sip:a@ü.example",
    ] {
        assert!(Uri::parse(text).is_err(), "{text}");
    }
}

#[test]
fn addresses_of_rfc_5118_are_understood() {
    let port_within = sip("sip:[2001:db8::10:5070]");
    assert_eq!((port_within.host.ip(), port_within.port), ("2001:db8::10:5070".parse().ok(), None));
    let port_behind = sip("sip:[2001:db8::10]:5070");
    assert_eq!((port_behind.host.ip(), port_behind.port), ("2001:db8::10".parse().ok(), Some(5070)));
    assert_eq!(sip("sip:u@[2001:db8:::192.0.2.1]").host.ip(), "2001:db8::192.0.2.1".parse().ok());
}

#[test]
fn uris_compare_as_the_rfc_has_it() {
    // RFC 3261 §19.1.4, its own examples.
    for (one, other) in [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        // Against §19.1.1: of a name that is given twice the first counts.
        ("sip:carol@chicago.com;security=on;security=off", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;security=on;security=off", "sip:carol@chicago.com;security=on;security=off"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:a@b;lr;user", "sip:a@b;user;lr"),
        ("tel:+55", "tel:+55"),
    ] {
        assert!(uri(one).is_equivalent(&uri(other)) && uri(other).is_equivalent(&uri(one)), "{one} {other}");
    }
    for (one, other) in [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@b", "sips:a@b"),
        ("sip:a@b;user", "sip:a@b"),
        ("sip:a@b?x=1&y=2", "sip:a@b?x=2&y=1"),
        ("tel:+55", "tel:+56"),
        ("sip:a%40c@b", "sip:a%2540c@b"),
        ("sip:a%3Bc@b", "sip:a;c@b"),
    ] {
        assert!(
            !uri(one).is_equivalent(&uri(other)) && !uri(other).is_equivalent(&uri(one)),
            "{one} {other}"
        );
    }
}

#[test]
fn a_name_and_an_address_are_taken_apart_however_they_are_written() {
    for (text, name, its_uri, tag) in [
        ("sip:a@b", "", "sip:a@b", None),
        ("sip:a@b;tag=1", "", "sip:a@b", Some("1")),
        ("<sip:a@b;lr>;tag=1", "", "sip:a@b;lr", Some("1")),
        ("caller<sip:a@b>;TAG = 1", "caller", "sip:a@b", Some("1")),
        ("Bell, Alexander <sip:a@b>;tag=1", "Bell, Alexander", "sip:a@b", Some("1")),
        (r#""J Rosenberg \\\"" <sip:a@b> ; tag=1"#, r#"J Rosenberg \""#, "sip:a@b", Some("1")),
        (r#""<>;,\"" < sip:a@b >;x="a;b,c>";tag=1"#, "<>;,\"", "sip:a@b", Some("1")),
        (r#""Bob "the boss" B" <sip:a@b>;tag=1"#, r#"Bob the boss" B""#, "sip:a@b", Some("1")),
        ("Müller 北京 <sip:a@b>", "Müller 北京", "sip:a@b", None),
        ("<tel:+1;ext=2>;tag=1", "", "tel:+1;ext=2", Some("1")),
    ] {
        let address = NameAddr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(
            (address.display_name.as_str(), address.uri.to_string().as_str()),
            (name, its_uri),
            "{text}"
        );
        assert_eq!(address.tag(), tag, "{text}");
        assert_eq!(NameAddr::parse(&address.to_string()), Ok(address), "{text}");
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for text in [
        "",
        "<>",
        "<sip:a@b",
        "\"Bob <sip:a@b>",
        "Bob sip:a@b",
        "sip:a@b?x=y",
        "<sip:a@b>;;",
        "<sip:a@b>x",
        "sip:a@b;tag=\"1",
    ] {
        assert!(NameAddr::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_contacts_parameters_are_numbers_or_not_there() {
    let contact = |params: &str| NameAddr::parse(&format!("<sip:a@b>{params}")).expect("it is well formed");
    assert_eq!(contact(";expires=60").expires(), Some(60));
    assert_eq!(contact(";expires=280297596632815").expires(), None);
    assert_eq!((contact(";q = 0.33").q(), contact(";q=0.125").q()), (330, 125));
    assert_eq!((contact("").q(), contact(";q=1.000").q(), contact(";q=0").q()), (1000, 1000, 0));
    assert_eq!((contact(";q=1.5").q(), contact(";q=x").q(), contact(";q=0.1234").q()), (1000, 1000, 1000));
}

#[test]
fn a_via_is_read_with_all_the_white_space_that_it_may_have() {
    let via =
        Via::parse("SIP  / 2.0  / TCP     spindle.example.com : 5061  ;\t branch  =   z9hG4bK9ikj8  ; rport")
            .expect("it is well formed");
    assert_eq!((via.transport.as_str(), via.port, via.branch()), ("TCP", Some(5061), Some("z9hG4bK9ikj8")));
    assert!(via.wants_rport() && via.rport().is_none());
    assert_eq!(via.to_string(), "SIP/2.0/TCP spindle.example.com:5061;branch=z9hG4bK9ikj8;rport");
    for text in [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/3.0/UDP a",
        "HTTP/2.0/UDP a",
        "SIP/2.0/UDP a;;",
        "SIP/2.0/U P a",
        "SIP/2.0/UDP 2001:db8::1",
    ] {
        assert!(Via::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_via_notes_its_source_where_the_answer_needs_it() {
    let source = "[2001:db8::7]:4000".parse().expect("it is an address");
    let noted = |text: &str| {
        let mut via = Via::parse(text).expect("it is well formed");
        via.note_source(source);
        via.to_string()
    };
    assert_eq!(noted("SIP/2.0/UDP a;branch=x"), "SIP/2.0/UDP a;branch=x;received=2001:db8::7");
    assert_eq!(noted("SIP/2.0/UDP [2001:db8::7];branch=x"), "SIP/2.0/UDP [2001:db8::7];branch=x");
    assert_eq!(
        noted("SIP/2.0/UDP [2001:db8::7];rport;branch=x"),
        "SIP/2.0/UDP [2001:db8::7];rport=4000;branch=x;received=2001:db8::7"
    );
    let with_brackets = Via::parse("SIP/2.0/UDP a;received=[2001:db8::9]").expect("it is well formed");
    assert_eq!(with_brackets.received(), "2001:db8::9".parse().ok());
    let ours = Via::new(Transport::Udp, source, "z9hG4bKx");
    assert_eq!(ours.to_string(), "SIP/2.0/UDP [2001:db8::7]:4000;rport;branch=z9hG4bKx");
}

#[test]
fn parameters_are_set_in_their_place_and_quoted_where_they_must_be() {
    let mut params = Params::parse(" ; a = 1 ;b;c=\"x;y\"").expect("they are well formed");
    params.set("A", Some("two words"));
    params.set("d", None);
    params.remove("B");
    assert_eq!(params.to_string(), ";A=\"two words\";c=\"x;y\";d");
    assert_eq!(params.get("c"), Some("\"x;y\""));
}

#[test]
fn header_fields_keep_their_order_and_nobody_smuggles_one_in() {
    let mut headers = Headers::new();
    headers.push(Name::Other("X-One"), "1\r\nX-Two: 2");
    headers.push(Name::Via, "b, c");
    headers.push_front(Name::Via, "a");
    headers.push(Name::parse("k"), "  replaces, TIMER ");
    assert_eq!(
        headers.to_string(),
        "Via: a\r\nX-One: 1  X-Two: 2\r\nVia: b, c\r\nSupported: replaces, TIMER\r\n"
    );
    assert_eq!(headers.values(Name::Via).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(headers.lists(Name::Supported, "timer") && !headers.lists(Name::Supported, "time"));
    assert_eq!(headers.get(Name::Other("x-one")), Some("1  X-Two: 2"));
    assert_eq!(headers.get(Name::Other("X-Two")), None);
    headers.set(Name::Via, "d");
    headers.remove(Name::Supported);
    assert_eq!(headers.to_string(), "Via: d\r\nX-One: 1  X-Two: 2\r\n");
}

#[test]
fn the_topmost_via_is_replaced_alone() {
    let mut headers = Headers::new();
    headers.push(Name::Via, "SIP/2.0/UDP a;x=\"1,2\", SIP/2.0/UDP b");
    let via = Via::parse("SIP/2.0/UDP c").expect("it is well formed");
    headers.set_via(&via);
    let hosts: Vec<_> =
        headers.vias().expect("they are well formed").iter().map(|via| via.host.to_string()).collect();
    assert_eq!(hosts, ["c", "b"]);
}

#[test]
fn a_comma_in_quotes_or_brackets_separates_nothing() {
    let mut headers = Headers::new();
    let values = [r#""a\", b" <sip:c,d@e>"#, r#"<sip:f?subject="@g>"#, r#""h" <sip:i>"#];
    headers.push(Name::Contact, values.join(","));
    assert_eq!(headers.values(Name::Contact).collect::<Vec<_>>(), values);
}

#[test]
fn a_star_is_a_contact_only_alone() {
    let contacts = |value: &str| {
        let mut headers = Headers::new();
        headers.push(Name::Contact, value);
        headers.contacts()
    };
    assert_eq!(contacts("*"), Ok(Contacts::All));
    assert!(contacts("*, <sip:a@b>").is_err() && contacts("<sip:a@b>, *").is_err());
    assert!(matches!(contacts("<sip:a@b>, \"x, y\" <sip:c@d>"), Ok(Contacts::List(list)) if list.len() == 2));
}

#[test]
fn numbers_of_more_than_32_bits_are_no_numbers() {
    let seconds = |value: &str| {
        let mut headers = Headers::new();
        headers.push(Name::Expires, value);
        headers.push(Name::RetryAfter, value);
        (headers.expires().ok().flatten(), headers.retry_after().ok().flatten())
    };
    assert_eq!(seconds("4294967295"), (Some(u32::MAX), Some(u32::MAX)));
    for value in ["4294967296", "-1", "+1", "", "1e3", "36893488147419103232"] {
        assert_eq!(seconds(value), (None, None), "{value}");
    }
    assert_eq!(seconds("18 (in a meeting);duration=60"), (Some(18), Some(18)));
    assert!(CSeq::parse("4294967296 INVITE").is_err() && CSeq::parse("0009   INVITE").is_ok());
}

#[test]
fn a_response_has_what_its_request_came_with() {
    let bytes =
        b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=1, SIP/2.0/UDP y\r\nv: SIP/2.0/UDP z\r\n\
        From: \"F\" <sip:f@b>;tag=1\r\nTo: sip:a@b\r\nCall-ID: c\r\nCSeq: 7 OPTIONS\r\nTimestamp: 54\r\n\r\n";
    let Ok(Message::Request(request)) = Message::parse(bytes) else { panic!("it is a request") };
    let mut response = Response::to_request(&request, Status::OK);
    response.set_to_tag("t");
    response.reason = "O\r\nK".into();
    let expected = "SIP/2.0 200 O  K\r\nVia: SIP/2.0/UDP x;branch=1, SIP/2.0/UDP y\r\nVia: SIP/2.0/UDP z\r\n\
        From: \"F\" <sip:f@b>;tag=1\r\nTo: <sip:a@b>;tag=t\r\nCall-ID: c\r\nCSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&response.to_bytes()), expected);
    assert_eq!(Response::to_request(&request, Status::TRYING).headers.get(Name::Timestamp), Some("54"));
}

/// The part of `body`, called `content_type`, that is SDP or a key, and which of both it is.
fn part<'a>(content_type: &str, body: &'a str) -> Option<(&'static str, &'a str)> {
    let mut headers = Headers::new();
    headers.push(Name::ContentType, content_type);
    let (found, part) = part_of(&headers, body.as_bytes(), &["application/sdp", "application/dtmf"])?;
    Some((found, core::str::from_utf8(part).expect("it was text")))
}

#[test]
fn a_body_is_what_it_is_called() {
    let sdp = Some(("application/sdp", "v=0"));
    assert_eq!(part("Application/SDP ; charset=utf-8", "v=0"), sdp);
    assert_eq!(part("text/plain", "v=0"), None);
    assert_eq!(part("application/sdp", ""), None);
    assert_eq!(
        part_of(&Headers::new(), b"v=0", &["application/sdp"]),
        Some(("application/sdp", &b"v=0"[..]))
    );
}

#[test]
fn of_several_parts_the_first_of_a_known_type_counts() {
    let key = Some(("application/dtmf", "5\r\n"));
    for (boundary, body) in [
        (
            "x",
            "--x\r\n\r\nplain\r\n--x\r\nc: application/dtmf\r\n\r\n5\r\n--x--\r\nContent-Type: application/sdp\r\n\r\nv=0",
        ),
        ("\"a b\"", "before\r\n--a b  \r\nX: y\r\ncontent-type : Application/DTMF;x=y\r\n\r\n5\r\n--a b--"),
        (
            "--=_1",
            "----=_1\nContent-Type: application/dtmf\n\n5\r\n----=_1\nContent-Type: application/sdp\n\nv=0",
        ),
        ("x", "--x\r\nContent-Type: application/dtmf\r\n\r\n5\r\n"),
    ] {
        assert_eq!(part(&format!("Multipart/Mixed; a=b; boundary={boundary}"), body), key, "{body}");
    }
}

#[test]
fn what_has_no_such_part_has_none() {
    for (parameters, body) in [
        ("", "--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--"),
        (";boundary", "--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--"),
        (";boundary=y", "--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--"),
        (";boundary=x", "--xy\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--"),
        (";boundary=x", "Content-Type: application/sdp\r\n\r\nv=0\r\n--x--"),
        (";boundary=x", "--x\r\nContent-Type: application/sdp"),
        (";boundary=x", "--x\r\nContent-Type: text/plain\r\n\r\nv=0\r\n--x--"),
    ] {
        assert_eq!(part(&format!("multipart/mixed{parameters}"), body), None, "{parameters} {body}");
    }
}
