use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

type Item = (Lane, u8, u8, usize);

fn ip(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, n))
}

/// A small number as a byte.
fn byte(n: usize) -> u8 {
    n.to_le_bytes()[0]
}

fn push(queue: &mut FairQueue<Item>, lane: Lane, source: u8, name: u8, number: usize) -> Pushed<Item> {
    queue.push(lane, ip(source), Folded::presented(&format!("n{name}")), (lane, source, name, number))
}

fn admit(queue: &mut FairQueue<Item>, lane: Lane, source: u8, name: u8, number: usize) {
    assert!(matches!(push(queue, lane, source, name, number), Pushed::Admitted));
}

fn drain(queue: &mut FairQueue<Item>) -> Vec<Item> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn one_source_may_fill_the_queue_and_comes_out_in_order() {
    let mut queue = FairQueue::new(512);
    for number in 0..512 {
        admit(&mut queue, Lane::Stranger, 1, 1, number);
    }
    assert!(matches!(push(&mut queue, Lane::Stranger, 1, 1, 512), Pushed::Refused((_, 1, 1, 512))));
    assert_eq!(drain(&mut queue).iter().map(|item| item.3).collect::<Vec<_>>(), (0..512).collect::<Vec<_>>());
    assert_eq!(queue.len(), 0);
}

#[test]
fn sources_take_turns_and_within_them_names() {
    let mut queue = FairQueue::new(64);
    for number in 0..6 {
        admit(&mut queue, Lane::Stranger, 1, 1, number);
    }
    admit(&mut queue, Lane::Stranger, 1, 2, 6);
    admit(&mut queue, Lane::Stranger, 2, 1, 7);
    admit(&mut queue, Lane::Stranger, 3, 9, 8);
    let order: Vec<_> = drain(&mut queue).iter().map(|item| item.3).collect();
    assert_eq!(order, [0, 7, 8, 6, 1, 2, 3, 4, 5]);
}

#[test]
fn known_callers_get_three_turns_of_four_and_strangers_the_fourth() {
    let mut queue = FairQueue::new(64);
    for number in 0..12 {
        admit(&mut queue, Lane::Stranger, 1, 1, number);
        admit(&mut queue, Lane::Known, 2, 2, number);
    }
    let order = drain(&mut queue);
    for four in order[..16].chunks(4) {
        assert_eq!(four.iter().filter(|item| item.0 == Lane::Known).count(), 3);
    }
    assert!(order[16..].iter().all(|item| item.0 == Lane::Stranger));
}

#[test]
fn the_fullest_source_gives_way_with_its_newest() {
    let mut queue = FairQueue::new(8);
    for number in 0..6 {
        admit(&mut queue, Lane::Stranger, 1, byte(number % 2), number);
    }
    admit(&mut queue, Lane::Stranger, 2, 1, 6);
    admit(&mut queue, Lane::Stranger, 2, 1, 7);
    assert!(matches!(push(&mut queue, Lane::Stranger, 3, 1, 8), Pushed::Displaced((_, 1, _, 4 | 5))));
    assert!(matches!(push(&mut queue, Lane::Stranger, 1, 1, 9), Pushed::Refused(_)), "the fullest has no claim to more");
    assert_eq!(queue.len(), 8);
}

#[test]
fn within_a_source_the_fullest_name_gives_way() {
    let mut queue = FairQueue::new(8);
    for number in 0..8 {
        admit(&mut queue, Lane::Stranger, 1, 1, number);
    }
    assert!(matches!(push(&mut queue, Lane::Stranger, 1, 2, 8), Pushed::Displaced((_, 1, 1, 7))));
    assert!(matches!(push(&mut queue, Lane::Stranger, 1, 1, 9), Pushed::Refused(_)));
    assert_eq!(drain(&mut queue)[..3].iter().map(|item| item.2).collect::<Vec<_>>(), [1, 2, 1]);
}

