//! The terminal behind standard error: how wide it is, and whether it is ours to write to.

use rustix::process::getpgrp;
use rustix::stdio::stderr;
use rustix::termios::{LocalModes, tcgetattr, tcgetpgrp, tcgetwinsize};

/// Columns of the terminal; `None` if it isn't one, or doesn't say.
pub fn terminal_width() -> Option<usize> {
    let columns = tcgetwinsize(stderr()).ok()?.ws_col;
    (columns > 0).then_some(columns.into())
}

/// True unless another program has the terminal: a shell, while this process is in the
/// background, or a pager or editor, which reads single keys.
pub fn has_terminal() -> bool {
    let is_foreground = tcgetpgrp(stderr()).is_ok_and(|group| group == getpgrp());
    let reads_lines = |modes: LocalModes| modes.contains(LocalModes::ICANON);
    // Who has no controlling terminal, as in a container, can't be in its background.
    let is_foreground = is_foreground || tcgetpgrp(stderr()).is_err();
    is_foreground && tcgetattr(stderr()).is_ok_and(|mode| reads_lines(mode.local_modes))
}
