//! Exclude patterns, in their slowest and plainest form: the model's opinion on them.
//!
//! Knows `*`, `?` and `**/`, a closing slash and a leading `!`; no brackets, braces or escapes,
//! which the engine's own tests cover. Must not use the engine's matcher.

/// True if the last of `patterns` that fits an entry leaves it out. `path` is below the root.
pub(super) fn leaves_out(patterns: &[String], path: &[u8], is_dir: bool) -> bool {
    let mut is_out = false;
    for pattern in patterns {
        let takes_back = pattern.starts_with('!');
        let pattern = pattern.trim_start_matches('!');
        let is_for_dirs = pattern.ends_with('/');
        let pattern = pattern.trim_end_matches('/');
        if is_for_dirs && !is_dir {
            continue;
        }
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        let text = if pattern.contains('/') { path } else { name };
        if fits(pattern.trim_start_matches('/').as_bytes(), text) {
            is_out = !takes_back;
        }
    }
    is_out
}

pub(super) fn fits(pattern: &[u8], text: &[u8]) -> bool {
    if let Some(rest) = pattern.strip_prefix(b"**/") {
        let starts = text.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let mut starts = std::iter::once(0).chain(starts.map(|(slash, _)| slash + 1));
        return starts.any(|start| fits(rest, &text[start..]));
    }
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => {
            let n_max = text.iter().take_while(|&&byte| byte != b'/').count();
            (0..=n_max).any(|n| fits(&pattern[1..], &text[n..]))
        }
        (Some(b'?'), Some(byte)) if *byte != b'/' => fits(&pattern[1..], &text[1..]),
        (Some(wanted), Some(byte)) if wanted == byte => fits(&pattern[1..], &text[1..]),
        _ => false,
    }
}

/// True if a path, as a user may give it, is that of a row.
pub(super) fn is_path(given: &[u8], path: &[u8]) -> bool {
    let n_slashes = given.iter().rev().take_while(|&&byte| byte == b'/').count();
    given[..given.len() - n_slashes] == *path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_fits_decides() {
        let cases: &[(&[&str], &str, bool, bool)] = &[
            (&["*.tmp"], "a/b.tmp", false, true),
            (&["a/*"], "a/b/c", false, false),
            (&["a/**/c"], "a/b/b/c", false, true),
            (&["a/**/c"], "a/c", false, true),
            (&["**/c"], "c", false, true),
            (&["/c"], "a/c", false, false),
            (&["d/"], "a/d", true, true),
            (&["d/"], "a/d", false, false),
            (&["*", "!*/"], "d", true, false),
            (&["?", "!b"], "a", false, true),
        ];
        for &(patterns, path, is_dir, expected) in cases {
            let given: Vec<String> = patterns.iter().map(|&pattern| pattern.into()).collect();
            assert_eq!(leaves_out(&given, path.as_bytes(), is_dir), expected, "{given:?} {path}");
        }
    }
}
