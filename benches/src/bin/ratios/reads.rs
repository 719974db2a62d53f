//! What a read costs beside `ArcSwap::load`, on one thread and on two.

use std::hint::black_box;
use std::time::Duration;

use keytide_bench::{Rounds, Subject, allocations_of, contended, cores, poll_once, subjects};
use keytide_core::{Cache, Error};

use crate::table::Table;

pub(crate) fn one_thread(table: &mut Table) -> Result<(), Error> {
    let loaded = subjects::loaded()?;
    let cache = &loaded.cache;
    let (base, floor) = (
        &subjects::arc_swap_load(),
        &subjects::arc_swap_load_and_clock(),
    );
    let (task_base, task_floor) = (
        &subjects::arc_swap_cache(),
        &subjects::arc_swap_cache_and_clock(),
    );
    let judged = &subjects::arc_swap_load_and_two_clocks();
    let (read, slow) = (&subjects::read(cache), &subjects::slow_read(cache));
    let (handle, get) = (&subjects::handle_read(cache), &subjects::get(cache));
    let try_get = &subjects::try_get(cache);
    let (watch, rw_lock, mutex) = (&subjects::watch(), &subjects::rw_lock(), &subjects::mutex());
    let all: [&dyn Subject; 13] = [
        base, floor, judged, task_base, task_floor, read, slow, handle, get, try_get, watch,
        rw_lock, mutex,
    ];
    let rounds = Rounds::of_reads(&all, 101, 20_000);
    let nanos = |subject: &dyn Subject| rounds.nanos(subject.name());
    let ratio =
        |subject: &dyn Subject, base: &dyn Subject| rounds.ratio(subject.name(), base.name());

    table.note("ArcSwap::load, ns", &format!("{:.1}", nanos(base)));
    let primitives: [&dyn Subject; 7] =
        [floor, judged, task_base, task_floor, watch, rw_lock, mutex];
    for primitive in primitives {
        let measured = format!(
            "{:.2} ×, {:.1} ns",
            ratio(primitive, base),
            nanos(primitive)
        );
        table.note(primitive.name(), &measured);
    }
    table.note(
        "borrowed read, × ArcSwap::load",
        &format!("{:.2} ×", ratio(read, base)),
    );
    table.at_most(
        "the same, × ArcSwap::load + coarse clock",
        1.10,
        ratio(read, floor),
        " ×",
    );
    table.at_most("slow path, × ArcSwap::load", 8.0, ratio(slow, base), " ×");
    table.note(
        "the same, × ArcSwap::load + two clocks",
        &format!("{:.2} ×", ratio(slow, judged)),
    );
    table.note(
        "per-task handle, × ArcSwap::load",
        &format!("{:.2} ×", ratio(handle, base)),
    );
    table.at_most(
        "the same, × arc_swap::Cache + coarse clock",
        1.15,
        ratio(handle, task_floor),
        " ×",
    );
    table.at_most("get().await, × ArcSwap::load", 2.2, ratio(get, base), " ×");
    table.note(
        "try_get, × ArcSwap::load",
        &format!("{:.2} ×", ratio(try_get, base)),
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
    let base = &subjects::arc_swap_load();
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
    table.at_most(
        "two threads: slowdown of the borrowed read, × that of ArcSwap::load",
        1.1,
        relative,
        " ×",
    );
    let million = 2.0 * 1_000.0 / both.nanos(read.name());
    let met = million >= 72.0;
    table.row(
        "two threads, borrowed, million reads per second of CPU time",
        "≥ 72",
        &format!("{million:.0}"),
        Some(met),
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
            let least = black_box(Duration::ZERO);
            let _ =
                black_box(cache.read_for(least, |credential| black_box(credential.generation())));
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
        table.exactly(&format!("{name}: allocations in {READS} reads"), 0, count);
    }
    let future = size_of_val(&cache.get());
    table.note("the future of get()", &format!("{future} B"));
}

const READS: usize = 10_000;
