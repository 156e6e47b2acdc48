//! Where a packet stands in its stream: numbers without wrapping (RFC 3550 A.1), packets that came twice, and the
//! packets that no longer belong to the stream because the peer began another.

/// Relative delays, in samples, within which a packet fits the stream. One that is earlier than the fastest packet by
/// more than this has a timestamp that jumped: waiting for its time would be a silence that nobody meant.
const MOST_EARLY: i64 = 300 * 8;

/// A packet that is late by more than this belongs to no stream that we still play.
const MOST_LATE: i64 = 2_000 * 8;

/// Packets after a packet that does not fit, within which the next one must be to begin the stream anew.
const NEXT_WITHIN: u16 = 3;

/// Numbers of a packet, extended to never wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Position {
    pub(super) sequence: i64,
    pub(super) timestamp: i64,
}

/// What a packet is to the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The next packet, or one of its neighbours.
    Within(Position),
    /// The second of two packets that fit each other, but not the stream (or its very first): all begins anew.
    Anew(Position),
    /// It came before.
    Twice,
    /// It does not fit; if the next one fits it, the stream begins anew.
    Stray,
}

/// The numbers of a stream as a packet bears them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Label {
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
}

#[derive(Debug)]
pub(super) struct Timeline {
    stream: Option<Stream>,
    stray: Option<Label>,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: u32,
    highest: Position,
    /// The highest of voice.
    spoken: Position,
    /// Bit n: the packet n before the highest came.
    came: u64,
}

impl Timeline {
    pub(super) fn new() -> Self {
        Self { stream: None, stray: None }
    }

    /// Places a packet of voice, or another, that arrived at `arrival` (in samples of the local clock). `fastest` is the
    /// least of what `arrival - timestamp` was of late. Only voice tells by its timestamp when it was sent: all packets of a
    /// key have that of its begin (RFC 4733 §2.2.1).
    pub(super) fn place(
        &mut self,
        arrival: i64,
        label: Label,
        is_voice: bool,
        fastest: Option<i64>,
    ) -> Place {
        let Some(stream) = &mut self.stream else { return self.begin(label) };
        let position = stream.extend(label);
        let lateness =
            fastest.filter(|_| is_voice).map_or(0, |fastest| arrival - position.timestamp - fastest);
        let fits = label.ssrc == stream.ssrc && !(is_voice && stream.has_turned_back(position));
        if fits && (-MOST_EARLY..=MOST_LATE).contains(&lateness) {
            self.stray = None;
            return if stream.note(position, is_voice) { Place::Within(position) } else { Place::Twice };
        }
        let follows = self.stray.is_some_and(|stray| {
            stray.ssrc == label.ssrc
                && (1..=NEXT_WITHIN).contains(&label.sequence.wrapping_sub(stray.sequence))
        });
        if follows {
            return self.begin(label);
        }
        self.stray = Some(label);
        Place::Stray
    }

    /// The stream begins anew with this packet.
    pub(super) fn begin(&mut self, label: Label) -> Place {
        let position =
            Position { sequence: i64::from(label.sequence), timestamp: i64::from(label.timestamp) };
        *self = Self {
            stream: Some(Stream { ssrc: label.ssrc, highest: position, spoken: position, came: 1 }),
            stray: None,
        };
        Place::Anew(position)
    }

    /// True if every packet from `first` to `last`, both extended sequence numbers, came.
    pub(super) fn all_came(&self, first: i64, last: i64) -> bool {
        self.stream.is_some_and(|stream| (first..=last).all(|sequence| stream.has(sequence)))
    }
}

impl Stream {
    /// The numbers nearest to the highest that end in those of the packet.
    fn extend(&self, label: Label) -> Position {
        let steps = label.sequence.wrapping_sub(self.highest.sequence as u16) as i16;
        let samples = label.timestamp.wrapping_sub(self.highest.timestamp as u32) as i32;
        Position {
            sequence: self.highest.sequence + i64::from(steps),
            timestamp: self.highest.timestamp + i64::from(samples),
        }
    }

    /// Whether voice was spoken later than all before, and has no higher number: the peer counts anew.
    fn has_turned_back(&self, position: Position) -> bool {
        position.sequence <= self.spoken.sequence && position.timestamp > self.spoken.timestamp
    }

