//! Measures of one ranked list against one query's judgements.
//!
//! Definitions are trec_eval's, names are ir_measures' (`nDCG@10`, `AP`, `RR@10`, `R@100`, …).
//! Files, means and the order of a list are decided elsewhere: here a list is just its grades.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::error::EvalError;
use crate::scored_doc::ScoredDoc;

/// The names shown when an unknown one is asked for; `k` stands for a whole number from 1.
pub(crate) const KNOWN_MEASURES: &str = "nDCG@k, AP, AP@k, RR, RR@k, R@k, P@k, Success@k";

/// What a name of another tool means here, for the error; nothing where that is not known.
pub(crate) fn meant(name: &str) -> String {
    let plain = name.to_lowercase().replace("_cut", "");
    let (stem, cutoff) = match plain.split_once(['@', '_', '.']) {
        Some((stem, cutoff)) => (stem, Some(cutoff)),
        None => (&plain[..], None),
    };
    let measure = match stem {
        "ndcg" => "nDCG",
        "map" | "ap" => "AP",
        "mrr" | "rr" | "recip" => "RR",
        "recall" | "r" => "R",
        "precision" | "prec" | "p" => "P",
        "success" | "hit" | "hits" | "hitrate" => "Success",
        _ => return String::new(),
    };
    match (cutoff.filter(|cutoff| cutoff.parse().is_ok_and(|k: usize| k > 0)), measure) {
        (Some(cutoff), _) => format!(": write {measure}@{cutoff}"),
        (None, "AP" | "RR") => format!(": write {measure}"),
        (None, _) => format!(": write {measure}@k with a number k from 1"),
    }
}

/// A measure of retrieval quality, in `[0, 1]`, higher is better.
///
/// A document is relevant from grade 1; documents without a judgement count as not relevant.
/// Source: trec_eval 9 (`ndcg_cut`, `map`, `map_cut`, `recip_rank`, `recall`, `P`, `success`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Measure {
    /// `nDCG@k`: Σ grade / log2(rank + 1) over the first k, divided by the same sum of the best
    /// possible order of all judged documents. Grades below 1 gain nothing.
    /// Source: Järvelin, Kekäläinen, TOIS 2002, with the discount of Burges et al., ICML 2005.
    Ndcg(NonZeroUsize),
    /// `AP` or `AP@k`: precision at the rank of each relevant document (among the first k),
    /// summed, divided by the number of all relevant documents.
    Ap(Option<NonZeroUsize>),
    /// `RR` or `RR@k`: 1 / rank of the first relevant document; 0 if none (among the first k).
    Rr(Option<NonZeroUsize>),
    /// `R@k`: the share of all relevant documents that is among the first k.
    Recall(NonZeroUsize),
    /// `P@k`: relevant documents among the first k, divided by k even if fewer were returned.
    Precision(NonZeroUsize),
    /// `Success@k`: 1 if a relevant document is among the first k, else 0.
    Success(NonZeroUsize),
}

impl Measure {
    /// Reads names separated by commas; a repeated name counts once.
    /// Errors: `UnknownMeasure`, for an empty name too.
    pub fn parse_list(names: &str) -> Result<Vec<Self>, EvalError> {
        let mut measures = Vec::new();
        for name in names.split(',') {
            let measure = name.trim().parse()?;
            if !measures.contains(&measure) {
                measures.push(measure);
            }
        }
        Ok(measures)
    }

    /// Returns the last rank the measure looks at, if it has one.
    pub fn cutoff(&self) -> Option<usize> {
        match *self {
            Self::Ndcg(k) | Self::Recall(k) | Self::Precision(k) | Self::Success(k) => Some(k),
            Self::Ap(k) | Self::Rr(k) => k,
        }
        .map(NonZeroUsize::get)
    }

    /// Returns the measure's value for one list; 0 if nothing is relevant.
    pub(crate) fn value(self, list: &JudgedList) -> f64 {
        let relevant = list.ideal.len();
        if relevant == 0 {
            return 0.0;
        }
        match self {
            Self::Ndcg(k) => {
                let first = |grades| discounted_gain(head(grades, Some(k)));
                first(&list.grades) / first(&list.ideal)
            }
            Self::Ap(k) => precision_sum(head(&list.grades, k)) / relevant as f64,
            Self::Rr(k) => reciprocal_rank(head(&list.grades, k)),
            Self::Recall(k) => relevant_within(list, k) as f64 / relevant as f64,
            Self::Precision(k) => relevant_within(list, k) as f64 / k.get() as f64,
            Self::Success(k) => f64::from(u8::from(relevant_within(list, k) > 0)),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ndcg(k) => write!(f, "nDCG@{k}"),
            Self::Ap(None) => f.write_str("AP"),
            Self::Ap(Some(k)) => write!(f, "AP@{k}"),
            Self::Rr(None) => f.write_str("RR"),
            Self::Rr(Some(k)) => write!(f, "RR@{k}"),
            Self::Recall(k) => write!(f, "R@{k}"),
            Self::Precision(k) => write!(f, "P@{k}"),
            Self::Success(k) => write!(f, "Success@{k}"),
        }
    }
}

