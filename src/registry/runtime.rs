//! One background thread that drives all connections, for callers that block.

use std::pin::Pin;
use std::sync::mpsc;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::oci::FetchError;

type Task = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// The thread. It ends, and with it every task, when this is dropped.
pub(crate) struct Runtime {
    tasks: UnboundedSender<Task>,
}

impl Runtime {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`FetchError::Unavailable`] when the system gives no thread.
    pub(crate) fn start() -> Result<Self, FetchError> {
        let failed = |error: std::io::Error| FetchError::Unavailable {
            what: "the network".to_owned(),
            why: format!("no thread could be started: {error}"),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (tasks, mut receiver) = unbounded_channel::<Task>();
        std::thread::Builder::new()
            .name("registry".to_owned())
            .spawn(move || {
                let local = LocalSet::new();
                local.block_on(&runtime, async move {
                    while let Some(task) = receiver.recv().await {
                        tokio::task::spawn_local(task());
                    }
                });
                // Name look-ups that hang must not hold the end of the program.
                drop(local);
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Self { tasks })
    }

    /// Starts work on the thread without waiting for it.
    pub(crate) fn spawn<F: Future<Output = ()> + 'static>(&self, work: impl FnOnce() -> F + Send + 'static) {
        // The thread lives as long as this value, so the channel is open; otherwise the work's own channel closes.
        let _ = self.tasks.send(Box::new(move || Box::pin(work())));
    }

    /// Does work on the thread and waits for its result.
    ///
    /// # Errors
    /// The work's own; [`FetchError::Unavailable`] when the work vanished.
    pub(crate) fn run<T, F>(&self, work: impl FnOnce() -> F + Send + 'static) -> Result<T, FetchError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, FetchError>> + 'static,
    {
        let (sender, receiver) = mpsc::channel();
        self.spawn(move || async move {
            let _ = sender.send(work().await);
        });
        receiver.recv().unwrap_or_else(|_| Err(vanished()))
    }
}

/// The work ended without a result: it panicked, or the thread is gone.
pub(crate) fn vanished() -> FetchError {
    FetchError::Unavailable { what: "the network".to_owned(), why: "a transfer ended without a result".to_owned() }
}
