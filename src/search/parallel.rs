//! Work on many pieces by two threads, where it is worth a second one.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What `work` makes of each piece, in their order. With `wide` a second thread helps, as long as there are
/// pieces; more would take the processor from those who send events.
pub(super) fn each<P: Sync, R: Send>(wide: bool, pieces: &[P], work: impl Fn(&P) -> R + Sync) -> Vec<R> {
    if !wide || pieces.len() < 2 {
        return pieces.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            match pieces.get(at) {
                Some(piece) => done.push((at, work(piece))),
                None => return done,
            }
        }
    };
    let mut done = std::thread::scope(|scope| {
        let second = scope.spawn(take);
        let mut done = take();
        done.extend(second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_pieces_on_one_thread_and_on_two() {
        let pieces: Vec<u32> = (0..1_000).collect();
        let doubled: Vec<u32> = pieces.iter().map(|piece| piece * 2).collect();
        for wide in [false, true] {
            assert_eq!(each(wide, &pieces, |piece| piece * 2), doubled);
        }
    }

    #[test]
    #[should_panic(expected = "at 7")]
    fn a_panic_of_either_thread_reaches_the_caller() {
        each(true, &(0..100).collect::<Vec<_>>(), |piece| assert_ne!(*piece, 7, "at 7"));
    }
}
