//! Each read beside the primitives, with criterion: on one thread, and on two that are pinned to cores of their own.
//! All figures are CPU time of the reading threads.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use keytide_benches::{Subject, contended, cores, subjects, thread_cpu};

fn one_thread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one thread");
    with_subjects(|subject| {
        group.bench_function(subject.name(), |bencher| {
            bencher.iter_custom(|reads| {
                let before = thread_cpu();
                subject.read_many(reads);
                thread_cpu() - before
            });
        });
    });
    group.finish();
}

fn two_threads(criterion: &mut Criterion) {
    let Some(cores) = cores() else {
        return;
    };
    let mut group = criterion.benchmark_group("two threads");
    with_subjects(|subject| {
        group.bench_function(subject.name(), |bencher| {
            bencher.iter_custom(|reads| {
                let nanos = contended(subject, &cores, reads) * reads as f64;
                Duration::from_nanos(nanos as u64)
            });
        });
    });
    group.finish();
}

fn with_subjects(mut measure: impl FnMut(&dyn Subject)) {
    let loaded = subjects::loaded().expect("the fake issuer answers");
    let cache = &loaded.cache;
    let all: [&dyn Subject; 13] = [
        &subjects::arc_swap_load(),
        &subjects::arc_swap_load_and_clock(),
        &subjects::arc_swap_load_and_two_clocks(),
        &subjects::read(cache),
        &subjects::slow_read(cache),
        &subjects::arc_swap_cache(),
        &subjects::arc_swap_cache_and_clock(),
        &subjects::handle_read(cache),
        &subjects::get(cache),
        &subjects::try_get(cache),
        &subjects::watch(),
        &subjects::rw_lock(),
        &subjects::mutex(),
    ];
    for subject in all {
        measure(subject);
    }
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