    /// Notes that a packet came; false if it had come before.
    fn note(&mut self, position: Position, is_voice: bool) -> bool {
        if is_voice && position.sequence > self.spoken.sequence {
            self.spoken = position;
        }
        let ahead = position.sequence - self.highest.sequence;
        if ahead > 0 {
            let kept = u32::try_from(ahead).ok().and_then(|ahead| self.came.checked_shl(ahead)).unwrap_or(0);
            (self.highest, self.came) = (position, kept | 1);
            return true;
        }
        // Beyond the memory of 64 packets nobody asks any more: it is too late to be heard.
        let bit = u32::try_from(-ahead).ok().and_then(|back| 1_u64.checked_shl(back)).unwrap_or(0);
        let new = self.came & bit == 0;
        self.came |= bit;
        new
    }

    fn has(&self, sequence: i64) -> bool {
        let back = u32::try_from(self.highest.sequence - sequence).ok();
        back.and_then(|back| self.came.checked_shr(back)).is_some_and(|came| came & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(sequence: u16, timestamp: u32) -> Label {
        Label { ssrc: 7, sequence, timestamp }
    }

    #[test]
    fn numbers_go_on_beyond_their_wrap_and_back() {
        let mut timeline = Timeline::new();
        timeline.place(0, label(0xffff, 0xffff_ff60), true, None);
        let next = timeline.place(160, label(0, 0), true, None);
        assert_eq!(next, Place::Within(Position { sequence: 0x1_0000, timestamp: 0x1_0000_0000 }));
        let before = timeline.place(170, label(0xfffe, 0xffff_fec0), true, None);
        assert_eq!(before, Place::Within(Position { sequence: 0xfffe, timestamp: 0xffff_fec0 }));
    }

    #[test]
    fn a_packet_that_comes_twice_is_known_in_order_and_out_of_order() {
        let mut timeline = Timeline::new();
        timeline.place(0, label(1, 160), true, None);
        timeline.place(0, label(3, 480), true, None);
        assert_eq!(timeline.place(0, label(3, 480), true, None), Place::Twice);
        assert!(matches!(timeline.place(0, label(2, 320), true, None), Place::Within(_)));
        assert_eq!(timeline.place(0, label(2, 320), true, None), Place::Twice);
        assert!(timeline.all_came(1, 3) && !timeline.all_came(0, 3) && !timeline.all_came(1, 4));
    }

    #[test]
    fn another_stream_is_believed_at_its_second_packet() {
        let mut timeline = Timeline::new();
        timeline.place(0, label(1, 160), true, None);
        let other = |sequence, timestamp| Label { ssrc: 9, sequence, timestamp };
        assert_eq!(timeline.place(160, other(500, 9_000), true, Some(0)), Place::Stray);
        assert!(
            matches!(timeline.place(320, label(2, 320), true, Some(0)), Place::Within(_)),
            "the stream goes on"
        );
        assert_eq!(
            timeline.place(320, other(501, 9_160), true, Some(0)),
            Place::Stray,
            "what came between broke it off"
        );
        assert!(matches!(timeline.place(480, other(502, 9_320), true, Some(0)), Place::Anew(_)));
    }

    #[test]
    fn a_sequence_number_that_turns_back_begins_anew_at_the_second_packet() {
        for back in [1, 60, 100, 30_000] {
            let mut timeline = Timeline::new();
            timeline.place(0, label(40_000, 0), true, None);
            let turned = 40_000 - back;
            assert_eq!(timeline.place(160, label(turned, 160), true, Some(0)), Place::Stray, "{back}");
            assert!(
                matches!(timeline.place(320, label(turned + 1, 320), true, Some(0)), Place::Anew(_)),
                "{back}"
            );
        }
    }

    #[test]
    fn voice_that_an_event_has_overtaken_is_no_turn() {
        let mut timeline = Timeline::new();
        timeline.place(0, label(13, 1_760), true, None);
        assert!(matches!(timeline.place(170, label(15, 1_600), false, Some(0)), Place::Within(_)));
        assert!(matches!(timeline.place(180, label(14, 1_920), true, Some(0)), Place::Within(_)));
        assert_eq!(timeline.place(180, label(14, 1_920), true, Some(0)), Place::Twice);
    }

    #[test]
    fn a_timestamp_that_jumps_begins_anew_but_a_pause_does_not() {
        let mut timeline = Timeline::new();
        timeline.place(0, label(1, 0), true, None);
        let after_a_pause = timeline.place(80_000, label(2, 80_000), true, Some(0));
        assert!(matches!(after_a_pause, Place::Within(_)));
        assert_eq!(timeline.place(80_160, label(3, 90_000), true, Some(0)), Place::Stray);
        assert!(matches!(timeline.place(80_320, label(4, 90_160), true, Some(0)), Place::Anew(_)));
    }
}
