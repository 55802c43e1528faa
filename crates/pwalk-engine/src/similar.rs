//! Which known name was probably meant by one that is not known.
//!
//! Owns the measure: how many letters, in order and whatever their case, two names have in common.
//! `size` is meant to find `st_size`, so what stands before or after weighs little; the distances of
//! libraries, which clap uses for options, count that as four mistakes.

/// Names with less in common than this are not similar.
const THRESHOLD: f64 = 0.6;

/// What an error says of it, after the reason; nothing if no name is similar.
pub fn did_you_mean<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    let meant = most_similar(name, known);
    meant.map(|meant| format!("; did you mean '{meant}'?")).unwrap_or_default()
}

/// The known name that is most similar to `name`, if one is.
fn most_similar<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let scores = known.into_iter().map(|known| (similarity(name, known), known));
    let best = scores.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(score, _)| *score >= THRESHOLD).map(|(_, known)| known)
}

/// The share of letters in common: 0 for none, 1 for all.
fn similarity(one: &str, other: &str) -> f64 {
    let [one, other] = [one, other].map(|name| name.to_lowercase().into_bytes());
    let n_common = longest_common_subsequence(&one, &other);
    2.0 * n_common as f64 / (one.len() + other.len()).max(1) as f64
}

fn longest_common_subsequence(one: &[u8], other: &[u8]) -> usize {
    // `row[i]`: of what was seen of `one`, and of the first `i` of `other`.
    let mut row = vec![0; other.len() + 1];
    for byte in one {
        let mut diagonal = 0;
        for (i, known) in other.iter().enumerate() {
            let above = row[i + 1];
            row[i + 1] = if byte == known { diagonal + 1 } else { above.max(row[i]) };
            diagonal = above;
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_what_people_call_it() {
        let names = "inode parent-inode directory-depth filename fileExtension UID GID st_size \
                     st_blocks st_mode st_atime st_mtime st_ctime";
        let columns = || names.split(' ');
        let cases = [
            ("size", "st_size"),
            ("uid", "UID"),
            ("mtime", "st_mtime"),
            ("st_mtim", "st_mtime"),
            ("file_name", "filename"),
            ("parent_inode", "parent-inode"),
            ("extension", "fileExtension"),
            ("ST_BLOCKS", "st_blocks"),
        ];
        for (name, meant) in cases {
            assert_eq!(most_similar(name, columns()), Some(meant), "{name}");
        }
        for name in ["", "xyzzy", "é", "*"] {
            assert_eq!(most_similar(name, columns()), None, "{name}");
            assert_eq!(did_you_mean(name, columns()), "");
        }
        assert_eq!(did_you_mean("size", columns()), "; did you mean 'st_size'?");
    }
}
