//! Simulated servers, and a simulated walk that sends them requests: for tests of the controller.
//!
//! A simulation of events, not of threads: each worker computes a little, makes a request, waits for the
//! answer, and starts again. A minute takes a few milliseconds, and the result is always the same.

use pwalk_engine::{Controller, Sample};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// Processors of the machine that walks.
const N_CORES: f64 = 2.0;

/// How a server answers.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// Seconds that a request takes, at a given second and with a given number in flight.
    pub service: fn(f64, usize) -> f64,
    /// Requests served at once, at a given second. The others queue, first come, first served.
    pub capacity: fn(f64) -> usize,
    /// How much the time of a request varies: 0.5 for half as long to half as long again.
    pub jitter: f64,
    /// Share of the requests that take ten times as long, as reading a huge directory does.
    pub long_share: f64,
    /// Seconds of processor time that a worker needs for a request.
    pub compute: f64,
    /// Seconds of processor time that the server needs for a request if it is on the same machine,
    /// given the number of workers.
    pub own_compute: fn(usize) -> f64,
    /// Speed of the processors at a given second: 0.5 while other processes use half of them.
    pub speed: fn(f64) -> f64,
    /// Share of the processors that other threads of the walking process keep busy.
    pub busy_share: f64,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Server {
    /// Each request takes the same time, however many are in flight.
    pub const FIXED: Server = Server {
        service: |_, _| 1e-3,
        capacity: |_| usize::MAX,
        jitter: 0.3,
        long_share: 0.0,
        compute: 8e-6,
        own_compute: |_| 0.0,
        speed: |_| 1.0,
        busy_share: 0.0,
        seed: 88_172_645_463_325_252,
    };
}

/// The result of a simulation.
#[derive(Clone, Debug)]
pub struct Course {
    /// For each sample: the second, the level after it, and the answers per second.
    pub samples: Vec<(f64, usize, f64)>,
    /// Answers in all.
    pub n_answered: u64,
    /// The maximum number of requests in flight.
    pub in_flight_max: usize,
}

/// Simulates some seconds of a walk with as many workers as the controller says.
pub fn simulate(server: Server, controller: Controller, seconds: f64) -> Course {
    let mut simulation = Simulation {
        server,
        controller,
        now: 0.0,
        events: BinaryHeap::new(),
        queue: VecDeque::new(),
        n_served: 0,
        n_active: 0,
        processors_free: 0.0,
        random: server.seed,
        sample: Counts::default(),
        course: Course { samples: Vec::new(), n_answered: 0, in_flight_max: 0 },
    };
    simulation.run(seconds);
    simulation.course
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A worker has computed, and asks. It began to wait, first for a processor, at this time.
    Asks(u64),
    /// The server has an answer to what was asked at this time.
    Answers(u64),
}

/// What was counted since the last sample.
#[derive(Default)]
struct Counts {
    since: f64,
    n_answered: u64,
    /// Nanoseconds from requests to their answers.
    waited: u64,
    processor_time: f64,
}

struct Simulation {
    server: Server,
    controller: Controller,
    now: f64,
    /// By time, in nanoseconds: they have an order, and seconds have none.
    events: BinaryHeap<Reverse<(u64, Event)>>,
    /// Requests that wait in the server, as the times when they were asked, and those that it
    /// answers.
    queue: VecDeque<u64>,
    n_served: usize,
    /// Workers that compute or wait for an answer.
    n_active: usize,
    /// When the processors will have done what is begun.
    processors_free: f64,
    random: u64,
    sample: Counts,
    course: Course,
}

impl Simulation {
    fn run(&mut self, seconds: f64) {
        self.start_workers();
        while let Some(Reverse((nanos, event))) = self.events.pop() {
            self.now = nanos as f64 / 1e9;
            if self.now > seconds {
                return;
            }
            match event {
                Event::Asks(asked) => {
                    self.queue.push_back(asked);
                    let n_in_flight = self.queue.len() + self.n_served;
                    self.course.in_flight_max = self.course.in_flight_max.max(n_in_flight);
                }
                Event::Answers(asked) => {
                    self.n_served -= 1;
                    self.n_active -= 1;
                    self.sample.n_answered += 1;
                    self.sample.waited += nanos - asked;
                    self.course.n_answered += 1;
                }
            }
            self.serve();
            self.take_sample();
            self.start_workers();
        }
    }

    fn serve(&mut self) {
        while self.n_served < (self.server.capacity)(self.now) {
            let Some(asked) = self.queue.pop_front() else { return };
            self.n_served += 1;
            let is_long = self.server.long_share > 0.0 && self.random() < self.server.long_share;
            let varied = 1.0 + self.server.jitter * (2.0 * self.random() - 1.0);
            let varied = if is_long { 10.0 * varied } else { varied };
            let time = (self.server.service)(self.now, self.queue.len() + self.n_served) * varied;
            self.at(self.now + time, Event::Answers(asked));
        }
    }

    fn start_workers(&mut self) {
        while self.n_active < self.controller.level() {
            self.n_active += 1;
            self.sample.processor_time += self.server.compute;
            let time = self.server.compute + (self.server.own_compute)(self.n_active);
            let share = time / N_CORES / (self.server.speed)(self.now);
            self.processors_free = self.processors_free.max(self.now) + share;
            let asked = (self.now * 1e9) as u64;
            self.at(self.processors_free, Event::Asks(asked));
        }
    }

    fn take_sample(&mut self) {
        let time = self.now - self.sample.since;
        if !self.controller.is_due(Duration::from_secs_f64(time), self.sample.n_answered) {
            return;
        }
        let Counts { n_answered, waited, processor_time, .. } = std::mem::take(&mut self.sample);
        self.sample.since = self.now;
        let level = self.controller.next(&Sample {
            n_answered,
            waited: Duration::from_nanos(waited),
            time: Duration::from_secs_f64(time),
            n_sleeps: n_answered,
            busy_share: (processor_time / time / N_CORES + self.server.busy_share).min(1.0),
            idle_share: 0.0,
        });
        self.course.samples.push((self.now, level, n_answered as f64 / time));
    }

    fn at(&mut self, time: f64, event: Event) {
        self.events.push(Reverse(((time * 1e9) as u64, event)));
    }

    /// From 0 to 1. Source: xorshift64 (Marsaglia).
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}
