//! How the records of one thing, which may be in several places, come together. Pure. Called by
//! `recorded`.

use std::collections::HashMap;

/// Records with the same identifier together, in the order of the first of each: one that is
/// preferred, else the first, and the others.
pub fn gathered<R>(
    records: Vec<R>,
    id: impl Fn(&R) -> &String,
    is_preferred: impl Fn(&R) -> bool,
) -> impl Iterator<Item = (R, Vec<R>)> {
    let mut places = HashMap::new();
    let mut all: Vec<(R, Vec<R>)> = Vec::new();
    for record in records {
        let next = all.len();
        let place = *places.entry(id(&record).clone()).or_insert(next);
        match all.get_mut(place) {
            Some((first, others)) if is_preferred(&record) && !is_preferred(first) => {
                others.insert(0, std::mem::replace(first, record));
            }
            Some((_, others)) => others.push(record),
            None => all.push((record, Vec::new())),
        }
    }
    all.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_one_is_first_and_the_order_is_kept() {
        let record = |id: &str, number: u8| (id.to_owned(), number);
        let records =
            vec![record("a", 1), record("b", 2), record("a", 3), record("a", 9), record("b", 4)];
        let all: Vec<_> = gathered(records, |one| &one.0, |one| one.1 == 9).collect();
        let others = |numbers: &[u8], id| numbers.iter().map(|one| record(id, *one)).collect();
        assert_eq!(
            all,
            [(record("a", 9), others(&[1, 3], "a")), (record("b", 2), others(&[4], "b"))]
        );
    }
}
