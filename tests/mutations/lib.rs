//! What every input of the phone is held to, however damaged: it makes nothing panic, and what is taken of it is taken
//! as it was meant. A [`Target`] is one kind of input with sound examples; the loop beside this file damages them by a
//! seed in each run of the tests, and the fuzzers of `tests/fuzz` go on from them for hours.

mod api;
mod damage;
mod dns;
mod phone;
mod rtp;
mod sdp;
mod sip;

pub use damage::damage;

/// One kind of input.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name of its fuzzer.
    pub name: &'static str,
    /// Sound inputs.
    pub examples: fn() -> Vec<Vec<u8>>,
    /// Panics if an input does what none may; false if nothing of it was taken, so that it says little.
    pub examine: fn(&[u8]) -> bool,
}

/// SIP messages, to the parser and its views, and to an endpoint.
pub const SIP: Target = Target { name: "sip", examples: sip::examples, examine: sip::examine };

/// Offers and answers.
pub const SDP: Target = Target { name: "sdp", examples: sdp::examples, examine: sdp::examine };

/// Packets on a leg's RTP socket.
pub const RTP: Target = Target { name: "rtp", examples: rtp::rtp_examples, examine: rtp::examine_rtp };

/// Packets on a leg's RTCP socket.
pub const RTCP: Target = Target { name: "rtcp", examples: rtp::rtcp_examples, examine: rtp::examine_rtcp };

/// Answers of a name server.
pub const DNS: Target = Target { name: "dns", examples: dns::examples, examine: dns::examine };

/// Heads of HTTP requests.
pub const HEAD: Target = Target { name: "head", examples: api::head_examples, examine: api::examine_head };

/// Requests of the control API.
pub const JSON: Target = Target { name: "json", examples: api::json_examples, examine: api::examine_json };

/// A whole phone's life: what its server, strangers and clients say, and how time passes.
pub const PHONE: Target = Target { name: "phone", examples: phone::examples, examine: phone::examine };

/// All of them.
pub const TARGETS: [Target; 8] = [SIP, SDP, RTP, RTCP, DNS, HEAD, JSON, PHONE];
