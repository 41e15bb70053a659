//! How many calls may be in flight, each class on its own so that none starves another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::class::Class;
use super::refusal::Refusal;
use crate::service::Reason;

/// When a refused caller should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The most calls in flight, by class. Health's unary calls have no bound but that of connections and their streams.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Calls with one answer. With messages of at most 64 KiB, also what bounds the memory of bodies. 4,096.
    pub unary: usize,
    /// Calls that wait. Only a backstop: the service bounds them per source and per state, and answers instead of refusing.
    /// 8,192.
    pub waits: usize,
    /// Watch streams. 1,024.
    pub watches: usize,
    /// Health's watch streams. 1,024.
    pub health_watches: usize,
    /// Reflection streams. 64.
    pub reflections: usize,
    /// Requests of plain HTTP. 256.
    pub pages: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { unary: 4096, waits: 8192, watches: 1024, health_watches: 1024, reflections: 64, pages: 256 }
    }
}

/// The places of each class.
#[derive(Debug)]
pub(super) struct InFlight {
    unary: Arc<Places>,
    waits: Arc<Places>,
    watches: Arc<Places>,
    health_watches: Arc<Places>,
    reflections: Arc<Places>,
    pages: Arc<Places>,
}

#[derive(Debug)]
struct Places {
    most: usize,
    taken: AtomicUsize,
}

/// A place in flight, given back when it is dropped; `None` for a call that needs none.
#[derive(Debug)]
pub struct Place(Option<Arc<Places>>);

impl InFlight {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let places = |most: usize| Arc::new(Places { most, taken: AtomicUsize::new(0) });
        Self {
            unary: places(bounds.unary),
            waits: places(bounds.waits),
            watches: places(bounds.watches),
            health_watches: places(bounds.health_watches),
            reflections: places(bounds.reflections),
            pages: places(bounds.pages),
        }
    }

    /// A place for a call; `None` when all are taken. Never waits: a queue here would only hide the overload.
    pub(super) fn enter(&self, class: Class) -> Option<Place> {
        let places = match class {
            Class::Health => return Some(Place(None)),
            Class::Unary | Class::Password => &self.unary,
            Class::Wait => &self.waits,
            Class::Watch => &self.watches,
            Class::HealthWatch => &self.health_watches,
            Class::Reflection => &self.reflections,
            Class::Page => &self.pages,
        };
        // Taken first and given back where it was one too many: two that come for the last place may both be refused, never both
        // let in.
        let place = Place(Some(Arc::clone(places)));
        (places.taken.fetch_add(1, Ordering::Relaxed) < places.most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = &self.0 {
            places.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The answer to a call that finds no place.
pub(super) fn overloaded() -> Refusal {
    let sentence = "too many calls of this kind are in flight; try again shortly";
    Refusal { retry_after: Some(RETRY_AFTER), ..Refusal::new(Reason::Overloaded, sentence) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_do_not_take_each_others_places() {
        let in_flight = InFlight::new(&Bounds { unary: 1, waits: 1, watches: 1, health_watches: 1, reflections: 1, pages: 1 });
        let classes = [Class::Unary, Class::Wait, Class::Watch, Class::HealthWatch, Class::Reflection, Class::Page];
        let held: Vec<_> = classes.iter().map(|class| in_flight.enter(*class).unwrap()).collect();
        assert!(classes.iter().all(|class| in_flight.enter(*class).is_none()));
        assert!(in_flight.enter(Class::Health).is_some());
        drop(held);
        assert!(classes.iter().all(|class| in_flight.enter(*class).is_some()));
    }
}
