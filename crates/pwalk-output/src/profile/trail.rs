//! The way to the directory that was entered last: the next one is mostly in it or near it.
//!
//! Owns which part of that way leads to the next one, too. What is below a directory at depth
//! 100,000 is then found by one comparison of bytes, not by 100,000 names.

/// A directory's path and the nodes of all that it is in.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// Without a closing slash.
    path: Vec<u8>,
    /// From the root on: the node of each directory, and where its name ends in the path.
    steps: Vec<(u32, usize)>,
}

impl Trail {
    /// Goes back to where the way to `path` leaves, of which this many names are below a root.
    /// Returns the node there and the names that follow, each with a slash in front; `None` if the
    /// path has nothing of the way.
    pub(crate) fn back_to<'p>(
        &mut self,
        path: &'p [u8],
        n_names: usize,
    ) -> Option<(u32, &'p [u8])> {
        let n_equal = n_equal(&self.path, path);
        let is_above = |end: usize| end <= n_equal && matches!(path.get(end), None | Some(b'/'));
        while self.steps.last().is_some_and(|(_, end)| !is_above(*end)) {
            self.steps.pop();
        }
        let (node, end) = self.steps.last().copied()?;
        let rest = &path[end..];
        // The same path can be that of a root and of what is in another.
        let n_above = n_names.checked_sub(memchr::memchr_iter(b'/', rest).count());
        if n_above != Some(self.steps.len() - 1) {
            self.steps.clear();
            return None;
        }
        self.path.truncate(end);
        Some((node, rest))
    }

    /// Goes on by a name, with the slash in front, to the node of this directory; or by the path of
    /// a root, after `back_to` found nothing.
    pub(crate) fn go_on(&mut self, name: &[u8], node: u32) {
        if self.steps.is_empty() {
            self.path.clear();
        }
        self.path.extend_from_slice(name);
        self.steps.push((node, self.path.len()));
    }
}

/// Bytes that are equal at the start of both.
fn n_equal(one: &[u8], other: &[u8]) -> usize {
    // Whole blocks are compared by the processor's widest registers.
    const BLOCK: usize = 256;
    let blocks = one.chunks_exact(BLOCK).zip(other.chunks_exact(BLOCK));
    let start = BLOCK * blocks.take_while(|(one, other)| one == other).count();
    let bytes = one[start..].iter().zip(&other[start..]);
    start + bytes.take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A way through directories numbered by their depth, the root's being 0.
    fn trail_to(root: &str, names: &[&str]) -> Trail {
        let mut trail = Trail::default();
        trail.go_on(root.as_bytes(), 0);
        for (node, name) in (1..).zip(names) {
            trail.go_on(format!("/{name}").as_bytes(), node);
        }
        trail
    }

    #[test]
    fn the_way_to_the_next_directory_begins_where_it_leaves_the_last_one() {
        let long = "x".repeat(300);
        let names = ["a", &long, "c"];
        // A path, its names below the root, the node where the ways part, what is left.
        let cases = [
            (format!("/r/a/{long}/c"), 3, Some((3, ""))),
            (format!("/r/a/{long}/c/d/e"), 5, Some((3, "/d/e"))),
            (format!("/r/a/{long}/cc"), 3, Some((2, "/cc"))),
            (format!("/r/a/{long}"), 2, Some((2, ""))),
            (format!("/r/a/{}", &long[1..]), 2, Some((1, &*format!("/{}", &long[1..])))),
            ("/r".to_owned(), 0, Some((0, ""))),
            ("/r/b".to_owned(), 1, Some((0, "/b"))),
            // A root within the root, and what is in it.
            ("/r/a".to_owned(), 0, None),
            ("/r/a/b".to_owned(), 1, None),
            ("/r/a/b".to_owned(), 9, None),
            ("/rr/a".to_owned(), 1, None),
            ("/".to_owned(), 0, None),
            (String::new(), 0, None),
        ];
        for (path, n_names, expected) in cases {
            let mut trail = trail_to("/r", &names);
            let found = trail.back_to(path.as_bytes(), n_names);
            assert_eq!(found, expected.map(|(node, rest)| (node, rest.as_bytes())), "{path}");
        }
    }

    #[test]
    fn the_root_of_everything_is_an_empty_path() {
        let mut trail = trail_to("", &["usr", "lib"]);
        assert_eq!(trail.back_to(b"/usr/bin", 2), Some((1, &b"/bin"[..])));
        trail.go_on(b"/bin", 7);
        assert_eq!(trail.back_to(b"/usr/bin/x", 3), Some((7, &b"/x"[..])));
        assert_eq!(trail.back_to(b"", 0), Some((0, &b""[..])));
    }
}
