use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
/// A second short of [`SETTLED_AFTER`].
const ALMOST_SETTLED: Duration = Duration::from_secs(299);
const START: Timestamp = Timestamp::from_secs(1_900_000_000);

/// A wall clock and the time that really passes, with what judges them.
struct Scene {
    reading: Reading,
    committed: Timestamp,
    synchronised: bool,
    trust: Trust,
}

impl Scene {
    fn new() -> Self {
        Self::begun(START, Timestamp::default(), Timestamp::default())
    }

    fn begun(wall: Timestamp, committed: Timestamp, earliest: Timestamp) -> Self {
        let reading = Reading { wall, uptime: 1000 * SECOND };
        let trust = Trust::new(reading, committed, earliest, SETTLED_AFTER);
        Self { reading, committed, synchronised: false, trust }
    }

    fn pass(&mut self, by: Duration) -> Result<Timestamp, Doubt> {
        self.reading = Reading { wall: self.reading.wall.plus(by), uptime: self.reading.uptime + by };
        self.look()
    }

    fn set(&mut self, wall: Timestamp) -> Result<Timestamp, Doubt> {
        self.reading.wall = wall;
        self.look()
    }

    fn look(&mut self) -> Result<Timestamp, Doubt> {
        self.trust.look(self.reading, self.committed, || self.synchronised)
    }
}

#[test]
fn a_clock_that_runs_as_time_does_is_believed() {
    let mut scene = Scene::new();
    for passed in [Duration::ZERO, SECOND, DAY, 300 * DAY] {
        assert_eq!(scene.pass(passed), Ok(scene.reading.wall));
    }
}

#[test]
fn more_than_a_minute_is_a_jump_in_either_direction() {
    for back in [false, true] {
        let moved = |at: Timestamp, by| if back { at.minus(by) } else { at.plus(by) };
        assert!(Scene::new().set(moved(START, MINUTE)).is_ok());
        assert_eq!(Scene::new().set(moved(START, MINUTE + Duration::from_micros(1))), Err(Doubt::Jumped));
    }
}

#[test]
fn a_clock_that_is_back_is_believed_at_once() {
    let mut scene = Scene::new();
    assert_eq!(scene.set(START.plus(3 * DAY)), Err(Doubt::Jumped));
    assert_eq!(scene.pass(2 * SECOND), Err(Doubt::Jumped));
    assert!(scene.set(START.plus(2 * SECOND)).is_ok());
}

#[test]
fn a_clock_that_stands_at_its_new_place_is_believed_after_five_minutes() {
    let mut scene = Scene::new();
    assert_eq!(scene.set(START.plus(DAY)), Err(Doubt::Jumped));
    assert_eq!(scene.pass(ALMOST_SETTLED), Err(Doubt::Jumped));
    assert!(scene.pass(SECOND).is_ok());
    assert_eq!(scene.set(START), Err(Doubt::Jumped), "the old place is a new one now");
}

#[test]
fn another_jump_begins_the_five_minutes_anew() {
    let mut scene = Scene::new();
    assert_eq!(scene.set(START.plus(DAY)), Err(Doubt::Jumped));
    assert_eq!(scene.pass(ALMOST_SETTLED), Err(Doubt::Jumped));
    assert_eq!(scene.set(START.plus(5 * DAY)), Err(Doubt::Jumped));
    assert_eq!(scene.pass(ALMOST_SETTLED), Err(Doubt::Jumped));
    assert!(scene.pass(SECOND).is_ok());
}

#[test]
fn the_kernel_is_believed_about_a_jump_and_not_asked_without_one() {
    let mut scene = Scene::new();
    let asked = scene.trust.look(scene.reading, scene.committed, || panic!("asked without a doubt"));
    assert!(asked.is_ok());
    assert_eq!(scene.set(START.plus(DAY)), Err(Doubt::Jumped));
    scene.synchronised = true;
    assert!(scene.look().is_ok());
    scene.synchronised = false;
    assert!(scene.pass(DAY).is_ok());
}

#[test]
fn behind_the_last_commit_nothing_helps_but_time() {
    let mut scene = Scene::new();
    scene.committed = START.plus(3 * DAY);
    scene.synchronised = true;
    assert_eq!(scene.look(), Err(Doubt::BehindCommit));
    assert_eq!(scene.pass(2 * DAY), Err(Doubt::BehindCommit));
    assert!(scene.pass(Duration::from_mins(24 * 60 - 1)).is_ok());
}

