//! Names to addresses (RFC 1035, 2308, 3596, 5452, 6761): the name server's side is scripted bytes.

use base::Dice;
use sip::endpoint::{Config, Event, Input, Unreachable};
use sip::flow::{Flow, FlowError, Link, Transport};

use crate::stage::{Connect, Stage, address, ms, uri};

const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

const TRUNCATED: u8 = 0x02;

/// A stage with name servers, each of whose queries has a flow of its own.
struct Names {
    stage: Stage,
    next_port: u16,
    queries: Vec<Query>,
    /// Flows for SIP that were asked for, and are never opened here.
    sip: Vec<Connect>,
}

/// A query that was sent.
#[derive(Clone)]
struct Query {
    flow: Flow,
    bytes: Vec<u8>,
}

impl Query {
    fn is_aaaa(&self) -> bool {
        self.bytes[self.bytes.len() - 4..] == [0, 28, 0, 1]
    }

    /// The name, as its labels on the wire.
    fn name(&self) -> String {
        let mut labels = Vec::new();
        let mut rest = &self.bytes[12..];
        while rest[0] != 0 {
            let (label, after) = rest[1..].split_at(rest[0].into());
            labels.push(std::str::from_utf8(label).expect("we ask for ASCII"));
            rest = after;
        }
        labels.join(".")
    }

    /// An answer: the query's id and question, these records.
    fn answer(&self, flags: u8, code: u8, answers: &[Vec<u8>], authority: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.bytes[..2].to_vec();
        let counts = [0, 1, 0, answers.len() as u8, 0, authority.len() as u8, 0, 0];
        bytes.extend([0x81 | flags, 0x80 | code]);
        bytes.extend(counts);
        bytes.extend(&self.bytes[12..]);
        answers.iter().chain(authority).for_each(|record| bytes.extend(record));
        bytes
    }
}

/// A record of the name that was asked for (`\xc0\x0c` points at it).
fn record(record_type: u8, ttl_s: u16, data: &[u8]) -> Vec<u8> {
    record_of(&[0xc0, 0x0c], record_type, ttl_s, data)
}

fn record_of(owner: &[u8], record_type: u8, ttl_s: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend([0, record_type, 0, 1, 0, 0]);
    bytes.extend(ttl_s.to_be_bytes());
    bytes.extend([0, data.len() as u8]);
    bytes.extend(data);
    bytes
}

fn a(address: [u8; 4]) -> Vec<u8> {
    record(1, 60, &address)
}

/// An SOA record whose minimum is this.
fn soa(minimum_s: u8) -> Vec<u8> {
    let mut data = vec![0, 0];
    data.extend([0; 19]);
    data.push(minimum_s);
    record(6, 3600, &data)
}

impl Names {
    fn new(resolv_conf: &str) -> Self {
        let config =
            Config { hosts: "127.0.0.1 localhost\n".to_owned(), resolv_conf: resolv_conf.to_owned() };
        Self { stage: Stage::with(&config), next_port: 40_000, queries: Vec::new(), sip: Vec::new() }
    }

    fn reach(&mut self, hop: &str) {
        self.stage.endpoint.reach(self.stage.now, &uri(hop));
        self.stage.collect();
        self.open();
    }

    /// Opens each DNS flow that is asked for, and notes the queries.
    fn open(&mut self) {
        for (connect, link, remote) in self.stage.connects() {
            if link != Link::Dns {
                self.sip.push((connect, link, remote));
                continue;
            }
            let local = address(&format!("192.0.2.10:{}", self.next_port));
            self.next_port += 1;
            self.stage.input(Input::FlowOpen { connect, flow: Flow { link, local, remote } });
            let sent = self.stage.sent().into_iter().map(|sent| Query { flow: sent.flow, bytes: sent.bytes });
            self.queries.extend(sent);
        }
    }

