//! Rankings of several collections beside each other: tables with intervals, and one test.
//!
//! Reads TREC runs and BEIR judgements and returns Markdown. How the runs were made is no business
//! of this module, and all statistics are those of `gleaner-eval`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use gleaner_eval::{
    Bootstrap, Evaluation, Interval, Measure, Paired, Permutations, Qrels, Run, Tally, evaluate,
    holm, mean_interval, mean_of_means, randomisation_test, remove_identical_ids,
};

/// Where runs and judgements are.
#[derive(Debug)]
pub struct Inputs {
    /// Folder of BEIR folders: `COLLECTION/qrels/SPLIT.tsv`.
    pub beir: PathBuf,
    /// Which judgements.
    pub split: String,
    /// Folder of runs: `COLLECTION/RANKING.run`.
    pub runs: PathBuf,
    /// The collections, in the order of the columns.
    pub collections: Vec<String>,
    /// Those in which a hit whose id is the query's is removed.
    pub ignore_identical_ids: Vec<String>,
    /// What is measured.
    pub measures: Vec<Measure>,
}

/// A test that was decided on before the runs were made.
#[derive(Debug)]
pub struct Hypothesis {
    /// The ranking that should be better.
    pub test: String,
    /// Rankings that it is compared with.
    pub against: Vec<String>,
    /// Rankings of which it is compared with the one that has the highest mean over collections.
    pub against_best_of: Vec<String>,
    /// The measure that decides.
    pub measure: Measure,
}

/// How results are resampled.
#[derive(Debug, Clone, Copy)]
pub struct Resampling {
    /// For intervals.
    pub bootstrap: Bootstrap,
    /// For the test.
    pub permutations: Permutations,
}

/// What every ranking measures on every collection.
#[derive(Debug)]
pub struct Results {
    collections: Vec<String>,
    /// By ranking and then by collection, as the collections are ordered.
    rankings: BTreeMap<String, Vec<Option<Evaluation>>>,
}

impl Results {
    /// Reads all runs of the collections, one at a time.
    /// Errors: a collection without judgements or runs, a run that cannot be read.
    pub fn read(inputs: &Inputs) -> anyhow::Result<Self> {
        let columns: BTreeSet<&String> = inputs.collections.iter().collect();
        ensure!(!columns.is_empty(), "no collection is named");
        ensure!(columns.len() == inputs.collections.len(), "a collection is named twice");
        for name in &inputs.ignore_identical_ids {
            ensure!(columns.contains(name), "{name:?} is none of the collections");
        }
        let mut rankings: BTreeMap<String, Vec<Option<Evaluation>>> = BTreeMap::new();
        for (column, collection) in inputs.collections.iter().enumerate() {
            let qrels = inputs.beir.join(collection).join("qrels");
            let qrels = Qrels::open(&qrels.join(format!("{}.tsv", inputs.split)))?;
            for (ranking, path) in run_files(&inputs.runs.join(collection))? {
                let mut run = Run::open(&path)?;
                if inputs.ignore_identical_ids.contains(collection) {
                    remove_identical_ids(&mut run);
                }
                let evaluation = evaluate(&qrels, &run, &inputs.measures)?;
                if evaluation.queries_without_results > 0 {
                    let (path, empty) = (path.display(), evaluation.queries_without_results);
                    eprintln!(
                        "warning: {path} has no results for {empty} queries; they count as 0"
                    );
                }
                let row = rankings.entry(ranking);
                row.or_insert_with(|| vec![None; inputs.collections.len()])[column] =
                    Some(evaluation);
            }
        }
        Ok(Self { collections: inputs.collections.clone(), rankings })
    }

