//! RTP sockets that the driver lends in advance, and the numbers of the legs that use them.

use alloc::vec::Vec;

use media::leg::LegId;

use crate::interface::{Family, PortId};

/// Sockets that no leg has yet.
#[derive(Debug, Default)]
pub(super) struct Legs {
    lent: Vec<(PortId, Family, u16)>,
    used: u32,
}

impl Legs {
    /// The driver lends a pair.
    pub(super) fn take(&mut self, port: PortId, family: Family, rtp_port: u16) {
        self.lent.push((port, family, rtp_port));
    }

    /// A leg with a pair of this family; its RTP port. `None` if none is left.
    pub(super) fn begin(&mut self, family: Family) -> Option<(LegId, PortId, u16)> {
        let at = self.lent.iter().position(|(_, its_family, _)| *its_family == family)?;
        let (port, _, rtp_port) = self.lent.remove(at);
        self.used = self.used.saturating_add(1);
        Some((LegId(self.used), port, rtp_port))
    }
}
