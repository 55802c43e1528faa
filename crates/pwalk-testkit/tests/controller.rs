//! The controller on simulated servers, compared with the best fixed number of workers; and the
//! pictures of it in `docs/tuning.md`.

use pwalk_engine::{Controller, LEVEL_MAX, Sample};
use pwalk_testkit::server::{Course, Server, simulate};
use std::path::Path;
use std::time::Duration;

/// Workers that a walk of a network filesystem begins with.
const START: usize = 8;

/// A server, and how many seconds the walk lasts.
struct Case {
    name: &'static str,
    server: Server,
    seconds: f64,
    /// The least share of the answers that the best fixed number gets.
    least: f64,
    /// The maximum number of requests in flight.
    in_flight_max: usize,
}

const SLOW: Server = Server { service: |_, _| 20e-3, ..Server::FIXED };

/// On the same machine as the walk, of which it takes more the more workers there are, and others
/// some: now a little, now more than half for a moment. It can work on about 55 requests.
const OWN: Server = Server {
    compute: 12e-6,
    own_compute: |n_workers| 24e-6 * (1.0 + n_workers as f64 / 1000.0),
    speed: |second| noise(second) * if (1.7 * second).fract() < 0.1 { 0.4 } else { 1.0 },
    ..Server::FIXED
};

const CASES: [Case; 14] = [
    Case {
        name: "1 ms per request",
        server: Server::FIXED,
        seconds: 0.6,
        least: 0.92,
        in_flight_max: 512,
    },
    Case {
        name: "50 ms per request",
        server: Server { service: |_, _| 50e-3, ..Server::FIXED },
        seconds: 20.0,
        least: 0.92,
        in_flight_max: 512,
    },
    Case {
        name: "0.2 ms, limited by the processors",
        server: Server { service: |_, _| 0.2e-3, compute: 20e-6, ..Server::FIXED },
        seconds: 0.6,
        least: 0.92,
        in_flight_max: 128,
    },
    Case {
        name: "1 ms, but some take 10 ms",
        server: Server { jitter: 0.5, long_share: 0.05, ..Server::FIXED },
        seconds: 0.6,
        least: 0.85,
        in_flight_max: 512,
    },
    Case {
        name: "8 at a time",
        server: Server { capacity: |_| 8, ..Server::FIXED },
        seconds: 5.0,
        least: 0.98,
        in_flight_max: 24,
    },
    Case {
        name: "8 at a time, some take ten times as long",
        server: Server { capacity: |_| 8, jitter: 0.5, long_share: 0.05, ..Server::FIXED },
        seconds: 5.0,
        least: 0.95,
        in_flight_max: 24,
    },
    Case {
        name: "100 at a time",
        server: Server { capacity: |_| 100, ..SLOW },
        seconds: 10.0,
        least: 0.9,
        in_flight_max: 300,
    },
    Case {
        name: "slower with more requests in flight",
        server: Server { service: |_, n| 5e-3 * (1.0 + n as f64 / 16.0), ..Server::FIXED },
        seconds: 10.0,
        least: 0.75,
        in_flight_max: 300,
    },
    Case {
        name: "ten times slower for a minute",
        server: Server {
            service: |second, _| if (20.0..80.0).contains(&second) { 200e-3 } else { 20e-3 },
            compute: 400e-6,
            ..Server::FIXED
        },
        seconds: 100.0,
        least: 0.85,
        in_flight_max: 512,
    },
    Case {
        name: "bursts of other clients",
        server: Server {
            capacity: |second| if second.fract() < 0.2 { 8 } else { 64 },
            ..Server { service: |_, _| 5e-3, ..Server::FIXED }
        },
        seconds: 20.0,
        least: 0.7,
        in_flight_max: 512,
    },
    Case {
        name: "another client takes half",
        server: Server {
            capacity: |second| if (20.0..40.0).contains(&second) { 16 } else { 32 },
            ..SLOW
        },
        seconds: 60.0,
        least: 0.9,
        in_flight_max: 128,
    },
    Case {
        name: "a cache that warms up",
        server: Server {
            service: |second, _| if second < 3.0 { 20e-3 } else { 1e-3 },
            capacity: |_| 32,
            ..Server::FIXED
        },
        seconds: 10.0,
        least: 0.85,
        in_flight_max: 512,
    },
    Case {
        name: "a server on the same, busy machine",
        server: OWN,
        seconds: 5.0,
        least: 0.95,
        in_flight_max: 192,
    },
    Case {
        name: "10 ms, while other threads compute",
        server: Server {
            service: |_, _| 10e-3,
            speed: |second| 0.5 * noise(second),
            busy_share: 0.97,
            ..Server::FIXED
        },
        seconds: 3.0,
        least: 0.9,
        in_flight_max: 512,
    },
];

