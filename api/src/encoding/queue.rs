//! Texts that wait to be encoded: who is next, and with whom.
//!
//! Bookkeeping without threads or clocks of its own; `batcher` drives it. Searches go before other
//! texts, but not for ever. Within a lane every request gives one text in turn, so that a request
//! of one text does not stand behind a request of a hundred. The limits say how many texts and
//! tokens are one run: whoever comes next may have to wait for as long.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use gleaner::{Side, model::MaxLength};
use tokio::sync::mpsc::UnboundedSender;

use super::lane::Lane;
use crate::{error::Problem, limits::BatchLimits};

/// Batches of searches after which other texts that wait get one.
const SEARCHES_IN_A_ROW: usize = 8;
/// Bytes of text that may wait, searches excepted: their requests are few, admitted by a permit
/// each.
const WAITING_BYTES: usize = 32 << 20;
/// Bytes of a token, roughly. Only used to guess how long a run will take.
const BYTES_PER_TOKEN: usize = 4;
/// Bytes beyond a model's length that take the time of a token: they are read, then cut.
const BYTES_PER_CUT_TOKEN: usize = 64;

/// The answer to the text at a position of a request.
pub(crate) type Answer<V> = (usize, Result<V, Problem>);

/// A text on its way into a run.
pub(crate) struct Waiting<V> {
    pub(crate) text: String,
    /// Its position in the request.
    pub(crate) position: usize,
    pub(crate) answers: UnboundedSender<Answer<V>>,
    pub(crate) arrived: Instant,
}

/// What a worker does next.
pub(crate) enum Next<V> {
    /// Encode these, at least one.
    Run(Lane, Vec<Waiting<V>>),
    /// Look again after this time, or when something arrives.
    Wait(Duration),
    /// Look again when something arrives.
    Idle,
}

/// More would have to wait than may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// Texts that wait already.
    pub(crate) waiting: usize,
}

/// One request.
struct Job<V> {
    texts: VecDeque<String>,
    position: usize,
    answers: UnboundedSender<Answer<V>>,
    arrived: Instant,
}

/// The requests of a lane, in the order of their turns.
struct Jobs<V> {
    jobs: VecDeque<Job<V>>,
    texts: usize,
    tokens: usize,
}

/// Everything that waits for one model, which makes a `V` of a text.
pub(crate) struct Queue<V> {
    lanes: [Jobs<V>; 3],
    bytes: usize,
    limits: BatchLimits,
    lengths: MaxLength,
    searches_in_a_row: usize,
    /// Whether documents had the last turn that was not a search's.
    documents_last: bool,
}

impl<V> Queue<V> {
    pub(crate) fn new(limits: BatchLimits, lengths: MaxLength) -> Self {
        let lanes = Lane::ALL.map(|_| Jobs { jobs: VecDeque::new(), texts: 0, tokens: 0 });
        Self { lanes, bytes: 0, limits, lengths, searches_in_a_row: 0, documents_last: false }
    }

    /// Texts that wait in a lane.
    pub(crate) fn waiting(&self, lane: Lane) -> usize {
        self.lanes[lane as usize].texts
    }

    /// Adds a request whole, or not at all. One that finds nobody waiting is never refused.
    pub(crate) fn push(
        &mut self,
        lane: Lane,
        texts: Vec<String>,
        answers: UnboundedSender<Answer<V>>,
        arrived: Instant,
    ) -> Result<(), Full> {
        let waiting = self.waiting(Lane::Query) + self.waiting(Lane::Document);
        let bytes: usize = texts.iter().map(String::len).sum();
        let fits = waiting + texts.len() <= self.limits.queue_texts.max(1)
            && self.bytes + bytes <= WAITING_BYTES;
        if lane.is_limited() {
            if waiting > 0 && !fits {
                return Err(Full { waiting });
            }
            self.bytes += bytes;
        }
        let tokens: usize = texts.iter().map(|text| self.tokens(lane, text)).sum();
        let jobs = &mut self.lanes[lane as usize];
        jobs.texts += texts.len();
        jobs.tokens += tokens;
        jobs.jobs.push_back(Job { texts: texts.into(), position: 0, answers, arrived });
        Ok(())
    }

