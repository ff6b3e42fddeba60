//! Clocks of one search, and medians over passes.

use std::time::Instant;

use gleaner_checks::contract::Taken;

/// Runs `search` and says how long it took.
pub fn time<T>(search: impl FnOnce() -> T) -> (T, Taken) {
    let (wall, cpu) = (Instant::now(), thread_cpu_ns());
    let found = search();
    let (cpu, wall) = (thread_cpu_ns() - cpu, wall.elapsed());
    (found, Taken { wall_ns: wall.as_nanos() as u64, cpu_ns: cpu })
}

/// The median of both clocks, each by itself; zeros for no pass.
pub fn median(passes: &[Taken]) -> Taken {
    let middle = |clock: fn(&Taken) -> u64| {
        let mut sorted: Vec<u64> = passes.iter().map(clock).collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or(0)
    };
    Taken { wall_ns: middle(|taken| taken.wall_ns), cpu_ns: middle(|taken| taken.cpu_ns) }
}

/// CPU time of this thread.
fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
