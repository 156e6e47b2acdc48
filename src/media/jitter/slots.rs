//! Packets that wait for their turn, in a fixed number of places: what a stream may hold of our memory is known
//! before its first packet.

use alloc::vec;
use alloc::vec::Vec;

use crate::leg::Codec;

/// Packets that wait at most: 2.5 s of the usual 20 ms, more than the delay ever grows to.
const SLOTS: usize = 128;

/// Bytes of the longest payload that is taken: what an Ethernet frame carries.
pub(super) const MAX_PAYLOAD_BYTES: usize = 1_500;

/// What is known of a waiting packet. Numbers are extended: they don't wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Waiting {
    pub(super) sequence: i64,
    pub(super) timestamp: i64,
    pub(super) codec: Codec,
    bytes: usize,
}

/// The places.
#[derive(Debug)]
pub(super) struct Slots {
    packets: [Option<Waiting>; SLOTS],
    /// A place after the other; the low ones are used first, so that a calm stream touches little memory.
    payloads: Vec<u8>,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self { packets: [None; SLOTS], payloads: vec![0; SLOTS * MAX_PAYLOAD_BYTES] }
    }

    pub(super) fn clear(&mut self) {
        self.packets = [None; SLOTS];
    }

    /// Stores a packet whose payload has at most [`MAX_PAYLOAD_BYTES`]. Where all places are taken the earliest packet
    /// gives way: it is the one whose time is nearest to being over.
    pub(super) fn insert(&mut self, sequence: i64, timestamp: i64, codec: Codec, payload: &[u8]) {
        let free = self.packets.iter().position(Option::is_none);
        let Some(index) = free.or_else(|| self.earliest_index()) else { return };
        self.payloads[index * MAX_PAYLOAD_BYTES..][..payload.len()].copy_from_slice(payload);
        self.packets[index] = Some(Waiting { sequence, timestamp, codec, bytes: payload.len() });
    }

    /// The packet with the least timestamp.
    pub(super) fn earliest(&self) -> Option<Waiting> {
        self.earliest_index().and_then(|index| self.packets[index])
    }

    /// Takes out the packet with the least timestamp.
    pub(super) fn take_earliest(&mut self) -> Option<(Waiting, &[u8])> {
        let index = self.earliest_index()?;
        let packet = self.packets[index].take()?;
        Some((packet, &self.payloads[index * MAX_PAYLOAD_BYTES..][..packet.bytes]))
    }

    fn earliest_index(&self) -> Option<usize> {
        let waiting =
            self.packets.iter().enumerate().filter_map(|(index, packet)| Some((packet.as_ref()?, index)));
        waiting.min_by_key(|(packet, _)| packet.timestamp).map(|(_, index)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_in_the_order_of_their_timestamps() {
        let mut slots = Slots::new();
        for (sequence, timestamp) in [(2, 320), (0, 0), (1, 160)] {
            slots.insert(sequence, timestamp, Codec::Pcmu, &[sequence as u8]);
        }
        assert_eq!(slots.earliest().map(|packet| packet.sequence), Some(0));
        for sequence in 0..3 {
            let (packet, payload) = slots.take_earliest().expect("three are waiting");
            assert_eq!((packet.sequence, payload), (sequence, &[sequence as u8][..]));
        }
        assert_eq!(slots.take_earliest(), None);
    }

    #[test]
    fn a_flood_displaces_the_earliest_and_grows_nothing() {
        let mut slots = Slots::new();
        for sequence in 0..3 * SLOTS as i64 {
            slots.insert(sequence, sequence * 160, Codec::Pcmu, &[0; MAX_PAYLOAD_BYTES]);
        }
        assert_eq!(slots.earliest().map(|packet| packet.sequence), Some(2 * SLOTS as i64));
    }
}
