//! How late packets are, and how long sound has to wait so that nearly none comes too late.
//!
//! All delays are relative: arrival minus timestamp, in samples, where the two clocks have no common origin. Only
//! differences mean anything, and the differences of the last seconds are kept as they are: few enough to look through
//! all of them at each packet.

/// Packets that are remembered at most.
const MEMORY: usize = 256;

/// Samples of time that are remembered: three seconds. A change of the network is forgotten after it.
const MEMORY_SAMPLES: i64 = 3 * 8_000;

/// Among so many packets the latest one says nothing: it is more likely a stall than the network's usual delay.
const PACKETS_PER_OUTLIER: usize = 96;

/// Mean deviations beyond the mean that the delay of a packet is expected to stay within. For a normal distribution
/// 4.1 of them are 3.3 standard deviations: one packet in 2,000 is later.
const DEVIATIONS: f32 = 4.1;

/// How much later than the latest packet seen the next ones are expected, beyond the mean. When jitter sets in it
/// spares the second and third change of the delay.
const CAUTION: f32 = 1.2;

/// Samples added to every target: a millisecond for the timers of senders and speakers, which are not exact.
const GUARD: i64 = 8;

/// Samples by which the packet after a lost one should be early, so that small changes of pace don't lose it: 4 ms.
const LOOKAHEAD: i64 = 4 * 8;

/// Samples between the fastest packet and the longest target: half a second; beyond it nobody can talk.
const MAX_SPREAD: i64 = 500 * 8;

/// Samples by which a packet may be later or earlier than another; more is nonsense. Sums of [`MEMORY`] differences fit
/// 32 bits.
const NONSENSE: i64 = 1 << 21;

/// The delays of the last packets, and what follows from them.
#[derive(Debug)]
pub(super) struct Delay {
    seen: [Seen; MEMORY],
    len: usize,
    next: usize,
    newest: Option<Newest>,
    figures: Option<Figures>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Seen {
    arrival: i64,
    relative: i64,
    /// It arrived right behind another that had been held up: it says nothing new.
    queued: bool,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    arrival: i64,
    timestamp: i64,
}

/// What the delays of the last seconds come to, in the same relative samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Figures {
    pub(super) fastest: i64,
    pub(super) typical: i64,
    /// When sound is to be played.
    pub(super) target: i64,
    /// By how much the latest packets are usually later than typical ones.
    pub(super) irregularity: i64,
}

impl Delay {
    pub(super) fn new() -> Self {
        Self { seen: [Seen::default(); MEMORY], len: 0, next: 0, newest: None, figures: None }
    }

    /// `None` before the first packet.
    pub(super) fn figures(&self) -> Option<Figures> {
        self.figures
    }

    /// Learns from a packet of `samples` samples.
    pub(super) fn observe(&mut self, arrival: i64, timestamp: i64, samples: i64) {
        // A stall lets packets through at once when it ends. It is one event, however many packets it held up.
        let queued = self.newest.is_some_and(|newest| {
            timestamp > newest.timestamp && arrival - newest.arrival < (timestamp - newest.timestamp) / 2
        });
        self.newest = Some(Newest { arrival, timestamp });
        let relative = arrival - timestamp;
        self.seen[self.next] = Seen { arrival, relative, queued };
        self.next = (self.next + 1) % MEMORY;
        self.len = (self.len + 1).min(MEMORY);
        self.figures = self.summarize(arrival, relative, samples);
    }

    /// Goes by `newest`, the relative delay of the last packet. This runs for each packet, so it works on small numbers that
    /// lie side by side.
    fn summarize(&self, now: i64, newest: i64, samples: i64) -> Option<Figures> {
        let (mut late, mut count, mut fastest) = ([0; MEMORY], 0, 0);
        for seen in self.seen[..self.len].iter().filter(|seen| now - seen.arrival <= MEMORY_SAMPLES) {
            let later = (seen.relative - newest).clamp(-NONSENSE, NONSENSE) as i32;
            fastest = later.min(fastest);
            late[count] = later;
            count += usize::from(!seen.queued);
        }
        let late = &mut late[..count];
        late.iter_mut().for_each(|late| *late -= fastest);
        if late.is_empty() {
            return self.figures;
        }
        let mean_of = |sum: i32| sum as f32 / count as f32;
        let mean = mean_of(late.iter().sum());
        let middle = mean as i32;
        let deviation = mean_of(late.iter().map(|late| (late - middle).abs()).sum());
        let usual = mean + DEVIATIONS * deviation;
        let [latest, second] = two_largest(late);
        let latest = if count < PACKETS_PER_OUTLIER { latest } else { second } as f32;
        let spread = usual.max(mean + CAUTION * (latest - mean)) as i64;
        // The packet after a lost one should be there when the lost one's time comes: what lies between two known
        // sides is guessed far better than what follows one.
        let target = spread.max(mean as i64 + samples + LOOKAHEAD).min(MAX_SPREAD) + GUARD;
        let fastest = newest + i64::from(fastest);
        Some(Figures {
            fastest,
            typical: fastest + mean as i64,
            target: fastest + target,
            irregularity: (usual - mean) as i64,
        })
    }
}

/// The largest of `values`, and the largest of the others.
fn two_largest(values: &[i32]) -> [i32; 2] {
    values.iter().fold([i32::MIN; 2], |[largest, second], value| {
        [largest.max(*value), second.max(largest.min(*value))]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: i64 = 160;

    /// Packets of 20 ms, each late by what `late` says, in samples.
    fn after(packets: i64, late: impl Fn(i64) -> i64) -> Figures {
        let mut delay = Delay::new();
        for index in 0..packets {
            delay.observe(index * PACKET + late(index), index * PACKET, PACKET);
        }
        delay.figures().expect("packets came")
    }

    #[test]
    fn a_clean_stream_waits_long_enough_to_see_what_follows_a_lost_packet() {
        let figures = after(100, |_| 40);
        assert_eq!((figures.fastest, figures.typical), (40, 40));
        assert_eq!(figures.target, 40 + PACKET + LOOKAHEAD + GUARD);
    }

    #[test]
    fn one_stall_is_forgiven_but_stalls_every_half_second_are_waited_for() {
        // Packets held up for up to 100 ms come at once when the stall ends.
        let stall = |index: i64| (800 - index * PACKET).max(0);
        let once = after(250, |index| if index >= 200 { stall(index - 200) } else { 0 });
        assert!(once.target < 300, "{}", once.target);
        let again_and_again = after(250, |index| stall(index % 25));
        assert!((800..1_100).contains(&again_and_again.target), "{}", again_and_again.target);
    }

    #[test]
    fn a_network_that_changes_for_good_is_followed_both_ways() {
        let slower = after(400, |index| if index < 200 { 0 } else { 800 });
        assert_eq!(slower.target - slower.typical, after(100, |_| 0).target);
        let faster = after(400, |index| if index < 200 { 800 } else { 0 });
        assert_eq!(faster.target, after(100, |_| 0).target);
    }

    #[test]
    fn no_delay_is_longer_than_half_a_second() {
        let figures = after(100, |index| index % 10 * 1_600);
        assert!(figures.target - figures.fastest <= MAX_SPREAD + GUARD);
    }

    #[test]
    fn the_two_latest_are_found_in_any_order() {
        assert_eq!(two_largest(&[3, 9, 1, 9, 7]), [9, 9]);
        assert_eq!(two_largest(&[9, 7, 8]), [9, 8]);
        assert_eq!(two_largest(&[1, 2, 3]), [3, 2]);
    }
}