    /// Returns a table of a measure: a row per ranking, a column per collection, and the mean over
    /// collections, which only a ranking of all of them has.
    pub fn table(&self, measure: Measure, bootstrap: &Bootstrap) -> anyhow::Result<String> {
        let mut header = vec![measure.to_string()];
        for (column, collection) in self.collections.iter().enumerate() {
            let measured = self.rankings.values().find_map(|row| row[column].as_ref());
            let queries = measured.map_or(0, |evaluation| evaluation.queries);
            header.push(format!("{collection} ({queries})"));
        }
        header.push("mean of collections".to_owned());
        let mut rows = Vec::with_capacity(self.rankings.len());
        for (ranking, evaluations) in &self.rankings {
            let mut cells = vec![ranking.clone()];
            for evaluation in evaluations {
                let Some(values) = evaluation.as_ref().and_then(|found| found.values(measure))
                else {
                    cells.push("–".to_owned());
                    continue;
                };
                cells.push(cell(&[values], bootstrap)?);
            }
            cells.push(match self.values(ranking, measure) {
                Ok(values) => cell(&values, bootstrap)?,
                Err(_) => "–".to_owned(),
            });
            rows.push(cells);
        }
        Ok(markdown(&header, &rows))
    }

    /// Returns the outcome of a test: a table over all collections with p-values, and one by
    /// collection that only describes.
    /// Errors: a ranking that is not known, or lacks a collection; nothing to compare with.
    pub fn test(&self, hypothesis: &Hypothesis, how: Resampling) -> anyhow::Result<String> {
        let measure = hypothesis.measure;
        let opponents = self.opponents(hypothesis)?;
        ensure!(!opponents.is_empty(), "nothing to compare {} with", hypothesis.test);
        let compared = opponents.into_iter().map(|found| self.compare(hypothesis, found, how));
        let compared = compared.collect::<anyhow::Result<Vec<_>>>()?;
        let adjusted = holm(&compared.iter().map(|found| found.p).collect::<Vec<_>>());
        let overall: Vec<_> =
            compared.iter().zip(adjusted).map(|(found, adjusted)| found.row(adjusted)).collect();
        let header = ["against", "its mean", "difference", "effect", "p", "p (Holm)"];
        let overall = markdown(&header.map(str::to_owned), &overall);
        let by_collection: Vec<_> = compared.into_iter().flat_map(|found| found.parts).collect();
        let header = ["against", "collection", "difference", "wins", "losses", "ties"];
        let by_collection = markdown(&header.map(str::to_owned), &by_collection);
        let mean = mean_of_means(&self.values(&hypothesis.test, measure)?)?;
        Ok(format!(
            "`{}` has a mean {measure} of {mean:.4} over the collections, each with the same \
             weight. Paired randomisation test, two-sided, collections as strata, {} permutations, \
             seed {}; effect in standard deviations of the differences per query.\n\n{overall}\n\
             By collection, described and not tested:\n\n{by_collection}",
            hypothesis.test, how.permutations.count, how.permutations.seed
        ))
    }

    /// Returns a measure's values by collection.
    fn values(&self, ranking: &str, measure: Measure) -> anyhow::Result<Vec<Vec<f64>>> {
        let values = |evaluation: &Evaluation| {
            evaluation.values(measure).with_context(|| format!("{measure} was not measured"))
        };
        self.evaluations_of(ranking)?.into_iter().map(values).collect()
    }

    /// Returns a ranking's evaluations, of which none is missing.
    fn evaluations_of(&self, ranking: &str) -> anyhow::Result<Vec<&Evaluation>> {
        let Some(row) = self.rankings.get(ranking) else {
            let known: Vec<&str> = self.rankings.keys().map(String::as_str).collect();
            bail!("no ranking is named {ranking:?}; there are {}", known.join(", "));
        };
        let mut cells = self.collections.iter().zip(row);
        if let Some((collection, _)) = cells.find(|(_, evaluation)| evaluation.is_none()) {
            bail!("{ranking} has no run of {collection}");
        }
        Ok(row.iter().flatten().collect())
    }

    /// Returns the ranking with the highest mean over collections, the first of equals.
    fn best(&self, rankings: &[String], measure: Measure) -> anyhow::Result<String> {
        let mut best: Option<(f64, &String)> = None;
        for ranking in rankings {
            let mean = mean_of_means(&self.values(ranking, measure)?)?;
            if best.is_none_or(|(highest, _)| mean > highest) {
                best = Some((mean, ranking));
            }
        }
        best.map(|(_, ranking)| ranking.clone()).context("no ranking to choose from")
    }

