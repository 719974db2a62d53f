//! How it was measured, in words: what a reader needs in order to trust or to repeat it.

/// The same of every run, and what was other in this one.
pub(crate) fn method(this: String) -> Vec<String> {
    let lines = [
        "All subjects run in one process, over one fake issuer that gives tokens of 1,024 bytes, each other than the one before. \
         Those that speak only HTTP reach it over the loopback, on a thread of its own; the others in this process.",
        "Rounds are interleaved: each measures every subject once, and begins with another one. Ratios are taken within a round, \
         and medians are quoted; the distance between the medians of the odd and the even rounds is the noise figure.",
        "The cost of a hit is CPU time of the reading threads; two threads are pinned to two cores. Allocations are those that a \
         counting allocator was asked for on the reading thread.",
        "Latencies are of wall time, in HDR histograms, and corrected for coordinated omission: one read is due per reader and \
         millisecond, so a block of 50 ms counts as 50 slow reads. The histograms hold what ended after the first refresh began.",
        "A read waited when it was pending at its first poll.",
        "Each subject gets tokens that last its own margin (how long before the end it asks for the next) and a second more, so \
         that all meet their first refresh, still holding a valid token, at the same time.",
        "A hang is an issuer that takes calls and answers them when the hang ends. A failure is 503 after 50 ms; a refusal is 401.",
        "A cache that retries does so by its own rules: nothing is added around it, and what its users see is what is counted.",
    ];
    let mut lines: Vec<String> = lines.map(str::to_owned).into();
    lines.push(this);
    lines
}