    /// Lets the time pass; flows are opened as soon as they are asked for.
    fn run_for(&mut self, span: std::time::Duration) {
        let end = self.stage.now + span;
        self.open();
        while let Some(due) = self.stage.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.stage.run_for(due - self.stage.now);
            self.open();
        }
        self.stage.run_for(end - self.stage.now);
    }

    /// The queries since the last look: that for AAAA and that for A.
    fn pair(&mut self) -> [Query; 2] {
        let mut queries = std::mem::take(&mut self.queries);
        queries.sort_by_key(|query| !query.is_aaaa());
        let count = queries.len();
        <[Query; 2]>::try_from(queries).unwrap_or_else(|_| panic!("{count} queries, not 2"))
    }

    fn receive(&mut self, query: &Query, bytes: &[u8]) {
        self.stage.input(Input::Datagram { flow: query.flow, bytes });
    }

    fn answer(&mut self, query: &Query, code: u8, answers: &[Vec<u8>]) {
        self.receive(query, &query.answer(0, code, answers, &[]));
    }

    /// The SIP connects since the last look.
    fn connects(&mut self) -> Vec<String> {
        self.open();
        let connects = std::mem::take(&mut self.sip);
        assert!(connects.iter().all(|(_, link, _)| *link == Link::Sip(Transport::Udp)));
        connects.iter().map(|(_, _, remote)| remote.to_string()).collect()
    }

    fn unreachable(&mut self) -> Unreachable {
        match self.stage.event() {
            Event::Unreachable { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }
}

const ONE: &str = "nameserver 192.0.2.53\n";
const TWO: &str = "nameserver 192.0.2.53\nnameserver 192.0.2.54\n";

#[test]
fn a_name_is_asked_for_aaaa_and_a_each_on_a_flow_of_its_own_with_an_id_of_its_own() {
    let mut names = Names::new(ONE);
    names.reach("sip:PBX.example");
    let [aaaa, a] = names.pair();
    assert_ne!(aaaa.flow.local, a.flow.local);
    assert_ne!(aaaa.bytes[..2], a.bytes[..2]);
    for (query, record_type) in [(&aaaa, 28), (&a, 1)] {
        let rest = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, b'p', b'b', b'x', 7];
        assert_eq!(query.bytes[2..17], rest);
        assert_eq!(query.bytes[17..], *[b"example\0".as_slice(), &[0, record_type, 0, 1]].concat());
        assert_eq!(query.flow.remote, address("192.0.2.53:53"));
    }
}

#[test]
fn the_answered_addresses_are_connected_to_ipv6_first_and_the_flows_are_closed() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example");
    let [aaaa, four] = names.pair();
    names.answer(&four, NO_ERROR, &[a([192, 0, 2, 5])]);
    assert!(names.connects().is_empty());
    let mut v6 = [0; 16];
    (v6[0], v6[1], v6[15]) = (0x20, 0x01, 5);
    names.answer(&aaaa, NO_ERROR, &[record(28, 60, &v6)]);
    assert_eq!(names.connects(), ["[2001::5]:5060"]);
    assert_eq!(names.stage.closed(), [four.flow, aaaa.flow]);
    names.stage.assert_at_rest();
}

#[test]
fn one_family_alone_will_do() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example:5070");
    let [aaaa, four] = names.pair();
    names.answer(&aaaa, NO_ERROR, &[]);
    names.answer(&four, NO_ERROR, &[a([192, 0, 2, 5]), a([192, 0, 2, 6])]);
    assert_eq!(names.connects(), ["192.0.2.5:5070"]);
}

#[test]
fn a_name_server_that_ignores_aaaa_delays_a_call_by_300_ms() {
    let mut names = Names::new(TWO);
    names.reach("sip:pbx.example");
    let [aaaa, four] = names.pair();
    names.run_for(ms(100));
    names.answer(&four, NO_ERROR, &[a([192, 0, 2, 5])]);
    names.run_for(ms(299));
    assert!(names.connects().is_empty());
    names.run_for(ms(1));
    assert_eq!(names.connects(), ["192.0.2.5:5060"]);
    assert_eq!(names.stage.closed(), [four.flow, aaaa.flow]);
    names.stage.assert_at_rest();
}

#[test]
fn a_query_that_begins_when_the_other_family_has_been_answered_gets_300_ms_too() {
    let mut names = Names::new(TWO);
    names.reach("sip:pbx.example");
    let [aaaa, four] = names.pair();
    names.answer(&aaaa, SERVER_FAILURE, &[]);
    names.answer(&four, NO_ERROR, &[a([192, 0, 2, 5])]);
    names.run_for(ms(299));
    assert!(names.connects().is_empty());
    names.run_for(ms(1));
    assert_eq!(names.connects(), ["192.0.2.5:5060"]);
    names.stage.assert_at_rest();
}

