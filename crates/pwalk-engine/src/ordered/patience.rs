//! How long the consumer may be kept, and whether it is still the process that it was.
//!
//! Whoever waits for the consumer's next step is asked now and then whether it is to stop. That may
//! run a handler of a signal, which may fork. In the child there are no workers, and this says so.

use crate::control::Control;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the consumer goes on before it looks whether it is to stop.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// How long the consumer may be kept.
pub(super) struct Patience<'a> {
    is_stopped: &'a mut dyn FnMut() -> bool,
    control: Arc<Control>,
    asked: Instant,
    has_ended: bool,
    process: u32,
    has_forked: bool,
}

impl<'a> Patience<'a> {
    pub(super) fn new(is_stopped: &'a mut dyn FnMut() -> bool, control: Arc<Control>) -> Self {
        let (asked, process) = (Instant::now(), std::process::id());
        Patience { is_stopped, control, asked, has_ended: false, process, has_forked: false }
    }

    /// Asks every now and then, and not again once that said yes: it may say so only once. Over,
    /// too, once whoever was asked has forked, and this is the child.
    pub(super) fn is_over(&mut self) -> bool {
        let is_over = self.has_ended || self.has_forked;
        if !is_over && self.asked.elapsed() >= PATIENCE {
            self.asked = Instant::now();
            self.has_ended = self.control.is_cancelled() || (self.is_stopped)();
            self.has_forked = self.process != std::process::id();
        }
        self.has_ended || self.has_forked
    }

    /// True if this has become another process since that was last taken.
    pub(super) fn has_forked(&self) -> bool {
        self.has_forked
    }

    /// The same, and takes it.
    pub(super) fn take_fork(&mut self) -> bool {
        self.process = std::process::id();
        std::mem::take(&mut self.has_forked)
    }

    /// True once it was found to be over.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_stopped_a_step_is_not_asked_again() {
        let mut n_asked = 0;
        let mut is_stopped = || {
            n_asked += 1;
            n_asked == 1
        };
        let mut patience = Patience::new(&mut is_stopped, Arc::default());
        for _ in 0..3 {
            patience.asked = Instant::now().checked_sub(PATIENCE).expect("the clock runs");
            assert!(patience.is_over());
        }
        assert_eq!(n_asked, 1);
    }
}
