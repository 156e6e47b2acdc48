//! The bodies of the device callbacks. They copy between the device's block and a ring, count what went wrong, and
//! ring a bell: no lock, no allocation, no log. The bell's write to an eventfd is their only system call, but for the
//! first block's, which asks for real-time priority.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use cpal::{Data, FromSample, Sample, SampleFormat, SizedSample};
use ringbuf::traits::{Consumer, Observer, Producer};
use ringbuf::{HeapCons, HeapProd};

use super::health::Health;
use super::realtime::make_realtime;
use crate::io::mailbox::Bell;

/// The microphone's callback: blocks of the device, mixed to one channel, into the ring.
pub(super) struct CaptureTap {
    pub(super) ring: HeapProd<f32>,
    pub(super) channels: usize,
    /// Samples in the ring from which on the reader is woken.
    pub(super) enough: usize,
    pub(super) reader: Bell,
    pub(super) health: Arc<Health>,
}

/// The speaker's callback: the ring, on all channels, into blocks of the device.
pub(super) struct PlaybackTap {
    pub(super) ring: HeapCons<f32>,
    pub(super) channels: usize,
    /// Samples beyond the largest block below which the writer is woken.
    pub(super) reserve: usize,
    pub(super) writer: Bell,
    pub(super) health: Arc<Health>,
}

/// What a tap does with a block in the device's own format.
pub(super) type OnCapture = fn(&mut CaptureTap, &Data);
pub(super) type OnPlayback = fn(&mut PlaybackTap, &mut Data);

impl CaptureTap {
    /// The callback for blocks in `format`; None where that is nothing that sound comes in (DSD).
    pub(super) fn for_format(format: SampleFormat) -> Option<OnCapture> {
        Some(match format {
            SampleFormat::I8 => Self::on_data::<i8>,
            SampleFormat::U8 => Self::on_data::<u8>,
            SampleFormat::I16 => Self::on_data::<i16>,
            SampleFormat::U16 => Self::on_data::<u16>,
            SampleFormat::I24 => Self::on_data::<cpal::I24>,
            SampleFormat::U24 => Self::on_data::<cpal::U24>,
            SampleFormat::I32 => Self::on_data::<i32>,
            SampleFormat::U32 => Self::on_data::<u32>,
            SampleFormat::F32 => Self::on_data::<f32>,
            SampleFormat::F64 => Self::on_data::<f64>,
            _ => return None,
        })
    }

    fn on_data<T: SizedSample>(&mut self, data: &Data)
    where
        f32: FromSample<T>,
    {
        self.on_block(data.as_slice::<T>().unwrap_or_default());
    }

    pub(super) fn on_block<T: Sample>(&mut self, block: &[T])
    where
        f32: FromSample<T>,
    {
        begin(&self.health);
        let frames = block.len() / self.channels;
        let share = 1.0 / self.channels as f32;
        let mono = block
            .chunks_exact(self.channels)
            .map(|frame| frame.iter().map(|sample| f32::from_sample_(*sample)).sum::<f32>() * share);
        if self.ring.push_iter(mono) < frames {
            self.health.starved.fetch_add(1, Relaxed);
        }
        self.health.on_block(frames);
        if self.ring.occupied_len() >= self.enough {
            self.reader.ring();
        }
    }
}

impl PlaybackTap {
    /// The callback for blocks in `format`; None where that is nothing that sound goes out in (DSD).
    pub(super) fn for_format(format: SampleFormat) -> Option<OnPlayback> {
        Some(match format {
            SampleFormat::I8 => Self::on_data::<i8>,
            SampleFormat::U8 => Self::on_data::<u8>,
            SampleFormat::I16 => Self::on_data::<i16>,
            SampleFormat::U16 => Self::on_data::<u16>,
            SampleFormat::I24 => Self::on_data::<cpal::I24>,
            SampleFormat::U24 => Self::on_data::<cpal::U24>,
            SampleFormat::I32 => Self::on_data::<i32>,
            SampleFormat::U32 => Self::on_data::<u32>,
            SampleFormat::F32 => Self::on_data::<f32>,
            SampleFormat::F64 => Self::on_data::<f64>,
            _ => return None,
        })
    }

    fn on_data<T: SizedSample + FromSample<f32>>(&mut self, data: &mut Data) {
        self.on_block(data.as_slice_mut::<T>().unwrap_or_default());
    }

    pub(super) fn on_block<T: Sample + FromSample<f32>>(&mut self, block: &mut [T]) {
        begin(&self.health);
        let frames = block.len() / self.channels;
        // Before the first block nobody knew how much to put into the ring: that it is empty is no fault.
        let is_first = self.health.largest_block.load(Relaxed) == 0;
        self.health.on_block(frames);
        let given = self.ring.occupied_len().min(frames);
        let (sounding, silent) = block.split_at_mut(given * self.channels);
        for (frame, sample) in sounding.chunks_exact_mut(self.channels).zip(self.ring.pop_iter()) {
            frame.fill(T::from_sample_(sample));
        }
        silent.fill(T::EQUILIBRIUM);
        if given < frames && !is_first {
            self.health.starved.fetch_add(1, Relaxed);
        }
        if self.ring.occupied_len() < self.health.largest_block.load(Relaxed) as usize + self.reserve {
            self.writer.ring();
        }
    }
}

/// What the first block of a device begins with.
fn begin(health: &Health) {
    if health.largest_block.load(Relaxed) == 0 && !make_realtime() {
        health.realtime_refused.store(true, Relaxed);
    }
}
