//! Counters and histograms, and their text form for Prometheus.
//!
//! Only what is counted here; nothing is sampled, and nothing leaves the process unless `/metrics`
//! is asked. Names end in their unit, times are in seconds.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use super::lane::Lane;

const RUN_TEXTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
const SECONDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];
/// Sums are kept in millionths: there are atomic integers, but no atomic fractions.
const MILLIONTHS: f64 = 1e6;

/// How often a value fell under each bound.
pub(crate) struct Histogram {
    bounds: &'static [f64],
    /// One more than bounds: what is above all of them.
    counts: Box<[AtomicU64]>,
    sum_millionths: AtomicU64,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum_millionths: AtomicU64::new(0) }
    }

    fn observe(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_millionths.fetch_add((value * MILLIONTHS) as u64, Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        let mut total = 0;
        for (place, count) in self.counts.iter().enumerate() {
            total += count.load(Ordering::Relaxed);
            let bound = self.bounds.get(place).map_or("+Inf".to_owned(), f64::to_string);
            line(out, &format!("{name}_bucket{{{labels},le=\"{bound}\"}} {total}"));
        }
        let sum = self.sum_millionths.load(Ordering::Relaxed) as f64 / MILLIONTHS;
        line(out, &format!("{name}_sum{{{labels}}} {sum}"));
        line(out, &format!("{name}_count{{{labels}}} {total}"));
    }
}

/// What is known of one lane of a model.
struct LaneMetrics {
    run_texts: Histogram,
    wait_seconds: Histogram,
    run_seconds: Histogram,
}

/// What is known of the encoding by one model.
pub(crate) struct EncodeMetrics {
    lanes: [LaneMetrics; 3],
    refused: AtomicU64,
    withdrawn: AtomicU64,
}

impl Default for EncodeMetrics {
    fn default() -> Self {
        let lane = |_| LaneMetrics {
            run_texts: Histogram::new(RUN_TEXTS),
            wait_seconds: Histogram::new(SECONDS),
            run_seconds: Histogram::new(SECONDS),
        };
        let (refused, withdrawn) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { lanes: Lane::ALL.map(lane), refused, withdrawn }
    }
}

impl EncodeMetrics {
    /// Counts a run that started at `start` and has ended, of texts that came at `arrivals`.
    pub(crate) fn ran(
        &self,
        lane: Lane,
        arrivals: impl ExactSizeIterator<Item = Instant>,
        start: Instant,
    ) {
        let metrics = &self.lanes[lane as usize];
        metrics.run_texts.observe(arrivals.len() as f64);
        metrics.run_seconds.observe(start.elapsed().as_secs_f64());
        for arrival in arrivals {
            metrics.wait_seconds.observe((start - arrival).as_secs_f64());
        }
    }

    /// Counts a request that found the queue full.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts texts that nobody waited for any more.
    pub(crate) fn withdrawn(&self, texts: usize) {
        self.withdrawn.fetch_add(texts as u64, Ordering::Relaxed);
    }
}

/// One model's share of the page: its fingerprint, the texts that wait by lane, what was counted.
pub(crate) struct ModelMetrics<'a> {
    pub(crate) model: &'a str,
    pub(crate) waiting: [usize; 3],
    pub(crate) counted: &'a EncodeMetrics,
}

/// The page of `/metrics`, in Prometheus' text format 0.0.4.
pub(crate) fn page(models: &[ModelMetrics<'_>]) -> String {
    let mut out = String::new();
    let labels = |model: &str, lane: Lane| format!("model=\"{model}\",lane=\"{}\"", lane.name());
    head(&mut out, "gleaner_encoder_queue_texts", "gauge", "Texts that wait to be encoded.");
    for ModelMetrics { model, waiting, .. } in models {
        for lane in Lane::ALL {
            let (labels, texts) = (labels(model, lane), waiting[lane as usize]);
            line(&mut out, &format!("gleaner_encoder_queue_texts{{{labels}}} {texts}"));
        }
    }
    for (name, help, of) in HISTOGRAMS {
        head(&mut out, name, "histogram", help);
        for ModelMetrics { model, counted, .. } in models {
            for lane in Lane::ALL {
                of(&counted.lanes[lane as usize]).write(&mut out, name, &labels(model, lane));
            }
        }
    }
    for (name, help, of) in COUNTERS {
        head(&mut out, name, "counter", help);
        for ModelMetrics { model, counted, .. } in models {
            let value = of(counted).load(Ordering::Relaxed);
            line(&mut out, &format!("{name}{{model=\"{model}\"}} {value}"));
        }
    }
    out
}

type HistogramOf = fn(&LaneMetrics) -> &Histogram;
type CounterOf = fn(&EncodeMetrics) -> &AtomicU64;

const HISTOGRAMS: [(&str, &str, HistogramOf); 3] = [
    ("gleaner_encoder_run_texts", "Texts that were encoded together.", |lane| &lane.run_texts),
    ("gleaner_encoder_wait_seconds", "Time from a text's arrival to its run.", |lane| {
        &lane.wait_seconds
    }),
    ("gleaner_encoder_run_seconds", "Time of a run, tokens to vectors.", |lane| &lane.run_seconds),
];

const COUNTERS: [(&str, &str, CounterOf); 2] = [
    ("gleaner_encoder_refused_total", "Requests that found the queue full.", |all| &all.refused),
    ("gleaner_encoder_withdrawn_texts_total", "Texts given up before their run.", |all| {
        &all.withdrawn
    }),
];

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    line(out, &format!("# HELP {name} {help}"));
    line(out, &format!("# TYPE {name} {kind}"));
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a string takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_end_with_the_count() {
        let counted = EncodeMetrics::default();
        let now = Instant::now();
        counted.ran(Lane::Search, [now; 1].into_iter(), now);
        counted.ran(Lane::Search, [now; 3].into_iter(), now);
        counted.ran(Lane::Search, [now; 500].into_iter(), now);
        counted.withdrawn(2);
        let model = ModelMetrics { model: "m", waiting: [1, 2, 3], counted: &counted };
        let page = page(&[model]);
        for expected in [
            "gleaner_encoder_queue_texts{model=\"m\",lane=\"document\"} 3",
            "gleaner_encoder_run_texts_bucket{model=\"m\",lane=\"search\",le=\"1\"} 1",
            "gleaner_encoder_run_texts_bucket{model=\"m\",lane=\"search\",le=\"2\"} 1",
            "gleaner_encoder_run_texts_bucket{model=\"m\",lane=\"search\",le=\"4\"} 2",
            "gleaner_encoder_run_texts_bucket{model=\"m\",lane=\"search\",le=\"+Inf\"} 3",
            "gleaner_encoder_run_texts_sum{model=\"m\",lane=\"search\"} 504",
            "gleaner_encoder_run_texts_count{model=\"m\",lane=\"search\"} 3",
            "gleaner_encoder_wait_seconds_count{model=\"m\",lane=\"search\"} 504",
            "gleaner_encoder_withdrawn_texts_total{model=\"m\"} 2",
        ] {
            assert!(page.lines().any(|line| line == expected), "{expected} is not in\n{page}");
        }
        let types = page.lines().filter(|line| line.starts_with("# TYPE"));
        assert_eq!(types.count(), 6);
    }
}
