//! What a read costs beside the same primitive with the coarse clock, on one thread and on two.

use std::hint::black_box;
use std::time::Duration;

use keytide_bench::{
    Rounds, Subject, allocations_of, contended, cores, figure, goals, poll_once, subjects,
};
use keytide_core::{Cache, Error};

use crate::table::Table;

pub(crate) fn one_thread(table: &mut Table) -> Result<(), Error> {
    let loaded = subjects::loaded()?;
    let cache = &loaded.cache;
    let (base, baseline) = (
        &subjects::arc_swap_load(),
        &subjects::arc_swap_load_and_clock(),
    );
    let (task_base, task_baseline) = (
        &subjects::arc_swap_cache(),
        &subjects::arc_swap_cache_and_clock(),
    );
    let judged = &subjects::arc_swap_load_and_two_clocks();
    let (read, slow) = (&subjects::read(cache), &subjects::slow_read(cache));
    let (handle, get) = (&subjects::handle_read(cache), &subjects::get(cache));
    let try_get = &subjects::try_get(cache);
    let (watch, rw_lock, mutex) = (&subjects::watch(), &subjects::rw_lock(), &subjects::mutex());
    let all: [&dyn Subject; 13] = [
        base,
        baseline,
        judged,
        task_base,
        task_baseline,
        read,
        slow,
        handle,
        get,
        try_get,
        watch,
        rw_lock,
        mutex,
    ];
    let rounds = Rounds::of_reads(&all, 101, 20_000);
    let nanos = |subject: &dyn Subject| rounds.nanos(subject.name());
    let ratio =
        |subject: &dyn Subject, base: &dyn Subject| rounds.ratio(subject.name(), base.name());

    table.note("ArcSwap::load, ns", &format!("{:.1}", nanos(base)));
    let primitives: [&dyn Subject; 7] = [
        baseline,
        judged,
        task_base,
        task_baseline,
        watch,
        rw_lock,
        mutex,
    ];
    for primitive in primitives {
        let measured = format!(
            "{:.2} ×, {:.1} ns",
            ratio(primitive, base),
            nanos(primitive)
        );
        table.note(primitive.name(), &measured);
    }
    table.goal(&goals::BORROWED, "", ratio(read, baseline));
    table.goal(&goals::SLOW, "", ratio(slow, baseline));
    table.note(
        "the same, × ArcSwap::load + two clocks",
        &format!("{:.2} ×", ratio(slow, judged)),
    );
    table.goal(&goals::HANDLE, "", ratio(handle, task_baseline));
    table.goal(&goals::OWNED, "", ratio(get, baseline));
    table.note(
        "try_get, × ArcSwap::load + coarse clock",
        &format!("{:.2} ×", ratio(try_get, baseline)),
    );
    allocations(table, cache);
    Ok(())
}

pub(crate) fn two_threads(table: &mut Table) -> Result<(), Error> {
    let Some(cores) = cores() else {
        table.note("two threads", "not measured: there is but one core");
        return Ok(());
    };
    let loaded = subjects::loaded()?;
    let cache = &loaded.cache;
    let base = &subjects::arc_swap_load_and_clock();
    let (read, handle, get) = (
        &subjects::read(cache),
        &subjects::handle_read(cache),
        &subjects::get(cache),
    );
    let all: [&dyn Subject; 4] = [base, read, handle, get];
    let names: Vec<String> = all.map(|subject| subject.name().to_owned()).into();
    // How much a second thread slows each down, measured within one round.
    let slowdown = Rounds::of(&names, 31, |index| {
        let alone = contended(all[index], &cores[..1], 100_000);
        contended(all[index], &cores, 100_000) / alone
    });
    let both = Rounds::of_contended_reads(&all, &cores, 31, 100_000);
    let relative = slowdown.ratio(read.name(), base.name());
    table.goal(&goals::SLOWDOWN, "", relative);
    // Its goal is a ratio to the best peer, which `keytide bench` measures.
    table.note(
        "two threads: borrowed reads per second of CPU time",
        &figure(2e9 / both.nanos(read.name()), "/s"),
    );
    for subject in [base as &dyn Subject, read, handle, get] {
        let (nanos, slowed) = (both.nanos(subject.name()), slowdown.nanos(subject.name()));
        table.note(
            &format!("two threads, {}", subject.name()),
            &format!("{nanos:.1} ns, {slowed:.2} × one thread"),
        );
    }
    Ok(())
}

fn allocations(table: &mut Table, cache: &Cache) {
    let mut handle = cache.handle();
    let counted: [(&str, &mut dyn FnMut()); 5] = [
        ("borrowed read", &mut || {
            let _ = black_box(cache.read(|credential| black_box(credential.generation())));
        }),
        ("slow path", &mut || {
            let least = black_box(Duration::from_nanos(1));
            let _ = black_box(
                cache
                    .need()
                    .lasting(least)
                    .read(|credential| black_box(credential.generation())),
            );
        }),
        ("per-task handle", &mut || {
            let _ = black_box(handle.read(|credential| black_box(credential.generation())));
        }),
        ("get().await", &mut || {
            drop(black_box(poll_once(cache.get())))
        }),
        ("try_get", &mut || drop(black_box(cache.try_get()))),
    ];
    for (name, read) in counted {
        read();
        let ((), count) = allocations_of(|| (0..READS).for_each(|_| read()));
        let each = count as f64 / READS as f64;
        table.goal(&goals::READ_ALLOCATIONS, name, each);
    }
    let future = size_of_val(&cache.get());
    table.note("the future of get()", &format!("{future} B"));
}

const READS: usize = 10_000;
