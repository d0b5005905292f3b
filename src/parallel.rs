//! The same work on many things, several at a time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does work on all items, at most `at_a_time` at once; results in the order of the items. After a failure no new item is started.
///
/// # Errors
/// The failure of the first item that failed.
pub fn in_parallel<T: Send, R: Send, E: Send>(
    items: Vec<T>,
    at_a_time: usize,
    work: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = at_a_time.min(items.len());
    let queue = Mutex::new(items.into_iter().enumerate());
    let done = Mutex::new(BTreeMap::new());
    let failed = AtomicBool::new(false);
    let run = || {
        while !failed.load(Ordering::Relaxed) {
            let Some((at, item)) = lock(&queue).next() else { break };
            let result = work(item);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            lock(&done).insert(at, result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_and_the_first_failure_ends_it() {
        let doubled: Result<Vec<usize>, ()> = in_parallel((0..100).collect(), 7, |number: usize| Ok(number * 2));
        assert_eq!(doubled, Ok((0..100).map(|number| number * 2).collect()));
        let failed = in_parallel((0..100).collect(), 1, |number| if number == 3 { Err(number) } else { Ok(number) });
        assert_eq!(failed, Err(3));
        assert_eq!(in_parallel(Vec::<u8>::new(), 4, Ok::<_, ()>), Ok(Vec::new()));
    }
}