#[test]
fn a_start_behind_the_last_commit_or_before_the_build_is_not_believed() {
    let commit = START.plus(MINUTE);
    assert!(Scene::begun(START, commit, Timestamp::default()).look().is_ok());
    let commit = commit.plus(SECOND);
    assert_eq!(Scene::begun(START, commit, Timestamp::default()).look(), Err(Doubt::BehindCommit));
    assert!(Scene::begun(START, Timestamp::default(), START).look().is_ok());
    let build = START.plus(SECOND);
    assert_eq!(Scene::begun(START, Timestamp::default(), build).look(), Err(Doubt::BeforeBuild));
}

#[test]
fn a_clock_that_starts_at_1970_and_is_then_set_is_believed_after_five_minutes_or_where_the_kernel_says_so() {
    for synchronised in [false, true] {
        let mut scene = Scene::begun(Timestamp::from_secs(7), START, START.minus(DAY));
        assert_eq!(scene.pass(MINUTE), Err(Doubt::BeforeBuild));
        scene.synchronised = synchronised;
        assert_eq!(scene.set(START.plus(DAY)).is_ok(), synchronised);
        assert_eq!(scene.pass(ALMOST_SETTLED).is_ok(), synchronised);
        assert!(scene.pass(SECOND).is_ok());
    }
}

#[test]
fn small_steps_are_followed_and_do_not_add_up() {
    let mut scene = Scene::new();
    for _ in 0..100 {
        assert!(scene.pass(SETTLED_AFTER).is_ok());
        assert!(scene.set(scene.reading.wall.plus(MINUTE / 2)).is_ok());
    }
    assert_eq!(scene.set(scene.reading.wall.plus(2 * MINUTE)), Err(Doubt::Jumped));
}

#[test]
fn many_small_steps_at_once_are_a_jump() {
    let mut scene = Scene::new();
    let stepped = (0..10).filter(|_| scene.set(scene.reading.wall.plus(MINUTE / 2)).is_ok()).count();
    assert_eq!(stepped, 2);
}

/// Lets time pass, and sets the clock by so many seconds.
fn steps() -> impl Strategy<Value = Vec<(u64, i64, bool)>> {
    let set = prop_oneof![4 => Just(0_i64), 2 => -100_i64..100, 1 => -400_000_i64..400_000];
    prop::collection::vec((0_u64..400, set, prop::bool::weighted(0.05)), 1..60)
}

fn moved(at: Timestamp, by: i64) -> Timestamp {
    let distance = Duration::from_secs(by.unsigned_abs());
    if by < 0 { at.minus(distance) } else { at.plus(distance) }
}

fn offset(reading: Reading) -> i128 {
    Offset::of(reading).0
}

proptest! {
    /// What is believed is possible, and near what was believed before: unless the kernel said so, or the clock stood.
    #[test]
    fn no_leap_is_believed(steps in steps()) {
        let mut scene = Scene::new();
        scene.committed = START.minus(DAY);
        let mut seen: Vec<Reading> = vec![scene.reading];
        let mut last = scene.reading;
        for (passed, set, synchronised) in steps {
            scene.synchronised = synchronised;
            scene.reading.uptime += Duration::from_secs(passed);
            scene.reading.wall = moved(scene.reading.wall.plus(Duration::from_secs(passed)), set);
            seen.push(scene.reading);
            let Ok(now) = scene.look() else { continue };
            prop_assert!(now.plus(MAX_APART) >= scene.committed);
            prop_assert_eq!(now, scene.reading.wall);
            let here = offset(scene.reading);
            // Each look that is believed lies within a minute of one place, and so within two of the look before.
            let near = here.abs_diff(offset(last)) <= 2 * MAX_APART.as_micros();
            let since = scene.reading.uptime.saturating_sub(SETTLED_AFTER);
            let stood = seen.iter().rev().take_while(|reading| reading.uptime > since)
                .all(|reading| here.abs_diff(offset(*reading)) <= 2 * MAX_APART.as_micros());
            prop_assert!(near || synchronised || stood, "{:?} after {last:?}", scene.reading);
            last = scene.reading;
        }
    }

    /// From wherever it comes, a possible clock that stands is believed after five minutes.
    #[test]
    fn a_clock_that_stands_is_believed_in_the_end(steps in steps()) {
        let mut scene = Scene::new();
        for (passed, set, synchronised) in steps {
            scene.synchronised = synchronised;
            let _ = scene.pass(Duration::from_secs(passed));
            let _ = scene.set(moved(scene.reading.wall, set));
        }
        scene.synchronised = false;
        prop_assert!(scene.pass(SETTLED_AFTER).is_ok());
        prop_assert!(scene.pass(DAY).is_ok());
    }
}