    /// Returns what a ranking is compared with, in the order of the table.
    fn opponents(&self, hypothesis: &Hypothesis) -> anyhow::Result<Vec<Opponent>> {
        let named = |name: &String| Opponent { ranking: name.clone(), label: name.clone() };
        let mut opponents: Vec<Opponent> = hypothesis.against.iter().map(named).collect();
        if !hypothesis.against_best_of.is_empty() {
            let ranking = self.best(&hypothesis.against_best_of, hypothesis.measure)?;
            let label = format!("{ranking}, best of {}", hypothesis.against_best_of.join(", "));
            opponents.push(Opponent { ranking, label });
        }
        Ok(opponents)
    }

    fn compare(
        &self,
        hypothesis: &Hypothesis,
        opponent: Opponent,
        how: Resampling,
    ) -> anyhow::Result<Compared> {
        let Opponent { ranking, label } = opponent;
        let pairs =
            self.evaluations_of(&ranking)?.into_iter().zip(self.evaluations_of(&hypothesis.test)?);
        let paired = pairs.map(|(theirs, ours)| Paired::new(theirs, ours, hypothesis.measure));
        let paired = paired.collect::<Result<Vec<_>, _>>()?;
        let differences: Vec<Vec<f64>> = paired.iter().map(Paired::differences).collect();
        let tested = randomisation_test(&differences, how.permutations)?;
        let mut parts = Vec::with_capacity(differences.len());
        for (collection, differences) in self.collections.iter().zip(&differences) {
            let one = std::slice::from_ref(differences);
            let difference = signed(mean_of_means(one)?, mean_interval(one, &how.bootstrap)?);
            let Tally { wins, losses, ties } = Tally::of(differences);
            let mut row = vec![label.clone(), collection.clone(), difference];
            row.extend([wins, losses, ties].map(|count| count.to_string()));
            parts.push(row);
        }
        Ok(Compared {
            label,
            baseline: mean_of_means(&self.values(&ranking, hypothesis.measure)?)?,
            difference: signed(tested.difference, mean_interval(&differences, &how.bootstrap)?),
            effect: tested.effect,
            p: tested.p,
            parts,
        })
    }
}

/// A ranking that another one is compared with.
struct Opponent {
    ranking: String,
    /// What the tables call it.
    label: String,
}

/// One comparison of a test.
struct Compared {
    label: String,
    baseline: f64,
    difference: String,
    effect: Option<f64>,
    p: f64,
    /// Rows of the table by collection.
    parts: Vec<Vec<String>>,
}

impl Compared {
    fn row(&self, adjusted: f64) -> Vec<String> {
        vec![
            self.label.clone(),
            format!("{:.4}", self.baseline),
            self.difference.clone(),
            self.effect.map_or("–".to_owned(), |effect| format!("{effect:+.2}")),
            p_text(self.p),
            p_text(adjusted),
        ]
    }
}

/// Runs in a folder by the ranking they are named after, ascending.
fn run_files(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let cannot = || format!("cannot read {}", folder.display());
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.extension().is_some_and(|extension| extension == "run") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            found.insert(name, path);
        }
    }
    ensure!(!found.is_empty(), "{} holds no file RANKING.run", folder.display());
    Ok(found)
}

/// `0.6436 [0.5912, 0.6951]`
fn cell(collections: &[Vec<f64>], bootstrap: &Bootstrap) -> anyhow::Result<String> {
    let Interval { low, high } = mean_interval(collections, bootstrap)?;
    Ok(format!("{:.4} [{low:.4}, {high:.4}]", mean_of_means(collections)?))
}

/// `+0.0176 [-0.0010, +0.0362]`
fn signed(value: f64, interval: Interval) -> String {
    format!("{value:+.4} [{:+.4}, {:+.4}]", interval.low, interval.high)
}

/// Four decimals, or what a small p is of the size of.
fn p_text(p: f64) -> String {
    if p < 0.0001 { format!("{p:.1e}") } else { format!("{p:.4}") }
}

fn markdown(header: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", "---|".repeat(header.len()));
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{rule}{rows}", line(header))
}