#[test]
fn a_thousand_sources_of_junk_neither_keep_known_callers_out_nor_are_shut_out() {
    let mut queue = FairQueue::new(16);
    for number in 0..16 {
        admit(&mut queue, Lane::Stranger, byte(number), 1, number);
    }
    for number in 0..12 {
        assert!(matches!(push(&mut queue, Lane::Known, 200, 1, number), Pushed::Displaced((Lane::Stranger, ..))));
    }
    assert!(matches!(push(&mut queue, Lane::Known, 200, 1, 12), Pushed::Refused(_)), "three of four places are theirs");
    assert!(matches!(push(&mut queue, Lane::Known, 201, 1, 13), Pushed::Displaced((Lane::Known, 200, ..))));
    assert!(matches!(push(&mut queue, Lane::Stranger, 99, 1, 14), Pushed::Refused(_)));
    let left = drain(&mut queue);
    assert_eq!(left.iter().filter(|item| item.0 == Lane::Stranger).count(), 4);

    for number in 0..16 {
        admit(&mut queue, Lane::Known, 200, 1, number);
    }
    for number in 0..4 {
        assert!(matches!(push(&mut queue, Lane::Stranger, number, 1, 0), Pushed::Displaced((Lane::Known, ..))));
    }
    assert!(matches!(push(&mut queue, Lane::Stranger, 9, 1, 0), Pushed::Refused(_)), "the fourth is the strangers'");
}

#[test]
fn an_ipv6_host_is_one_source_however_many_addresses_it_takes() {
    let mut queue = FairQueue::<u16>::new(4);
    let host = |n: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, n, n, n, n));
    for number in 0..4 {
        assert!(matches!(queue.push(Lane::Stranger, host(number), Folded::presented("n"), number), Pushed::Admitted));
    }
    assert!(matches!(queue.push(Lane::Stranger, host(9), Folded::presented("n"), 9), Pushed::Refused(9)));
    let other = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1));
    assert!(matches!(queue.push(Lane::Stranger, other, Folded::presented("n"), 5), Pushed::Displaced(3)));
    let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped());
    assert_eq!(Source::new(mapped).network(), ip(1));
}

#[test]
fn what_is_not_kept_leaves_no_trace() {
    let mut queue = FairQueue::new(8);
    for number in 0..8 {
        admit(&mut queue, if number % 2 == 0 { Lane::Known } else { Lane::Stranger }, byte(number % 3), byte(number), number);
    }
    queue.retain(|item| item.3 == 5);
    assert_eq!(queue.len(), 1);
    admit(&mut queue, Lane::Stranger, 0, 0, 9);
    assert_eq!(drain(&mut queue).len(), 2);
    queue.retain(|_| false);
    assert!(queue.pop().is_none());
}

proptest::proptest! {
    /// Nothing is lost, doubled or invented, and the bound holds.
    #[test]
    fn what_goes_in_comes_out_once(steps in proptest::collection::vec((0u8..3, 0u8..2, 0u8..6, 0u8..4), 0..200)) {
        let mut queue = FairQueue::<Item>::new(10);
        let mut waiting = std::collections::BTreeSet::new();
        for (number, (action, lane, source, name)) in steps.into_iter().enumerate() {
            let lane = if lane == 0 { Lane::Known } else { Lane::Stranger };
            if action == 0 {
                let item = queue.pop();
                proptest::prop_assert_eq!(item.is_some(), !waiting.is_empty());
                if let Some(item) = item {
                    proptest::prop_assert!(waiting.remove(&item.3));
                }
            } else {
                match push(&mut queue, lane, source, name, number) {
                    Pushed::Admitted => proptest::prop_assert!(waiting.insert(number)),
                    Pushed::Displaced(item) => proptest::prop_assert!(waiting.insert(number) && waiting.remove(&item.3)),
                    Pushed::Refused(item) => proptest::prop_assert_eq!(item.3, number),
                }
            }
            proptest::prop_assert_eq!(queue.len(), waiting.len());
            proptest::prop_assert!(queue.len() <= 10);
        }
        proptest::prop_assert_eq!(drain(&mut queue).len(), waiting.len());
    }
}
