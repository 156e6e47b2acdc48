//! What comes in of one peer: RTP and RTCP from the sources that are believed, as sound, keys and figures.

use alloc::collections::VecDeque;
use core::net::SocketAddr;

use base::{Duration, Instant};

use super::{Refused, Stats};
use crate::FRAME_SAMPLES;
use crate::dtmf::Listener;
use crate::jitter::{Content, JitterBuffer, Packet, Sound};
use crate::latch::{self, Latch, Source};
use crate::leg::{Feedback, Half, LegEvent, Reception, Terms};
use crate::level::Meter;
use crate::reception::Receptions;
use crate::rtcp;
use crate::rtp::Incoming;

/// Static payload type of comfort noise (RFC 3389 §4).
const COMFORT_NOISE: u8 = 13;

/// How long nothing may come before the media counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// How often the sending half hears what was received: well within the interval of its reports.
const NEWS_EVERY: Duration = Duration::from_secs(1);

/// Events that may wait to be polled. A turn's packets bring fewer: keys are limited where they are heard.
const EVENTS_MAX: usize = 32;

/// The peer's side of a leg.
#[derive(Debug)]
pub(super) struct Stream {
    terms: Terms,
    rtp: Latch,
    rtcp: Latch,
    /// Where the sending half sends RTP and RTCP. None where that is to be told in any case.
    rtp_told: Option<SocketAddr>,
    rtcp_told: Option<SocketAddr>,
    jitter: JitterBuffer,
    listener: Listener,
    receptions: Receptions,
    news: News,
    round_trip: Option<Duration>,
    has_arrived: bool,
    watch: Watch,
    meter: Option<Meter>,
    events: VecDeque<LegEvent>,
    refused: Refused,
}

/// What the sending half is to hear of what was received.
#[derive(Debug)]
struct News {
    has_come: bool,
    due: Instant,
    untold: Option<Reception>,
}

/// Whether packets come.
#[derive(Debug)]
struct Watch {
    /// The last packet, or when the watch began.
    since: Instant,
    is_lost: bool,
}

impl Stream {
    pub(super) fn new(now: Instant, terms: &Terms) -> Self {
        Self {
            terms: terms.clone(),
            rtp: Latch::new(terms.remote_rtp, latch::RTP_SILENCE),
            rtcp: Latch::new(terms.remote_rtcp, latch::RTCP_SILENCE),
            rtp_told: Some(terms.remote_rtp),
            rtcp_told: Some(terms.remote_rtcp),
            jitter: JitterBuffer::new(),
            listener: Listener::new(),
            receptions: Receptions::new(),
            news: News { has_come: false, due: now, untold: None },
            round_trip: None,
            has_arrived: false,
            watch: Watch { since: now, is_lost: false },
            meter: None,
            events: VecDeque::with_capacity(EVENTS_MAX),
            refused: Refused::default(),
        }
    }

    /// New terms. Where an address is another, the sending half has gone back to the one that they name as well, but
    /// then perhaps heard of what was latched before.
    pub(super) fn renew(&mut self, now: Instant, terms: &Terms) {
        if terms.remote_rtp != self.terms.remote_rtp {
            self.rtp = Latch::new(terms.remote_rtp, latch::RTP_SILENCE);
            self.rtp_told = None;
        }
        if terms.remote_rtcp != self.terms.remote_rtcp {
            self.rtcp = Latch::new(terms.remote_rtcp, latch::RTCP_SILENCE);
            self.rtcp_told = None;
        }
        if !terms.receiving {
            self.jitter.clear();
        }
        if terms.watch && !self.terms.watch {
            let before = core::mem::replace(&mut self.watch, Watch { since: now, is_lost: false });
            // The loss may be told only after its watch was ended and begun again: it would seem to be this one's.
            if before.is_lost {
                self.tell(LegEvent::Back);
            }
        }
        self.terms = terms.clone();
    }

    pub(super) fn meter(&mut self, on: bool) {
        self.meter = on.then(Meter::default);
    }