impl FromStr for Measure {
    type Err = EvalError;

    /// Reads one name, exactly as `Display` writes it.
    /// Errors: `UnknownMeasure` for any other spelling (`ndcg@10`, `R@010`, `nDCG`).
    fn from_str(name: &str) -> Result<Self, EvalError> {
        let (family, cutoff) = match name.split_once('@') {
            Some((family, cutoff)) => (family, Some(cutoff)),
            None => (name, None),
        };
        let unknown = || EvalError::UnknownMeasure { name: name.to_owned() };
        let cutoff = cutoff.map(|text| parse_cutoff(text).ok_or_else(unknown)).transpose()?;
        match (family, cutoff) {
            ("nDCG", Some(k)) => Ok(Self::Ndcg(k)),
            ("AP", k) => Ok(Self::Ap(k)),
            ("RR", k) => Ok(Self::Rr(k)),
            ("R", Some(k)) => Ok(Self::Recall(k)),
            ("P", Some(k)) => Ok(Self::Precision(k)),
            ("Success", Some(k)) => Ok(Self::Success(k)),
            _ => Err(unknown()),
        }
    }
}

/// One query's results as grades, best rank first, beside the best list there could be.
#[derive(Debug)]
pub(crate) struct JudgedList {
    /// The grade at each rank; 0 without a judgement.
    grades: Vec<i32>,
    /// All grades from 1, descending.
    ideal: Vec<i32>,
}

impl JudgedList {
    /// Looks up the grade of every result.
    pub(crate) fn new(docs: &[ScoredDoc], judged: &BTreeMap<String, i32>) -> Self {
        let grades = docs.iter().map(|doc| judged.get(&doc.id).copied().unwrap_or(0)).collect();
        let mut ideal: Vec<i32> = judged.values().copied().filter(|&grade| grade > 0).collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        Self { grades, ideal }
    }
}

/// Adds from left to right. An empty sum is 0, where the standard library's is -0, which JSON shows.
pub(crate) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |total, value| total + value)
}

fn parse_cutoff(text: &str) -> Option<NonZeroUsize> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if canonical { text.parse().ok() } else { None }
}

fn head(grades: &[i32], cutoff: Option<NonZeroUsize>) -> &[i32] {
    let len = cutoff.map_or(grades.len(), |k| k.get().min(grades.len()));
    &grades[..len]
}

fn relevant_within(list: &JudgedList, k: NonZeroUsize) -> usize {
    head(&list.grades, Some(k)).iter().filter(|&&grade| grade > 0).count()
}

fn discounted_gain(grades: &[i32]) -> f64 {
    let gain =
        |(index, &grade): (usize, &i32)| f64::from(grade.max(0)) / ((index + 2) as f64).log2();
    sum(grades.iter().enumerate().map(gain))
}

fn precision_sum(grades: &[i32]) -> f64 {
    let ranks = grades.iter().enumerate().filter(|&(_, &grade)| grade > 0).map(|(i, _)| i + 1);
    sum(ranks.enumerate().map(|(before, rank)| (before + 1) as f64 / rank as f64))
}

