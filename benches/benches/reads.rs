//! Each read beside the primitives, with criterion: on one thread, and on two that are pinned to cores of their own.
//! With the feature `peers`, what people use today too. All figures are CPU time of the reading threads.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use keytide_bench::{contended, cores, thread_cpu, with_hits};

fn one_thread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one thread");
    with_hits(|subjects| {
        for subject in subjects {
            group.bench_function(subject.name(), |bencher| {
                bencher.iter_custom(|reads| {
                    let before = thread_cpu();
                    subject.read_many(reads);
                    thread_cpu() - before
                });
            });
        }
    })
    .expect("all subjects read");
    group.finish();
}

fn two_threads(criterion: &mut Criterion) {
    let Some(cores) = cores() else {
        return;
    };
    let mut group = criterion.benchmark_group("two threads");
    with_hits(|subjects| {
        for subject in subjects {
            group.bench_function(subject.name(), |bencher| {
                bencher.iter_custom(|reads| {
                    let nanos = contended(*subject, &cores, reads) * reads as f64;
                    Duration::from_nanos(nanos as u64)
                });
            });
        }
    })
    .expect("all subjects read");
    group.finish();
}

criterion_group! {
    name = reads;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    targets = one_thread, two_threads
}
criterion_main!(reads);