#[test]
fn an_alias_is_followed_within_the_answer() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example");
    let [aaaa, four] = names.pair();
    names.answer(&aaaa, NO_ERROR, &[]);
    let alias = record(5, 60, b"\x04edge\x00");
    let mut other = record_of(b"\x05other\x00", 5, 60, b"\x04lost\x00");
    other.extend(record_of(b"\x05other\x00", 1, 60, &[192, 0, 2, 66]));
    other.extend(record_of(b"\x04EDGE\x00", 1, 60, &[192, 0, 2, 7]));
    let mut answer = four.answer(0, NO_ERROR, &[other, alias], &[]);
    answer[7] = 4;
    names.receive(&four, &answer);
    assert_eq!(names.connects(), ["192.0.2.7:5060"]);
}

#[test]
fn aliases_that_go_round_in_circles_are_no_address() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example");
    for query in names.pair() {
        names.answer(&query, NO_ERROR, &[record(5, 60, b"\xc0\x0c")]);
    }
    assert_eq!(names.unreachable(), Unreachable::NoSuchHost);
}

#[test]
fn an_answer_from_elsewhere_with_another_id_or_to_another_question_is_not_believed() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example");
    let [aaaa, four] = names.pair();
    names.answer(&aaaa, NO_ERROR, &[]);
    let good = four.answer(0, NO_ERROR, &[a([192, 0, 2, 5])], &[]);
    let forge = |at: usize, byte: u8| {
        let mut forged = good.clone();
        forged[at] ^= byte;
        forged
    };
    for forged in [forge(0, 1), forge(1, 1), forge(2, 0x80), forge(2, 0x08), forge(13, 1), forge(26, 2)] {
        names.receive(&four, &forged);
        assert!(names.connects().is_empty() && names.stage.events().is_empty());
    }
    let elsewhere = Flow { remote: address("192.0.2.66:53"), ..four.flow };
    names.stage.input(Input::Datagram { flow: elsewhere, bytes: &good });
    assert!(names.connects().is_empty());
    names.receive(&four, &good);
    assert_eq!(names.connects(), ["192.0.2.5:5060"]);
}

#[test]
fn addresses_that_name_no_peer_are_passed_over() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example");
    let [aaaa, four] = names.pair();
    names.answer(&aaaa, NO_ERROR, &[]);
    names.answer(&four, NO_ERROR, &[a([0, 0, 0, 0]), a([224, 0, 1, 75]), a([192, 0, 2, 5])]);
    assert_eq!(names.connects(), ["192.0.2.5:5060"]);
}

#[test]
fn a_silent_server_is_followed_by_the_next_and_each_is_asked_twice() {
    let mut names = Names::new(TWO);
    names.reach("sip:pbx.example");
    let mut asked = Vec::new();
    for _ in 0..4 {
        let [aaaa, a] = names.pair();
        assert_eq!(aaaa.flow.remote, a.flow.remote);
        asked.push(a.flow.remote.ip().to_string());
        names.run_for(ms(5000));
    }
    assert_eq!(asked, ["192.0.2.53", "192.0.2.54", "192.0.2.53", "192.0.2.54"]);
    assert_eq!(names.unreachable(), Unreachable::NoNameServer);
    assert_eq!(names.stage.closed().len(), 8);
    names.stage.assert_at_rest();
}

#[test]
fn a_server_that_fails_refuses_or_can_not_be_reached_is_followed_by_the_next_at_once() {
    let mut names = Names::new(TWO);
    names.reach("sip:pbx.example");
    let [aaaa, a] = names.pair();
    names.answer(&aaaa, SERVER_FAILURE, &[]);
    names.stage.input(Input::FlowClosed { flow: a.flow, reason: FlowError::Refused });
    assert_eq!(names.stage.closed(), [aaaa.flow, a.flow]);
    let connects = names.stage.connects();
    assert!(connects.iter().all(|(_, _, remote)| *remote == address("192.0.2.54:53")) && connects.len() == 2);
    for (connect, ..) in connects {
        names.stage.input(Input::FlowFailed { connect, reason: FlowError::Unreachable });
    }
    names.open();
    assert!(names.pair().iter().all(|query| query.flow.remote == address("192.0.2.53:53")));
}