fn reciprocal_rank(grades: &[i32]) -> f64 {
    let first = grades.iter().position(|&grade| grade > 0);
    first.map_or(0.0, |index| 1.0 / (index + 1) as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(ranked: &[i32], missed: &[i32]) -> JudgedList {
        let docs: Vec<_> =
            (0..ranked.len()).map(|n| ScoredDoc::new(format!("d{n}"), 0.0)).collect();
        let judged = ranked.iter().chain(missed).enumerate();
        JudgedList::new(&docs, &judged.map(|(n, &grade)| (format!("d{n}"), grade)).collect())
    }

    fn value(name: &str, list: &JudgedList) -> f64 {
        name.parse::<Measure>().unwrap().value(list)
    }

    #[track_caller]
    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
    }

    #[test]
    fn names_of_other_tools_are_said_in_ours() {
        for (theirs, ours) in [
            ("NDCG@10", ": write nDCG@10"),
            ("ndcg_cut_10", ": write nDCG@10"),
            ("ndcg_cut.10", ": write nDCG@10"),
            ("nDCG", ": write nDCG@k with a number k from 1"),
            ("nDCG@0", ": write nDCG@k with a number k from 1"),
            ("MRR", ": write RR"),
            ("MRR@10", ": write RR@10"),
            ("recip_rank", ": write RR"),
            ("map", ": write AP"),
            ("Recall@100", ": write R@100"),
            ("recall_100", ": write R@100"),
            ("P_10", ": write P@10"),
            ("Hit@1", ": write Success@1"),
            ("Rprec", ""),
        ] {
            assert_eq!(meant(theirs), ours, "{theirs}");
        }
    }

    #[test]
    fn values_agree_with_sums_by_hand() {
        // Grades by rank 0, 3, -1, 1, 0; a document of grade 2 was not found.
        let list = list(&[0, 3, -1, 1, 0], &[2, 0, -2]);
        let gain = 3.0 / 3f64.log2() + 1.0 / 5f64.log2();
        let ideal = 3.0 + 2.0 / 3f64.log2() + 1.0 / 2.0;
        assert_close(value("nDCG@10", &list), gain / ideal);
        assert_close(value("nDCG@2", &list), (3.0 / 3f64.log2()) / (3.0 + 2.0 / 3f64.log2()));
        assert_close(value("nDCG@1", &list), 0.0);
        assert_close(value("AP", &list), (1.0 / 2.0 + 2.0 / 4.0) / 3.0);
        assert_close(value("AP@3", &list), (1.0 / 2.0) / 3.0);
        assert_close(value("RR", &list), 0.5);
        assert_close(value("RR@1", &list), 0.0);
        assert_close(value("R@3", &list), 1.0 / 3.0);
        assert_close(value("R@100", &list), 2.0 / 3.0);
        assert_close(value("P@4", &list), 0.5);
        assert_close(value("P@10", &list), 0.2);
        assert_close(value("Success@1", &list), 0.0);
        assert_close(value("Success@2", &list), 1.0);
    }

    #[test]
    fn rr_at_10_is_zero_past_rank_10() {
        let mut grades = [0; 12];
        grades[10] = 1;
        let list = list(&grades, &[]);
        assert_close(value("RR@10", &list), 0.0);
        assert_close(value("RR@11", &list), 1.0 / 11.0);
        assert_close(value("RR", &list), 1.0 / 11.0);
    }

    #[test]
    fn nothing_relevant_or_nothing_found_is_zero() {
        for list in [list(&[0, -1], &[]), list(&[], &[1]), list(&[], &[])] {
            for name in ["nDCG@10", "AP", "RR", "R@5", "P@5", "Success@5"] {
                assert_eq!(value(name, &list).to_bits(), 0, "{name}");
            }
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let all = "nDCG@10,AP,AP@100,RR,RR@10,R@1000,P@5,Success@1";
        let measures = Measure::parse_list(all).unwrap();
        let names: Vec<String> = measures.iter().map(Measure::to_string).collect();
        assert_eq!(names.join(","), all);
        assert_eq!(Measure::parse_list("AP, RR ,AP").unwrap().len(), 2);
    }

    #[test]
    fn other_spellings_are_refused() {
        let wrong = ["", "nDCG", "ndcg@10", "NDCG@10", "nDCG@0", "nDCG@", "R@-1", "R@+1", "R@01"];
        for name in wrong.into_iter().chain(["P", "MAP", "P@1@2", " AP", "P@99999999999999999999"])
        {
            let message = name.parse::<Measure>().unwrap_err().to_string();
            assert!(message.contains("known are nDCG@k, AP,"), "{message}");
        }
        assert!(Measure::parse_list("AP,").is_err());
    }

    proptest! {
        #[test]
        fn values_lie_between_0_and_1(
            ranked in prop::collection::vec(-2i32..5, 0..40),
            missed in prop::collection::vec(-2i32..5, 0..40),
            k in 1usize..60,
        ) {
            let list = list(&ranked, &missed);
            for family in ["nDCG", "AP", "RR", "R", "P", "Success"] {
                let value = value(&format!("{family}@{k}"), &list);
                prop_assert!((0.0..=1.0).contains(&value), "{family}@{k} = {value}");
            }
        }

        #[test]
        fn the_ideal_order_has_an_ndcg_of_1(
            mut grades in prop::collection::vec(-2i32..5, 1..40),
            k in 1usize..60,
        ) {
            grades.push(1);
            grades.sort_by(|a, b| b.cmp(a));
            let value = value(&format!("nDCG@{k}"), &list(&grades, &[]));
            prop_assert_eq!(value, 1.0);
        }

        #[test]
        fn a_cutoff_past_the_end_changes_nothing(
            ranked in prop::collection::vec(-1i32..3, 0..40),
            missed in prop::collection::vec(-1i32..3, 0..5),
        ) {
            let list = list(&ranked, &missed);
            prop_assert_eq!(value("AP", &list), value("AP@40", &list));
            prop_assert_eq!(value("RR", &list), value("RR@40", &list));
        }
    }
}
