//! What follows from facts and is worth working out only once.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Results that several readers of the same facts need: one per type, made when the first one asks.
///
/// It is no fact itself: it is never written, a copy of the facts starts without it, and two sets of facts are equal
/// whatever was derived from them. Facts must not change after something was derived.
#[derive(Default)]
pub struct Derived(Mutex<BTreeMap<TypeId, Cell>>);

type Cell = Arc<OnceLock<Arc<dyn Any + Send + Sync>>>;

impl Derived {
    /// The result of that type; `make` is called when there is none yet. Making one may ask for results of other types, as
    /// long as they do not ask for this one. Who asks meanwhile waits for it.
    pub fn get<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let cell = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(TypeId::of::<T>()).or_default())
        };
        let made = cell.get_or_init(|| Arc::new(make()) as _);
        Arc::clone(made).downcast().unwrap_or_else(|_| unreachable!("a cell holds what its type says"))
    }
}

impl Clone for Derived {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Derived {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Derived {}

impl fmt::Debug for Derived {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Derived")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_result_is_made_once_for_each_type() {
        let derived = Derived::default();
        assert_eq!(*derived.get(|| 1_u32), 1);
        assert_eq!(*derived.get(|| 2_u32), 1);
        assert_eq!(*derived.get(|| u64::from(*derived.get(|| 3_u32)) + 10), 11);
        assert_eq!(*derived.clone().get(|| 2_u32), 2, "a copy starts anew");
        assert_eq!(derived, Derived::default());
    }

    #[test]
    fn who_asks_meanwhile_waits_for_it() {
        let (derived, made) = (Derived::default(), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| *derived.get(|| made.fetch_add(1, Ordering::Relaxed)));
            }
        });
        assert_eq!(made.into_inner(), 1);
    }
}