#[test]
fn without_a_way_to_any_server_the_lookup_ends_at_once() {
    let mut names = Names::new(TWO);
    names.stage.endpoint.reach(names.stage.now, &uri("sip:pbx.example"));
    names.stage.collect();
    let mut failed = 0;
    let mut waiting = names.stage.connects();
    while let Some((connect, ..)) = waiting.pop() {
        names.stage.input(Input::FlowFailed { connect, reason: FlowError::Unreachable });
        waiting.extend(names.stage.connects());
        failed += 1;
    }
    assert_eq!(failed, 8, "two questions, two servers, twice each");
    assert_eq!(names.unreachable(), Unreachable::NoNameServer);
    names.stage.assert_at_rest();
}

#[test]
fn a_server_whose_port_is_closed_ends_the_lookup_as_soon_as_it_says_so() {
    let mut names = Names::new("nameserver 192.0.2.53\noptions attempts:1\n");
    names.reach("sip:pbx.example");
    for query in names.pair() {
        names.stage.input(Input::FlowClosed { flow: query.flow, reason: FlowError::Refused });
    }
    assert_eq!(names.unreachable(), Unreachable::NoNameServer);
}

#[test]
fn of_two_lookups_each_has_its_own_patience() {
    let mut names = Names::new("nameserver 192.0.2.53\noptions attempts:1\n");
    names.reach("sip:one.example");
    names.run_for(ms(1000));
    names.reach("sip:two.example");
    names.run_for(ms(4000));
    assert_eq!(names.unreachable(), Unreachable::NoNameServer);
    names.run_for(ms(999));
    assert!(names.stage.events().is_empty());
    names.run_for(ms(1));
    assert_eq!(names.unreachable(), Unreachable::NoNameServer);
}

#[test]
fn an_answer_is_remembered_as_long_as_the_shortest_of_its_records_allows() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example");
    let [aaaa, four] = names.pair();
    names.receive(&aaaa, &aaaa.answer(0, NO_ERROR, &[], &[soa(60)]));
    let alias = record(5, 10, b"\x04edge\x00");
    names.answer(&four, NO_ERROR, &[alias, record_of(b"\x04edge\x00", 1, 60, &[192, 0, 2, 7])]);
    assert_eq!(names.connects(), ["192.0.2.7:5060"]);
    names.run_for(ms(10_000));
    names.reach("sip:pbx.example");
    assert_eq!(names.queries.len(), 1, "AAAA is still known, A is not");
}

#[test]
fn of_an_answer_with_too_many_addresses_16_are_tried() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example");
    let [aaaa, four] = names.pair();
    names.answer(&aaaa, NO_ERROR, &[]);
    let many: Vec<_> = (1..=40).map(|last| a([192, 0, 2, last])).collect();
    names.answer(&four, NO_ERROR, &many);
    names.open();
    let mut tried = 0;
    while let Some((connect, ..)) = names.sip.pop() {
        names.stage.input(Input::FlowFailed { connect, reason: FlowError::Unreachable });
        names.open();
        tried += 1;
    }
    assert_eq!(tried, 16);
    assert_eq!(names.unreachable(), Unreachable::Flow(FlowError::Unreachable));
}

#[test]
fn a_truncated_answer_is_used_as_far_as_it_goes_and_an_empty_one_is_none() {
    let mut names = Names::new(TWO);
    names.reach("sip:pbx.example");
    let [aaaa, four] = names.pair();
    names.answer(&aaaa, NO_ERROR, &[]);
    names.receive(&four, &four.answer(TRUNCATED, NO_ERROR, &[], &[]));
    names.open();
    let again = names.queries.remove(0);
    assert_eq!(again.flow.remote, address("192.0.2.54:53"));
    names.receive(&again, &again.answer(TRUNCATED, NO_ERROR, &[a([192, 0, 2, 5])], &[]));
    assert_eq!(names.connects(), ["192.0.2.5:5060"]);
}

#[test]
fn a_single_label_is_sought_in_the_search_list_and_then_as_it_is() {
    let mut names = Names::new("nameserver 192.0.2.53\nsearch lan.example office.example\n");
    names.reach("sip:pbx");
    for sought in ["pbx.lan.example", "pbx.office.example"] {
        for query in names.pair() {
            assert_eq!(query.name(), sought);
            names.answer(&query, NO_SUCH_NAME, &[]);
        }
        names.open();
    }
    let [aaaa, four] = names.pair();
    assert_eq!(four.name(), "pbx");
    names.answer(&aaaa, NO_SUCH_NAME, &[]);
    names.answer(&four, NO_ERROR, &[a([192, 0, 2, 5])]);
    assert_eq!(names.connects(), ["192.0.2.5:5060"]);
}

