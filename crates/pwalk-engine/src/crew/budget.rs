//! How the workers of a walk are shared among its pools.

/// How many workers each pool may have of `n_in_all`, given how many each may soon want. A pool that wants
/// less than its share leaves the rest to the others, and what no pool wants is free for all.
pub(super) fn limits(n_in_all: usize, wants: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..wants.len()).collect();
    order.sort_by_key(|&pool| wants[pool]);
    let (mut left, mut limits) = (n_in_all, vec![0; wants.len()]);
    for (n_served, &pool) in order.iter().enumerate() {
        limits[pool] = wants[pool].min(left / (wants.len() - n_served));
        left -= limits[pool];
    }
    limits.iter().map(|limit| limit + left).collect()
}

#[cfg(test)]
mod tests {
    use super::limits;

    #[test]
    fn what_is_short_is_shared_evenly_and_what_is_left_is_free_for_all() {
        let cases: [(usize, &[usize], &[usize]); 5] = [
            (512, &[4], &[512]),
            (512, &[4, 16, 0], &[496, 508, 492]),
            (512, &[4, 1024, 1024], &[4, 254, 254]),
            (16, &[512, 512, 512, 4], &[4, 4, 4, 4]),
            (2, &[8, 8, 8], &[0, 1, 1]),
        ];
        for (n_in_all, wants, expected) in cases {
            assert_eq!(limits(n_in_all, wants), expected, "{n_in_all} for {wants:?}");
        }
    }
}