/// How fast processors are that others use up to a quarter of, for 30 ms at a time.
fn noise(second: f64) -> f64 {
    let slot = (second / 0.03) as u64 + 1;
    let random = (slot.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).wrapping_mul(0x85eb_ca6b);
    1.0 - (random >> 16 & 0xffff) as f64 / 65536.0 / 4.0
}

/// Answers with the best fixed number.
fn best_fixed(case: &Case) -> u64 {
    let fixed = |level| simulate(case.server, Controller::new(level, level), case.seconds);
    [8, 32, 64, 128, 512].map(|level| fixed(level).n_answered).into_iter().max().unwrap_or(0)
}

fn course(case: &Case) -> Course {
    simulate(case.server, Controller::new(START, LEVEL_MAX), case.seconds)
}

#[test]
fn every_server_gets_about_as_many_requests_as_with_the_best_fixed_number() {
    for case in &CASES {
        let found = course(case);
        let share = found.n_answered as f64 / best_fixed(case) as f64;
        println!("{}: {share:.2} of the best, {} in flight", case.name, found.in_flight_max);
        assert!(share >= case.least, "{}: {share:.2} of the best fixed number", case.name);
        assert!(found.in_flight_max <= case.in_flight_max, "{}: in flight", case.name);
    }
}

/// As a walk in order does, whose consumer has made the first requests alone.
#[test]
fn who_knows_how_long_one_request_takes_alone_gets_there_earlier_and_goes_no_further() {
    for case in CASES.iter().filter(|case| case.seconds <= 10.0) {
        let (alone, best) = ((case.server.service)(0.0, 1), best_fixed(case));
        // Chance, or a cache, may have made it another one.
        for times in [0.3, 1.0, 1.5] {
            let course = simulate(case.server, knowing(alone * times), case.seconds);
            let share = course.n_answered as f64 / best as f64;
            let n_in_flight = course.in_flight_max;
            println!("{}, {times}: {share:.2} of the best, {n_in_flight}", case.name);
            assert!(share >= case.least, "{}, {times}: {share:.2} of the best", case.name);
            assert!(n_in_flight <= case.in_flight_max, "{}, {times}: {n_in_flight}", case.name);
        }
    }
    let fixed = &CASES[0];
    let until_64 = |course: Course| {
        let at = course.samples.iter().find(|sample| sample.1 >= 64);
        at.map_or(f64::MAX, |sample| sample.0)
    };
    let (known, unknown) = (simulate(fixed.server, knowing(1e-3), fixed.seconds), course(fixed));
    assert!(until_64(known) < until_64(unknown));
}

fn knowing(alone: f64) -> Controller {
    Controller::new(START, LEVEL_MAX).knowing(Duration::from_secs_f64(alone))
}

#[test]
fn chance_does_not_lead_to_more_workers_than_bring_anything() {
    for seed in [1, 2, 3_u64] {
        let server = Server { seed: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), ..OWN };
        let found = simulate(server, Controller::new(START, LEVEL_MAX), 10.0);
        let mut levels: Vec<_> = found.samples.iter().map(|sample| sample.1).collect();
        levels.sort_unstable();
        let median = levels[levels.len() / 2];
        println!("seed {seed}: {median} workers, {} at most", found.in_flight_max);
        assert!((40..=96).contains(&median), "seed {seed}: {median} workers, of 64 that are best");
    }
}

#[test]
fn where_processors_are_missing_nothing_is_tried() {
    let time = Duration::from_millis(50);
    let busy = Sample {
        n_answered: 30_000,
        waited: 2 * time,
        time,
        n_sleeps: 20_000,
        busy_share: 0.99,
        idle_share: 0.0,
    };
    // Other processes have them.
    let crowded = Sample { n_sleeps: 20, busy_share: 0.4, ..busy };
    for sample in [busy, crowded] {
        let mut controller = Controller::new(2, LEVEL_MAX);
        assert!((0..1000).all(|_| controller.next(&sample) <= 2));
    }
}