    /// What a worker that is free at `now` should do.
    pub(crate) fn next(&mut self, now: Instant) -> Next<V> {
        let mut soonest: Option<Duration> = None;
        for lane in self.order() {
            match self.due(lane, now) {
                Some(Duration::ZERO) => return Next::Run(lane, self.take(lane)),
                Some(left) => soonest = Some(soonest.map_or(left, |soonest| soonest.min(left))),
                None => {}
            }
        }
        soonest.map_or(Next::Idle, Next::Wait)
    }

    /// Forgets the requests that nobody waits for any more; returns the number of their texts.
    pub(crate) fn withdraw(&mut self) -> usize {
        let before: usize = self.lanes.iter().map(|lane| lane.texts).sum();
        for lane in Lane::ALL {
            let jobs = std::mem::take(&mut self.lanes[lane as usize].jobs);
            let (gone, kept) = jobs.into_iter().partition(|job| job.answers.is_closed());
            self.lanes[lane as usize].jobs = kept;
            let gone: VecDeque<Job<V>> = gone;
            for text in gone.iter().flat_map(|job| &job.texts) {
                self.count_out(lane, text);
            }
        }
        before - self.lanes.iter().map(|lane| lane.texts).sum::<usize>()
    }

    /// The lanes in the order of their claims.
    fn order(&self) -> [Lane; 3] {
        let (first, second) = match self.documents_last {
            true => (Lane::Query, Lane::Document),
            false => (Lane::Document, Lane::Query),
        };
        match self.searches_in_a_row < SEARCHES_IN_A_ROW {
            true => [Lane::Search, first, second],
            false => [first, second, Lane::Search],
        }
    }

    /// How long a lane should still wait for company; nothing where no text waits.
    fn due(&self, lane: Lane, now: Instant) -> Option<Duration> {
        let Jobs { jobs, texts, tokens } = &self.lanes[lane as usize];
        let oldest = jobs.iter().map(|job| job.arrived).min()?;
        let is_full = *texts >= self.texts_per_run(lane) || *tokens >= self.limits.tokens;
        match is_full {
            true => Some(Duration::ZERO),
            false => Some((oldest + self.limits.wait).saturating_duration_since(now)),
        }
    }

    fn texts_per_run(&self, lane: Lane) -> usize {
        match lane {
            Lane::Search if !self.limits.share_searches => 1,
            Lane::Search | Lane::Query | Lane::Document => self.limits.texts.max(1),
        }
    }

    /// One text of each request in turn, until the run is full.
    fn take(&mut self, lane: Lane) -> Vec<Waiting<V>> {
        self.count_turn(lane);
        let (mut run, mut tokens) = (Vec::new(), 0);
        while run.len() < self.texts_per_run(lane)
            && let Some(mut job) = self.lanes[lane as usize].jobs.pop_front()
        {
            let next = job.texts.front().map_or(0, |text| self.tokens(lane, text));
            if !run.is_empty() && tokens + next > self.limits.tokens {
                self.lanes[lane as usize].jobs.push_front(job);
                break;
            }
            let Some(text) = job.texts.pop_front() else { continue };
            tokens += next;
            self.count_out(lane, &text);
            let (position, answers, arrived) = (job.position, job.answers.clone(), job.arrived);
            job.position += 1;
            if !job.texts.is_empty() {
                self.lanes[lane as usize].jobs.push_back(job);
            }
            run.push(Waiting { text, position, answers, arrived });
        }
        run
    }

    fn count_turn(&mut self, lane: Lane) {
        let others = self.waiting(Lane::Query) + self.waiting(Lane::Document);
        match lane {
            Lane::Search if others > 0 => self.searches_in_a_row += 1,
            Lane::Search => self.searches_in_a_row = 0,
            Lane::Query | Lane::Document => {
                self.searches_in_a_row = 0;
                self.documents_last = lane == Lane::Document;
            }
        }
    }

    fn count_out(&mut self, lane: Lane, text: &str) {
        let tokens = self.tokens(lane, text);
        let jobs = &mut self.lanes[lane as usize];
        jobs.texts -= 1;
        jobs.tokens -= tokens;
        if lane.is_limited() {
            self.bytes -= text.len();
        }
    }

    /// A guess at the work that a text is.
    fn tokens(&self, lane: Lane, text: &str) -> usize {
        let length = match lane.side() {
            Side::Query => self.lengths.query,
            Side::Document => self.lengths.document,
        };
        (text.len() / BYTES_PER_TOKEN + 2).min(length) + text.len() / BYTES_PER_CUT_TOKEN
    }
}

#[cfg(test)]
mod tests;
