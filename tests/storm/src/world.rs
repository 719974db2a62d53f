//! Houses that come and go, under readers: one round.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::chance::Chance;
use crate::house::House;
use crate::oracle::Oracle;
use crate::readers::Reader;
use crate::time::instant;

/// The places where houses stand.
struct World {
    oracle: Arc<Oracle>,
    places: Vec<Mutex<Option<Arc<House>>>>,
    over: AtomicBool,
}

/// One round: everything that it makes is gone when it returns, but for threads that are about to end.
pub(crate) fn run(oracle: &Arc<Oracle>, length: Duration, chance: &mut Chance) {
    let world = World {
        oracle: Arc::clone(oracle),
        places: (0..HOUSES).map(|_| Mutex::new(None)).collect(),
        over: AtomicBool::new(false),
    };
    let world = Arc::new(world);
    let waiters = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let Ok(waiters) = waiters else {
        oracle.complain("no runtime can be had");
        return;
    };
    for place in 0..HOUSES {
        world.build(place, chance);
    }

    for _ in 0..WAITERS {
        waiters.spawn(wait_in(Arc::clone(&world), chance.fork()));
    }
    thread::scope(|scope| {
        for _ in 0..READERS {
            let (world, chance) = (&*world, chance.fork());
            scope.spawn(|| world.read(chance));
        }
        let start = instant();
        while start.elapsed() < length {
            thread::sleep(chance.millis(100, 2500));
            world.rebuild(chance, &waiters);
        }
        world.over.store(true, Ordering::Release);
    });
    for place in &world.places {
        drop(place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
    waiters.shutdown_timeout(Duration::from_secs(15));
}

impl World {
    fn build(&self, place: usize, chance: &mut Chance) -> Option<Arc<House>> {
        match House::build(&self.oracle, chance) {
            Ok(house) => {
                let mut place = self.places[place]
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                place.replace(Arc::new(house))
            }
            Err(error) => {
                self.oracle
                    .complain(&format!("no agent can be built: {error}"));
                None
            }
        }
    }

    /// Another house stands in one place; the one that stood there ends, mostly under its readers.
    fn rebuild(&self, chance: &mut Chance, waiter: &Runtime) {
        let place = usize::try_from(chance.below(HOUSES as u64)).unwrap_or(0);
        if chance.one_in(4) {
            if let Some(house) = self.house(place) {
                house.lose_runtime(&self.oracle);
            }
            return;
        }
        if let Some(former) = self.build(place, chance) {
            former.end(&self.oracle, chance, waiter);
        }
    }

    fn house(&self, place: usize) -> Option<Arc<House>> {
        self.places[place]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn any(&self, chance: &mut Chance) -> Option<Arc<House>> {
        self.house(usize::try_from(chance.below(HOUSES as u64)).unwrap_or(0))
    }

    fn read(&self, mut chance: Chance) {
        while !self.is_over() {
            let Some(house) = self.any(&mut chance) else {
                continue;
            };
            let mut reader = Reader::new(house, &self.oracle, chance.fork());
            for _ in 0..chance.below(60) {
                for _ in 0..chance.below(200) {
                    reader.at_once();
                }
                thread::sleep(chance.millis(0, 30));
                if self.is_over() || reader.is_done() {
                    break;
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

async fn wait_in(world: Arc<World>, mut chance: Chance) {
    while !world.is_over() {
        let Some(house) = world.any(&mut chance) else {
            return;
        };
        let mut reader = Reader::new(house, &world.oracle, chance.fork());
        for _ in 0..chance.below(100) {
            reader.waiting().await;
            tokio::time::sleep(chance.millis(0, 10)).await;
            if world.is_over() || reader.is_done() {
                break;
            }
        }
    }
}

const HOUSES: usize = 6;
/// Threads that read without waiting.
const READERS: u32 = 3;
/// Tasks that wait.
const WAITERS: u32 = 12;