#[test]
fn where_jobs_are_missing_nothing_is_learnt() {
    let mut controller = Controller::new(8, LEVEL_MAX);
    for n_answered in [1, 1000, 10, 100_000, 0] {
        let time = Duration::from_millis(50);
        let sample = Sample {
            n_answered,
            waited: 4 * time,
            time,
            n_sleeps: n_answered,
            busy_share: 0.1,
            idle_share: 0.5,
        };
        assert_eq!(controller.next(&sample), 8);
    }
}

#[test]
fn the_level_stays_within_its_bounds_whatever_is_measured() {
    let mut random = 12_345_u64;
    let mut controller = Controller::new(8, 100);
    for _ in 0..100_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let level = controller.next(&Sample {
            n_answered: random >> 44,
            waited: Duration::from_micros(random >> 32 & 0xf_ffff),
            time: Duration::from_micros(random >> 40 & 0xffff),
            n_sleeps: random >> 45,
            busy_share: (random >> 20 & 0xff) as f64 / 255.0,
            idle_share: (random >> 30 & 0xff) as f64 / 1000.0,
        });
        assert!((1..=100).contains(&level));
    }
}

#[test]
fn the_pictures_in_the_documentation_are_those_of_today() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/concurrency.svg");
    let found = picture();
    if std::env::var_os("PWALK_BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{} is out of date: PWALK_BLESS=1 writes it anew", path.display());
}

/// The plots, three in a row.
fn picture() -> String {
    let plots: String = CASES.iter().enumerate().map(|(number, case)| plot(number, case)).collect();
    let height = CASES.len().div_ceil(3) as f64 * (HEIGHT + 1.5 * GAP) + GAP;
    let width = 3.0 * (WIDTH + GAP) + GAP;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{plots}</svg>\n"
    )
}

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 120.0;
const GAP: f64 = 40.0;

/// Of one case, the level over time as a line, and the rate as an area.
fn plot(number: usize, case: &Case) -> String {
    let left = GAP + (number % 3) as f64 * (WIDTH + GAP);
    let top = GAP + (number / 3) as f64 * (HEIGHT + 1.5 * GAP);
    let (right, bottom) = (left + WIDTH, top + HEIGHT);
    let (above, below) = (top - 8.0, bottom + 16.0);
    let samples = course(case).samples;
    let rate_max = samples.iter().map(|sample| sample.2).fold(0.0, f64::max);
    let level_max = samples.iter().map(|sample| sample.1).max().unwrap_or(START).max(START);
    let x = |second: f64| left + second / case.seconds * WIDTH;
    let level_y = |level: usize| bottom - HEIGHT * level as f64 / level_max as f64;
    let mut line = format!("M{left:.1},{:.1}", level_y(START));
    let mut area = format!("M{left:.1},{bottom:.1}");
    for samples in samples.chunks(samples.len().div_ceil(200)) {
        let rates = samples.iter().map(|sample| sample.2);
        let rate = rates.sum::<f64>() / samples.len() as f64 / rate_max;
        let (second, level, _) = samples[samples.len() - 1];
        area += &format!("L{:.1},{:.1}", x(second), bottom - HEIGHT * rate);
        line += &format!("H{:.1}V{:.1}", x(second), level_y(level));
    }
    let Case { name, seconds, .. } = case;
    format!(
        "<path d=\"{area}V{bottom:.1}Z\" fill=\"#cfe3f7\"/>\n\
         <path d=\"{line}\" fill=\"none\" stroke=\"#c0392b\" stroke-width=\"1.5\"/>\n\
         <path d=\"M{left:.1},{top:.1}V{bottom:.1}H{right:.1}\" fill=\"none\" stroke=\"#555\"/>\n\
         <text x=\"{left:.1}\" y=\"{above:.1}\">{name}</text>\n\
         <text x=\"{left:.1}\" y=\"{below:.1}\" fill=\"#555\">{seconds} s; up to {level_max} \
         workers, {rate_max:.0} answers/s</text>\n"
    )
}
