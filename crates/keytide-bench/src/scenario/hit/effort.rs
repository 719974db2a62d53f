//! How often hits are measured, and how many reads are one measurement.

use crate::bench::Plan;
use crate::subject::{Subject, nanos_each};

pub(crate) fn rounds(plan: &Plan) -> usize {
    plan.pick(101, 31)
}

pub(crate) fn thread_rounds(plan: &Plan) -> usize {
    plan.pick(31, 15)
}

pub(super) fn throughput_rounds(plan: &Plan) -> usize {
    plan.pick(15, 5)
}

/// So many reads that they take about 5 ms.
pub(super) fn calibrate(subject: &dyn Subject) -> u64 {
    subject.read_many(200);
    let nanos = nanos_each(subject, 500).max(1.0);
    (5_000_000.0 / nanos).clamp(100.0, 200_000.0) as u64
}
