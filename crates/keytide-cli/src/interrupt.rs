//! Ctrl-C: the first asks for an end, the second ends.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::Exit;

/// Whether Ctrl-C was pressed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    pressed: Arc<AtomicBool>,
}

impl Interrupt {
    /// Watches for it from now on, on a thread of its own. Where the system does not let us, Ctrl-C ends the program as it
    /// always does.
    pub(crate) fn watch() -> Self {
        let interrupt = Self::default();
        let pressed = Arc::clone(&interrupt.pressed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        if let Ok(runtime) = runtime {
            let wait = move || {
                runtime.block_on(async {
                    if tokio::signal::ctrl_c().await.is_err() {
                        return;
                    }
                    pressed.store(true, Ordering::Relaxed);
                    crate::out::note(
                        "ending after the step that is under way; what was measured is kept. Ctrl-C again ends at once.",
                    );
                    if tokio::signal::ctrl_c().await.is_ok() {
                        process::exit(Exit::Interrupted as i32);
                    }
                });
            };
            let named = std::thread::Builder::new().name("interrupt".to_owned());
            // Without the thread, Ctrl-C does what it always does.
            let _ = named.spawn(wait);
        }
        interrupt
    }

    pub(crate) fn pressed(&self) -> bool {
        self.pressed.load(Ordering::Relaxed)
    }
}
