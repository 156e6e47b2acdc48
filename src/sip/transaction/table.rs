//! Transactions by number and by key, and an index of their deadlines: finding the next one, and changing one, costs
//! the logarithm of how many there are.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use base::Instant;

/// What the table keeps.
pub(crate) trait Machine {
    /// When its `on_timeout` is due; `None` if only a message or its user can move it.
    fn deadline(&self) -> Option<Instant>;

    /// Whether it has ended, and is to be forgotten.
    fn is_terminated(&self) -> bool;
}

#[derive(Debug)]
struct Entry<K, M> {
    key: Arc<K>,
    machine: M,
    deadline: Option<Instant>,
}

/// At most `capacity` machines.
#[derive(Debug)]
pub(crate) struct Table<K, M> {
    /// Boxed, as a map keeps room for about as many again as it holds.
    entries: BTreeMap<u64, Box<Entry<K, M>>>,
    numbers: BTreeMap<Arc<K>, u64>,
    deadlines: BTreeSet<(Instant, u64)>,
    capacity: usize,
}

impl<K: Ord, M: Machine> Table<K, M> {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { entries: BTreeMap::new(), numbers: BTreeMap::new(), deadlines: BTreeSet::new(), capacity }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.capacity
    }

    /// The machine with this key.
    pub(crate) fn number(&self, key: &K) -> Option<u64> {
        self.numbers.get(key).copied()
    }

    pub(crate) fn get(&self, number: u64) -> Option<&M> {
        self.entries.get(&number).map(|entry| &entry.machine)
    }

    /// All machines, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &M)> {
        self.entries.iter().map(|(number, entry)| (*number, &entry.machine))
    }

    /// Keeps `machine`, unless it has ended already. Its number and key are new, and whether the table is full has been
    /// looked at.
    pub(crate) fn insert(&mut self, number: u64, key: K, machine: M) {
        let key = Arc::new(key);
        self.numbers.insert(key.clone(), number);
        self.entries.insert(number, Box::new(Entry { key, machine, deadline: None }));
        self.change(number, |_| ());
    }

    /// Lets `act` change a machine; afterwards its deadline counts, and one that has ended is forgotten. `None` if there
    /// is no such machine (any more).
    pub(crate) fn change<R>(&mut self, number: u64, act: impl FnOnce(&mut M) -> R) -> Option<R> {
        let entry = self.entries.get_mut(&number)?;
        let result = act(&mut entry.machine);
        if entry.machine.is_terminated() {
            self.remove(number);
            return Some(result);
        }
        let deadline = entry.machine.deadline();
        if deadline != entry.deadline {
            if let Some(old) = core::mem::replace(&mut entry.deadline, deadline) {
                self.deadlines.remove(&(old, number));
            }
            self.deadlines.extend(deadline.map(|new| (new, number)));
        }
        Some(result)
    }

    /// Forgets a machine in whatever state it is.
    pub(crate) fn remove(&mut self, number: u64) {
        let Some(entry) = self.entries.remove(&number) else { return };
        self.numbers.remove(&entry.key);
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(&(deadline, number));
        }
    }

    /// The machine whose deadline is first.
    pub(crate) fn first_due(&self) -> Option<(Instant, u64)> {
        self.deadlines.first().copied()
    }

    /// Machines that wait for a deadline, the first one first.
    pub(crate) fn by_deadline(&self) -> impl Iterator<Item = (u64, &M)> {
        self.deadlines.iter().filter_map(|(_, number)| Some((*number, self.get(*number)?)))
    }
}