    pub(super) fn on_rtp(&mut self, at: Instant, from: SocketAddr, datagram: &[u8]) {
        let Some(packet) = Incoming::parse(datagram) else {
            self.refused.malformed += 1;
            return;
        };
        let Some(content) = self.content(&packet) else {
            self.refused.foreign_type += 1;
            return;
        };
        if !self.rtp.admit(at, Source { address: from, ssrc: packet.ssrc }) {
            self.refused.foreign_source += 1;
            return;
        }
        if !self.has_arrived {
            self.has_arrived = true;
            self.tell(LegEvent::Arrived);
        }
        self.hear(at);
        let Incoming { ssrc, sequence, timestamp, .. } = packet;
        let is_voice = matches!(content, Content::Voice(..));
        self.receptions.on_packet(at, ssrc, sequence, is_voice.then_some(timestamp));
        if self.terms.receiving {
            self.jitter.push(at, Packet { ssrc, sequence, timestamp, content });
            if Some(packet.payload_type) == self.terms.receive_event && !is_voice {
                self.on_event(at, &packet);
            }
        }
    }

    /// What a packet carries by what was negotiated; `None` if its type was not.
    fn content<'a>(&self, packet: &Incoming<'a>) -> Option<Content<'a>> {
        let number = packet.payload_type;
        let voice = self.terms.receive.iter().find(|payload| payload.number == number);
        match voice {
            Some(payload) => Some(Content::Voice(payload.codec, packet.payload)),
            None if number == COMFORT_NOISE || Some(number) == self.terms.receive_event => {
                Some(Content::Other)
            }
            None => None,
        }
    }

    fn on_event(&mut self, at: Instant, packet: &Incoming<'_>) {
        let events = &mut self.events;
        self.listener.hear(at, packet.ssrc, packet.timestamp, packet.payload, |key| {
            if events.len() < EVENTS_MAX {
                events.push_back(LegEvent::Key(key));
            }
        });
    }

    pub(super) fn on_rtcp(&mut self, at: Instant, from: SocketAddr, datagram: &[u8]) {
        let Some(report) = rtcp::Incoming::parse(datagram) else {
            self.refused.malformed += 1;
            return;
        };
        if !self.rtcp.admit(at, Source { address: from, ssrc: report.ssrc() }) {
            self.refused.foreign_source += 1;
            return;
        }
        self.hear(at);
        if let Some(sender) = report.sender(at) {
            self.receptions.on_sender(report.ssrc(), sender);
        }
        if let Some(round_trip) = report.round_trip(at) {
            self.round_trip = Some(round_trip);
        }
    }

    /// Something of the peer came.
    fn hear(&mut self, at: Instant) {
        self.news.has_come = true;
        self.watch.since = at;
        if self.watch.is_lost {
            self.watch.is_lost = false;
            self.tell(LegEvent::Back);
        }
    }

    /// Time passes.
    pub(super) fn pass(&mut self, now: Instant) {
        if self.terms.watch && !self.watch.is_lost && now - self.watch.since >= LOST_AFTER {
            self.watch.is_lost = true;
            self.tell(LegEvent::Lost);
        }
        if self.news.has_come && now >= self.news.due {
            self.news = News { has_come: false, due: now + NEWS_EVERY, untold: self.receptions.report() };
        }
    }

    /// Adds the peer's next 10 ms to `frame`; true if there was anything to hear.
    pub(super) fn mix(&mut self, now: Instant, frame: &mut [f32; FRAME_SAMPLES]) -> bool {
        let mut sound = [0.0; FRAME_SAMPLES];
        let is_heard = self.terms.receiving && self.jitter.pull(now, &mut sound) != Sound::Silence;
        if is_heard {
            frame.iter_mut().zip(sound).for_each(|(mixed, sample)| *mixed += sample);
        }
        if let Some(peak_dbfs) = self.meter.as_mut().and_then(|meter| meter.take(&sound)) {
            self.tell(LegEvent::Level { half: Half::Receive, peak_dbfs });
        }
        is_heard
    }

    fn tell(&mut self, event: LegEvent) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<LegEvent> {
        self.events.pop_front()
    }

    pub(super) fn poll_feedback(&mut self) -> Option<Feedback> {
        let [rtp, rtcp] = [self.rtp.address(), self.rtcp.address()];
        if self.rtp_told.replace(rtp) != Some(rtp) {
            return Some(Feedback::Latched(rtp));
        }
        if self.rtcp_told.replace(rtcp) != Some(rtcp) {
            return Some(Feedback::LatchedRtcp(rtcp));
        }
        self.news.untold.take().map(Feedback::Received)
    }

    pub(super) fn stats(&self) -> Stats {
        let (expected, received) = self.receptions.totals();
        Stats {
            received,
            lost: expected.saturating_sub(received),
            jitter: self.receptions.jitter(),
            round_trip: self.round_trip,
            delay: self.jitter.delay(),
            playout: self.jitter.counts(),
            refused: self.refused,
        }
    }
}