#[test]
fn localhost_is_never_asked_for() {
    let mut names = Names::new(ONE);
    names.reach("sip:LOCALHOST:5080");
    assert_eq!(names.connects(), ["127.0.0.1:5080"]);
}

#[test]
fn an_answer_is_remembered_for_its_ttl() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example");
    let [aaaa, four] = names.pair();
    names.receive(&aaaa, &aaaa.answer(0, NO_ERROR, &[], &[soa(60)]));
    names.answer(&four, NO_ERROR, &[a([192, 0, 2, 5])]);
    names.run_for(ms(59_999));
    names.connects();
    names.reach("sip:PBX.EXAMPLE.");
    assert_eq!(names.connects(), ["192.0.2.5:5060"]);
    assert!(names.queries.is_empty());
    names.run_for(ms(1));
    names.reach("sip:pbx.example");
    names.pair();
}

#[test]
fn no_such_name_is_remembered_too_as_long_as_its_zone_says() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example");
    for query in names.pair() {
        names.receive(&query, &query.answer(0, NO_SUCH_NAME, &[], &[soa(30)]));
    }
    assert_eq!(names.unreachable(), Unreachable::NoSuchHost);
    names.run_for(ms(29_999));
    names.reach("sip:pbx.example");
    assert_eq!(names.unreachable(), Unreachable::NoSuchHost);
    names.run_for(ms(1));
    names.reach("sip:pbx.example");
    names.pair();
}

#[test]
fn new_name_servers_are_asked_and_old_answers_forgotten() {
    let mut names = Names::new(ONE);
    names.reach("sip:pbx.example");
    for query in names.pair() {
        names.answer(&query, NO_SUCH_NAME, &[]);
    }
    names.unreachable();
    let (hosts, resolv_conf) = ("192.0.2.9 listed.example\n", "nameserver 198.51.100.53\n");
    let config = Config { hosts: hosts.to_owned(), resolv_conf: resolv_conf.to_owned() };
    names.stage.endpoint.configure(&config);
    names.reach("sip:listed.example");
    assert_eq!(names.connects(), ["192.0.2.9:5060"]);
    names.reach("sip:pbx.example");
    assert!(names.pair().iter().all(|query| query.flow.remote == address("198.51.100.53:53")));
}

#[test]
fn a_host_that_is_no_domain_name_is_not_asked_for() {
    let mut names = Names::new(ONE);
    names.reach(&format!("sip:{}.example", "x".repeat(64)));
    assert_eq!(names.unreachable(), Unreachable::NoSuchHost);
    assert!(names.queries.is_empty());
    assert_eq!(names.stage.closed().len(), 2, "the flows that were opened for it are closed");
    names.stage.assert_at_rest();
}

/// An answer with an alias, an address and an SOA record, some bytes of it changed and some cut off.
fn mutilated(dice: &mut Dice, query: &Query) -> Vec<u8> {
    let records = [record(5, 60, b"\x04edge\x00"), record_of(b"\x04edge\x00", 1, 60, &[192, 0, 2, 7])];
    let mut bytes = query.answer(0, NO_ERROR, &records, &[soa(30)]);
    for _ in 0..=dice.below(6) {
        let at = 2 + dice.below(bytes.len() as u32 - 2) as usize;
        bytes[at] = dice.below(256) as u8;
    }
    if dice.percent(30) {
        bytes.truncate(dice.below(bytes.len() as u32) as usize);
    }
    bytes
}

#[test]
fn mutilated_answers_are_survived_and_leave_nothing_behind() {
    let mut dice = Dice::new([5; 32]);
    let mut names = Names::new("nameserver 192.0.2.53\noptions attempts:5\n");
    for round in 0..3000 {
        names.reach(&format!("sip:host{round}.example"));
        for _ in 0..12 {
            for query in std::mem::take(&mut names.queries) {
                let bytes = mutilated(&mut dice, &query);
                names.receive(&query, &bytes);
            }
            names.run_for(ms(5000));
        }
        while let Some((connect, ..)) = names.sip.pop() {
            names.stage.input(Input::FlowFailed { connect, reason: FlowError::Refused });
            names.open();
        }
        assert_eq!(names.stage.events().len(), 1, "each lookup ends");
        names.stage.assert_at_rest();
    }
    let opened = usize::from(names.next_port - 40_000);
    assert_eq!(names.stage.closed().len(), opened, "each DNS flow is closed");
}
