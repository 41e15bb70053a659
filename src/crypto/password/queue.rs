//! The queue of the hash pool. Owns the order of those who wait, and who must leave when it is full. Knows nothing of
//! passwords.
//!
//! There are two lanes: known callers, who signed in recently, and strangers. If both wait, known callers get three of four
//! turns, so neither lane can starve the other. Within a lane the sources take turns, within a source the names, and within a
//! name the oldest is first. If the queue is full, the lane with more than its share (again three to one) gives up a place: the
//! newest entry of the fullest name of its fullest source.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;

use crate::model::name::Folded;
use crate::model::source::Source;

/// Which queue a caller waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// This name signed in from this source recently.
    Known,
    /// Anybody else.
    Stranger,
}

/// What became of the room for one more.
pub(super) enum Pushed<T> {
    /// It waits.
    Admitted,
    /// It waits in the place of this one.
    Displaced(T),
    /// There is no room for it.
    Refused(T),
}

/// A bounded queue that is fair.
pub(super) struct FairQueue<T> {
    known: LaneQueue<T>,
    strangers: LaneQueue<T>,
    capacity: usize,
    turn: u8,
}

type SourceQueue<T> = Ring<Folded, VecDeque<T>>;
type LaneQueue<T> = Ring<IpAddr, SourceQueue<T>>;

impl<T> FairQueue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { known: Ring::default(), strangers: Ring::default(), capacity, turn: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len() + self.strangers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    pub(super) fn push(&mut self, lane: Lane, source: IpAddr, name: Folded, item: T) -> Pushed<T> {
        let source = Source::new(source).network();
        let mut displaced = None;
        if self.is_full() {
            let share = match lane {
                Lane::Known => self.capacity - self.capacity / 4,
                Lane::Stranger => self.capacity / 4,
            };
            let (own, other) = self.lanes(lane);
            displaced = if own.len() < share { other.drop_newest() } else { own.make_room(&source, &name) };
            if displaced.is_none() {
                return Pushed::Refused(item);
            }
        }
        self.lanes(lane).0.at(source).at(name).push_back(item);
        displaced.map_or(Pushed::Admitted, Pushed::Displaced)
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let both = self.known.len() > 0 && self.strangers.len() > 0;
        let strangers_turn = both && {
            self.turn = (self.turn + 1) % 4;
            self.turn == 0
        };
        if strangers_turn || self.known.len() == 0 { self.strangers.pop() } else { self.known.pop() }
    }

    /// Drops what `keep` does not keep.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.known.retain(&mut keep);
        self.strangers.retain(&mut keep);
    }

    fn lanes(&mut self, lane: Lane) -> (&mut LaneQueue<T>, &mut LaneQueue<T>) {
        match lane {
            Lane::Known => (&mut self.known, &mut self.strangers),
            Lane::Stranger => (&mut self.strangers, &mut self.known),
        }
    }
}

/// A queue of things, or of queues of them.
trait Queue<T> {
    fn len(&self) -> usize;
    fn pop(&mut self) -> Option<T>;
    /// Takes the newest of the fullest part.
    fn drop_newest(&mut self) -> Option<T>;
    fn retain(&mut self, keep: &mut dyn FnMut(&T) -> bool);
}

impl<T> Queue<T> for VecDeque<T> {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn drop_newest(&mut self) -> Option<T> {
        self.pop_back()
    }

    fn retain(&mut self, keep: &mut dyn FnMut(&T) -> bool) {
        Self::retain(self, |item| keep(item));
    }
}

/// Queues that take turns. None of them is empty between two calls.
struct Ring<K, Q> {
    parts: HashMap<K, Q>,
    turns: VecDeque<K>,
}

impl<K, Q> Default for Ring<K, Q> {
    fn default() -> Self {
        Self { parts: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash, Q: Default> Ring<K, Q> {
    /// The part for `key`; whoever asks puts something in.
    fn at(&mut self, key: K) -> &mut Q {
        if !self.parts.contains_key(&key) {
            self.turns.push_back(key.clone());
        }
        self.parts.entry(key).or_default()
    }
}

impl<T, K: Clone + Eq + Hash, Q: Queue<T>> Queue<T> for Ring<K, Q> {
    fn len(&self) -> usize {
        self.parts.values().map(Q::len).sum()
    }

    fn pop(&mut self) -> Option<T> {
        let key = self.turns.pop_front()?;
        let part = self.parts.get_mut(&key)?;
        let item = part.pop();
        if part.len() == 0 {
            self.parts.remove(&key);
        } else {
            self.turns.push_back(key);
        }
        item
    }

    fn drop_newest(&mut self) -> Option<T> {
        let key = self.parts.iter().max_by_key(|(_, part)| part.len())?.0.clone();
        self.drop_newest_of(&key)
    }

    fn retain(&mut self, keep: &mut dyn FnMut(&T) -> bool) {
        self.parts.values_mut().for_each(|part| part.retain(keep));
        self.parts.retain(|_, part| part.len() > 0);
        self.turns.retain(|key| self.parts.contains_key(key));
    }
}

impl<K: Clone + Eq + Hash, Q> Ring<K, Q> {
    fn drop_newest_of<T>(&mut self, key: &K) -> Option<T>
    where
        Q: Queue<T>,
    {
        let part = self.parts.get_mut(key)?;
        let item = part.drop_newest();
        if part.len() == 0 {
            self.parts.remove(key);
            self.turns.retain(|turn| turn != key);
        }
        item
    }

    /// The lengths of the part of `key` and of the fullest.
    fn lengths<T>(&self, key: &K) -> (usize, usize)
    where
        Q: Queue<T>,
    {
        (self.parts.get(key).map_or(0, Q::len), self.parts.values().map(Q::len).max().unwrap_or(0))
    }
}

impl<T> LaneQueue<T> {
    /// Removes one entry to make room for a newcomer of this source and name. `None` if no entry has to give way to the
    /// newcomer.
    fn make_room(&mut self, source: &IpAddr, name: &Folded) -> Option<T> {
        let (own, fullest) = self.lengths(source);
        if own + 1 < fullest {
            return self.drop_newest();
        }
        let (own, fullest) = self.parts.get(source)?.lengths(name);
        if own + 1 < fullest { self.drop_newest_of(source) } else { None }
    }
}

#[cfg(test)]
mod tests;
