//! DNS queries and answers on the wire (RFC 1035, RFC 3596, RFC 2308), by simple-dns.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
};

/// Addresses taken from one answer: more than a client ever tries, and a bound for what is kept.
const MAX_ADDRESSES: usize = 16;

/// Links of a CNAME chain that are followed within one answer: longer ones are loops.
const MAX_ALIASES: usize = 8;

/// Records of an answer, all sections together: more than fits 4096 octets sensibly, and a bound for the parser.
const MAX_RECORDS: u32 = 256;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum RecordType {
    A,
    Aaaa,
}

/// What an answer says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// The name's addresses of that type, for as long as they may be kept. None: the name or the type does not exist.
    Addresses { addresses: Vec<IpAddr>, ttl: Option<Duration> },
    /// This server can't say: another may.
    ServerFailed,
}

/// A recursive query. `None` if `name` can't be a domain name.
pub(super) fn query(id: u16, name: &str, record_type: RecordType) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(question(Name::new(name).ok()?, record_type));
    packet.build_bytes_vec().ok()
}

/// Reads the answer to `query(id, name, record_type)`. `None`: it is not that, and the right one may yet come.
pub(super) fn answer(bytes: &[u8], id: u16, name: &str, record_type: RecordType) -> Option<Answer> {
    if header_id(bytes)? != id {
        return None;
    }
    if record_count(bytes)? > MAX_RECORDS {
        return Some(Answer::ServerFailed);
    }
    let Ok(packet) = Packet::parse(bytes) else { return Some(Answer::ServerFailed) };
    let asked = Name::new(name).ok()?;
    let answers_us = packet.has_flags(PacketFlag::RESPONSE)
        && packet.opcode() == OPCODE::StandardQuery
        && matches!(packet.questions.as_slice(), [it] if same_question(it, &question(asked.clone(), record_type)));
    if !answers_us {
        return None;
    }
    let (addresses, ttl) = match packet.rcode() {
        RCODE::NoError => addresses(&packet.answers, &asked, record_type),
        RCODE::NameError => (Vec::new(), None),
        _ => return Some(Answer::ServerFailed),
    };
    if !addresses.is_empty() {
        return Some(Answer::Addresses { addresses, ttl });
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Some(Answer::ServerFailed);
    }
    Some(Answer::Addresses { addresses, ttl: negative_ttl(&packet.name_servers) })
}

fn question(name: Name<'_>, record_type: RecordType) -> Question<'_> {
    let record_type = match record_type {
        RecordType::A => TYPE::A,
        RecordType::Aaaa => TYPE::AAAA,
    };
    Question::new(name, QTYPE::TYPE(record_type), QCLASS::CLASS(CLASS::IN), false)
}

fn same_question(one: &Question<'_>, other: &Question<'_>) -> bool {
    one.qname == other.qname && one.qtype == other.qtype && one.qclass == other.qclass
}

fn header_id(bytes: &[u8]) -> Option<u16> {
    simple_dns::header_buffer::id(bytes).ok()
}

/// The parser reserves room for as many records as the header claims, so the claim is looked at first.
fn record_count(bytes: &[u8]) -> Option<u32> {
    use simple_dns::header_buffer::{additional_records, answers, name_servers, questions};
    let claims = [questions(bytes), answers(bytes), name_servers(bytes), additional_records(bytes)];
    claims.into_iter().try_fold(0u32, |sum, claim| Some(sum.saturating_add(u32::from(claim.ok()?))))
}

/// The addresses of `name` or of what it is an alias of, and the least TTL of the records on the way.
fn addresses(
    records: &[ResourceRecord<'_>],
    name: &Name<'_>,
    record_type: RecordType,
) -> (Vec<IpAddr>, Option<Duration>) {
    let mut owner = name;
    let mut ttl_s = u32::MAX;
    for _ in 0..MAX_ALIASES {
        let alias = records.iter().find_map(|record| match &record.rdata {
            RData::CNAME(target) if record.name == *owner => Some((&target.0, record.ttl)),
            _ => None,
        });
        let Some((target, alias_ttl_s)) = alias else { break };
        owner = target;
        ttl_s = ttl_s.min(alias_ttl_s);
    }
    let mut addresses = Vec::new();
    for record in records.iter().filter(|record| record.class == CLASS::IN && record.name == *owner) {
        let Some(address) = address(&record.rdata, record_type) else { continue };
        if addresses.len() < MAX_ADDRESSES && is_usable(address) && !addresses.contains(&address) {
            addresses.push(address);
            ttl_s = ttl_s.min(record.ttl);
        }
    }
    (addresses, Some(Duration::from_secs(u64::from(ttl_s))))
}

fn address(data: &RData<'_>, record_type: RecordType) -> Option<IpAddr> {
    match (data, record_type) {
        (RData::A(record), RecordType::A) => Some(Ipv4Addr::from(record.address).into()),
        (RData::AAAA(record), RecordType::Aaaa) => Some(Ipv6Addr::from(record.address).into()),
        _ => None,
    }
}

/// `0.0.0.0` would reach this machine itself, and a multicast address many: no peer is named so.
fn is_usable(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast()
}

/// RFC 2308 §5: the lesser of the SOA record's own TTL and its minimum field.
fn negative_ttl(records: &[ResourceRecord<'_>]) -> Option<Duration> {
    records.iter().find_map(|record| match &record.rdata {
        RData::SOA(soa) => Some(Duration::from_secs(u64::from(record.ttl.min(soa.minimum)))),
        _ => None,
    })
}
