//! How threads write to each other: a bounded channel, and for a reader that sleeps in `mio::Poll` a bell that
//! wakes it.

use std::io;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use mio::{Poll, Registry, Token, Waker};

/// Wakes the thread that waits on a poll. One for each poll (mio allows no second); clones ring the same bell.
#[derive(Clone, Debug)]
pub struct Bell(Arc<Waker>);

impl Bell {
    /// The bell of the poll that `registry` belongs to; a ring is an event of `token`.
    ///
    /// # Errors
    /// What the system says when it has no more descriptors.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Waker::new(registry, token).map(|waker| Self(Arc::new(waker)))
    }

    /// Wakes the thread: one non-blocking write to an eventfd, without lock or allocation.
    pub fn ring(&self) {
        // A write fails only once the poll is gone; then nobody is left to wake.
        self.0.wake().ok();
    }
}

/// The slot of a mailbox: any number of senders, one reader.
#[derive(Debug)]
pub struct Mailbox<T> {
    sender: Sender<T>,
    bell: Bell,
}

impl<T> Mailbox<T> {
    /// A mailbox whose reader sleeps in `bell`'s poll. `places` is the sum of what all senders may have
    /// outstanding, so a full mailbox means that a sender broke its bound, or that the reader is stuck.
    pub fn new(bell: Bell, places: usize) -> (Self, Receiver<T>) {
        let (sender, receiver) = bounded(places);
        (Self { sender, bell }, receiver)
    }

    /// The bell of the mailbox's reader, for who has nothing to say but that it should look.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Puts a letter in and rings. Never waits.
    ///
    /// # Errors
    /// The letter itself comes back: the mailbox is full, or its reader has ended.
    pub fn post(&self, letter: T) -> Result<(), TrySendError<T>> {
        self.sender.try_send(letter)?;
        self.bell.ring();
        Ok(())
    }
}

// Derived, this would ask for `T: Clone`.
impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), bell: self.bell.clone() }
    }
}

/// A reader's end: the poll that its thread sleeps in, and its letters. Made before the thread is, so that threads
/// can be given each other's mailboxes.
#[derive(Debug)]
pub struct Inbox<T> {
    /// Sleeps; a letter or a ring of the bell is an event of the token that the inbox was made with.
    pub poll: Poll,
    /// What was posted.
    pub letters: Receiver<T>,
}

impl<T> Inbox<T> {
    /// A poll with its bell at `token`, and a mailbox of `places` (see [`Mailbox::new`]) for whoever writes to it.
    ///
    /// # Errors
    /// What the system says when it has no more descriptors.
    pub fn new(token: Token, places: usize) -> io::Result<(Self, Mailbox<T>)> {
        let poll = Poll::new()?;
        let (mailbox, letters) = Mailbox::new(Bell::new(poll.registry(), token)?, places);
        Ok((Self { poll, letters }, mailbox))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::Events;
    use std::time::Duration;

    #[test]
    fn a_letter_wakes_the_poll_that_its_reader_sleeps_in() {
        let mut events = Events::with_capacity(4);
        let (Inbox { mut poll, letters }, mailbox) = Inbox::new(Token(7), 1).expect("an inbox");
        mailbox.clone().post("hello").expect("room for one");

        poll.poll(&mut events, Some(Duration::from_secs(5))).expect("a poll");
        assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [Token(7)]);
        assert_eq!(letters.try_recv(), Ok("hello"));
    }

    #[test]
    fn a_full_or_deserted_mailbox_gives_the_letter_back() {
        let (Inbox { poll: _poll, letters }, mailbox) = Inbox::new(Token(0), 1).expect("an inbox");
        mailbox.post(1).expect("room for one");
        assert_eq!(mailbox.post(2), Err(TrySendError::Full(2)));
        drop(letters);
        assert_eq!(mailbox.post(3), Err(TrySendError::Disconnected(3)));
    }
}
