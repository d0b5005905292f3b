//! What follows from facts and is worth working out only once.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Results that several readers of the same facts need: one per type, made when the first one asks.
///
/// It is no fact itself: it is never written, a copy of the facts starts without it, and two sets of facts are equal
/// whatever was derived from them. Facts must not change after something was derived.
#[derive(Default)]
pub struct Derived(Mutex<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Derived {
    /// The result of that type; `make` is called when there is none yet.
    ///
    /// Two threads that ask at the same time may both make it; the first result counts.
    pub fn get<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(known) = self.known::<T>() {
            return known;
        }
        // The lock is not held meanwhile: making one result may ask for another.
        let made = Arc::new(make());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = Arc::clone(all.entry(TypeId::of::<T>()).or_insert_with(|| Arc::clone(&made) as _));
        first.downcast().unwrap_or(made)
    }

    fn known<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.get(&TypeId::of::<T>())?).downcast().ok()
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
}
