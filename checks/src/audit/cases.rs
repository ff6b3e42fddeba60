//! The adversarial sets: small, deterministic, each against one way of being wrong.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gleaner_format::SparseVector;

use crate::exchange;

/// One set with its searches.
#[derive(Debug, Default)]
pub struct Case {
    /// What it is against.
    pub name: String,
    /// Documents.
    pub docs: Vec<SparseVector>,
    /// Queries, each with at least one term.
    pub queries: Vec<SparseVector>,
    /// Depths.
    pub ks: Vec<usize>,
    /// Extensions that an engine must offer to take part.
    pub needs: Vec<&'static str>,
    /// Rows deleted after they were written.
    pub deleted: Vec<u32>,
    /// The only rows that may be found.
    pub admitted: Option<Vec<u32>>,
    /// Segments to write.
    pub segments: usize,
    /// Whether to merge them.
    pub merge: bool,
    /// A set that lies on disk already.
    pub source: Option<PathBuf>,
}

impl Case {
    fn new(name: impl Into<String>, docs: Vec<Row>, queries: Vec<Row>, ks: &[usize]) -> Self {
        let (docs, queries) = (vectors(docs), vectors(queries));
        let (name, ks) = (name.into(), ks.to_vec());
        Self { name, docs, queries, ks, segments: 1, merge: true, ..Self::default() }
    }

    /// A set on disk, its first `queries` queries.
    pub fn real(source: &Path, queries: usize, ks: &[usize]) -> anyhow::Result<Self> {
        let name = source.file_name().map_or("set".into(), |name| name.to_string_lossy());
        let mut case = Self::new(name, Vec::new(), Vec::new(), ks);
        case.docs = exchange::read(&source.join("docs.bin"))?;
        case.queries = exchange::read(&source.join("queries.bin"))?;
        case.queries.truncate(queries);
        case.source = Some(source.to_path_buf());
        Ok(case)
    }

    /// The folder with the set's files.
    pub fn folder(&self, folder: &Path) -> PathBuf {
        self.source.clone().unwrap_or_else(|| folder.join("vectors"))
    }

    /// Writes the set, unless it is there.
    pub fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let folder = self.folder(folder);
        if self.source.is_none() {
            fs::create_dir_all(&folder)?;
            exchange::write(&folder.join("docs.bin"), &self.docs)?;
            exchange::write(&folder.join("queries.bin"), &self.queries)?;
        }
        Ok(folder)
    }
}

/// A vector in the making.
type Row = Vec<(u32, f32)>;

fn vectors(rows: Vec<Row>) -> Vec<SparseVector> {
    rows.into_iter()
        .map(|mut row| {
            row.sort_by_key(|pair| pair.0);
            row.dedup_by_key(|pair| pair.0);
            SparseVector::from_pairs(row).expect("cases hold finite positive weights")
        })
        .collect()
}

/// SplitMix64: every case is the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// In [0, 1), 24 bits.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// SPLADE-like: many light weights, few heavy ones, at most 3.
    fn weight(&mut self) -> f32 {
        0.02 + 2.98 * self.unit() * self.unit()
    }

    /// Low ids often, high ids rarely.
    fn term(&mut self, vocabulary: usize) -> u32 {
        (vocabulary as f32 * self.unit().powi(3)) as u32
    }

    fn row(&mut self, terms: usize, vocabulary: usize) -> Row {
        (0..terms).map(|_| (self.term(vocabulary), self.weight())).collect()
    }

    fn rows(&mut self, rows: usize, terms: usize, vocabulary: usize) -> Vec<Row> {
        (0..rows).map(|_| self.row(terms, vocabulary)).collect()
    }

    /// Ten to the power of something between `low` and `high`.
    fn magnitude(&mut self, low: f32, high: f32) -> f32 {
        10f32.powf(low + (high - low) * self.unit())
    }
}

/// Depths that most cases are asked for.
const KS: [usize; 4] = [1, 10, 100, 1000];

/// Every generated case.
pub fn all(seed: u64) -> Vec<Case> {
    let mut random = Random(seed);
    let mut cases = ties(&mut random);
    cases.extend(boundaries(&mut random));
    cases.extend(windows(&mut random));
    cases.extend(blocks(&mut random));
    cases.extend(accumulators(&mut random));
    cases.extend(weights(&mut random));
    cases.extend(shapes(&mut random));
    cases.extend(vocabularies(&mut random));
    cases.extend(changes(&mut random));
    cases
}

fn ties(random: &mut Random) -> Vec<Case> {
    let binary = |random: &mut Random, terms: usize| -> Row {
        (0..terms).map(|_| (random.below(20) as u32, 1.0)).collect()
    };
    let docs = (0..3000).map(|_| binary(random, 5)).collect();
    let queries = (0..16).map(|query| binary(random, 1 + query % 4)).collect();
    let few = random.rows(40, 12, 200);
    let copies = (0..4000).map(|row| few[row * 7 % 40].clone()).collect();
    let integers = |random: &mut Random| -> Row {
        (0..8).map(|_| (random.below(60) as u32, 1.0 + random.below(3) as f32)).collect()
    };
    let whole = (0..2500).map(|_| integers(random)).collect();
    let asks = (0..16).map(|_| integers(random)).collect();
    let same: Row = vec![(3, 1.25), (8, 0.5)];
    vec![
        Case::new("ties: binary weights", docs, queries, &KS),
        Case::new("ties: 40 documents 100 times", copies, few[..16].to_vec(), &KS),
        Case::new("ties: small integers", whole, asks, &KS),
        Case::new("ties: one document 2,000 times", vec![same.clone(); 2000], vec![same], &KS),
    ]
}

/// Collections that end at, before and after a block boundary, the best document last or first.
fn boundaries(random: &mut Random) -> Vec<Case> {
    let sizes = [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257];
    sizes.iter().map(|&size| boundary(random, size)).collect()
}

fn boundary(random: &mut Random, size: usize) -> Case {
    // Term 0 is everywhere and heaviest in the last row; 1 is in the last row only, 2 in the first
    // and the last, 3 in the rows around block boundaries, 4 everywhere and heaviest in the first.
    let docs: Vec<Row> = (0..size)
        .map(|row| {
            let (first, last) = (row == 0, row + 1 == size);
            let mut doc = vec![(0, 0.5 + 0.4 * random.unit()), (4, 0.5 + 0.4 * random.unit())];
            doc.extend(random.row(3, 40).into_iter().map(|(term, weight)| (term + 10, weight)));
            doc[0].1 += f32::from(u8::from(last));
            doc[1].1 += f32::from(u8::from(first));
            doc.extend(last.then_some((1, 1.0)));
            doc.extend((first || last).then_some((2, 1.0 + f32::from(u8::from(last)))));
            doc.extend([7, 0].contains(&(row % 8)).then_some((3, 0.1 + row as f32 / 64.0)));
            doc
        })
        .collect();
    let mut queries: Vec<Row> = (0..5).map(|term| vec![(term, 1.0)]).collect();
    queries.push(vec![(0, 1.0), (4, 0.9)]);
    queries.push(vec![(1, 0.01), (3, 1.0)]);
    queries.extend((0..4).map(|_| random.row(6, 40).iter().map(|p| (p.0 + 10, p.1)).collect()));
    Case::new(format!("boundary: {size} documents"), docs, queries, &[1, 10, 300])
}

/// Around the sizes at which 15- and 16-bit row numbers end.
fn windows(random: &mut Random) -> Vec<Case> {
    let sizes = [32_767usize, 32_768, 32_769, 65_535, 65_536, 65_537];
    let case = |size: usize| {
        let docs = (0..size)
            .map(|row| {
                let mut doc = vec![(random.below(50) as u32 + 10, random.weight())];
                let edge = row + 2 >= size || row % 32_768 < 2 || row % 32_768 > 32_765;
                doc.push((0, 0.2 + 0.2 * random.unit() + f32::from(u8::from(edge))));
                doc.extend(edge.then_some((1, 1.0 + row as f32 / 65_536.0)));
                doc.extend((row + 1 == size).then_some((2, 0.5)));
                doc
            })
            .collect();
        let mut queries: Vec<Row> = (0..3).map(|term| vec![(term, 1.5)]).collect();
        queries.push(vec![(0, 1.0), (12, 0.3), (13, 0.2)]);
        queries.push(vec![(2, 0.001), (20, 1.0)]);
        Case::new(format!("window: {size} documents"), docs, queries, &[1, 10, 1000])
    };
    sizes.into_iter().map(case).collect()
}

/// A query whose matches all lie in one block, for every block; rising and falling collections.
fn blocks(random: &mut Random) -> Vec<Case> {
    let in_blocks = |rows: usize| -> Vec<Row> {
        (0..1024)
            .map(|row| {
                let place = (row % rows) as f32 / rows as f32;
                vec![((row / rows) as u32 + 1, 1.0 + place), (0, 0.25)]
            })
            .collect()
    };
    let only = |rows: usize| -> Vec<Row> {
        (0..1024 / rows as u32).map(|block| vec![(block + 1, 2.0)]).collect()
    };
    let slope = |random: &mut Random, falls: bool| -> Vec<Row> {
        let mut docs: Vec<Row> = (0..2000)
            .map(|row| vec![(0, 0.1 + row as f32 / 1000.0), (1 + row % 7, 0.1 + random.unit())])
            .collect();
        if falls {
            docs.reverse();
        }
        docs
    };
    let mut cases: Vec<Case> = [8, 32, 64, 128, 256]
        .map(|rows| {
            let name = format!("block: all matches in one of {rows} rows");
            Case::new(name, in_blocks(rows), only(rows), &[1, 10, 300])
        })
        .into();
    for falls in [false, true] {
        let queries: Vec<Row> = (1..8).map(|term| vec![(0, 1.0), (term, 0.7)]).collect();
        let name = if falls { "slope: the best first" } else { "slope: the best last" };
        cases.push(Case::new(name, slope(random, falls), queries, &KS));
    }
    cases
}

/// Sums beyond 16 bits of 8-bit products, and how many terms it takes.
fn accumulators(random: &mut Random) -> Vec<Case> {
    let sized = |random: &mut Random, terms: usize| {
        let docs: Vec<Row> = (0..400)
            .map(|row| {
                let held = (terms * (row % 40 + 1)).div_ceil(40);
                let skipped = random.below(terms - held + 1);
                let weight = |random: &mut Random| 2.9 + 0.1 * random.unit();
                (skipped..skipped + held).map(|term| (term as u32, weight(random))).collect()
            })
            .collect();
        let heavy = (0..terms as u32).map(|term| (term, 3.0)).collect();
        let mixed = (0..terms as u32).map(|term| (term, 0.1 + 2.9 * random.unit())).collect();
        let name = format!("accumulators: queries of {terms} terms");
        Case::new(name, docs, vec![heavy, mixed], &[1, 10, 1000])
    };
    let mut cases: Vec<Case> = [5, 60, 260, 1000].map(|terms| sized(random, terms)).into();
    let docs = random.rows(3000, 150, 3000);
    let queries = [5, 60, 260, 1000].map(|terms| random.row(terms, 3000)).into();
    cases.push(Case::new("accumulators: many terms, varied", docs, queries, &KS));
    cases
}

fn weights(random: &mut Random) -> Vec<Case> {
    let scaled = |rows: Vec<Row>, scale: &mut dyn FnMut() -> f32| -> Vec<Row> {
        let rescale = |row: Row, by: f32| row.into_iter().map(|(t, w)| (t, w * by)).collect();
        rows.into_iter().map(|row| rescale(row, scale())).collect()
    };
    let mut wide = |rows: usize, terms: usize| -> Vec<Row> {
        (0..rows)
            .map(|_| (0..terms).map(|_| (random.term(300), random.magnitude(-6.0, 4.0))).collect())
            .collect()
    };
    let (every, asks) = (wide(2000, 20), wide(12, 8));
    let mut base = || (random.rows(2000, 20, 300), random.rows(12, 8, 300));
    let (docs, queries) = base();
    let mut scales = Random(7);
    let by_document = scaled(docs, &mut || scales.magnitude(-6.0, 4.0));
    let by_query = scaled(queries.clone(), &mut || scales.magnitude(-6.0, 4.0));
    let (plain, plain_queries) = base();
    let (tiny, huge) = (base(), base());
    let near = |bits: i32| -> Vec<Row> {
        (0..1000)
            .map(|row| vec![(row % 3, 1.0 + (row * 37 % 1000) as f32 * 2f32.powi(-bits))])
            .collect()
    };
    let singles: Vec<Row> = (0..3).map(|term| vec![(term, 1.0)]).collect();
    vec![
        Case::new("weights: 1e-6 to 1e4 in every document", every, asks, &KS),
        Case::new("weights: 1e-6 to 1e4 between documents", by_document, queries, &KS),
        Case::new("weights: 1e-6 to 1e4 between queries", plain, by_query, &KS),
        Case::new("weights: tiny", scaled(tiny.0, &mut || 1e-6), tiny.1, &KS),
        Case::new("weights: huge", scaled(huge.0, &mut || 1e6), huge.1, &KS),
        Case::new(
            "weights: huge queries",
            plain_queries_docs(),
            scaled(plain_queries, &mut || 1e6),
            &KS,
        ),
        Case::new("near ties: a step of 2^-15", near(15), singles.clone(), &KS),
        Case::new("near ties: a step of 2^-22", near(22), singles, &KS),
    ]
}

fn plain_queries_docs() -> Vec<Row> {
    Random(11).rows(2000, 20, 300)
}

fn shapes(random: &mut Random) -> Vec<Case> {
    let splade = random.rows(4000, 100, 5000);
    let queries: Vec<Row> = (0..16).map(|_| random.row(20, 5000)).collect();
    let singles: Vec<Row> = (0..24).map(|_| vec![(random.term(5000), random.weight())]).collect();
    let mut half = random.rows(1000, 10, 100);
    half.iter_mut().step_by(2).for_each(Row::clear);
    let mut lone: Vec<Row> = vec![Vec::new(); 500];
    lone.push(vec![(1, 0.5), (2, 1.0)]);
    let small: Vec<Row> = (0..8).map(|_| random.row(4, 100)).collect();
    let all_empty = vec![Vec::new(); 70];
    vec![
        Case::new("splade-like", splade.clone(), queries, &[1, 10, 100, 1000, 4000, 4010]),
        Case::new("single-term queries", splade, singles, &[1, 10, 1000, 5000]),
        Case::new("empty documents: every other", half, small, &[1, 10, 1000]),
        Case::new(
            "empty documents: all but the last",
            lone,
            vec![vec![(1, 1.0)], vec![(3, 1.0)]],
            &[1, 10],
        ),
        Case::new("empty documents: all", all_empty, vec![vec![(1, 1.0)]], &[1, 10]),
    ]
}

fn vocabularies(random: &mut Random) -> Vec<Case> {
    let docs = random.rows(500, 12, 200);
    let unknown: Vec<Row> =
        vec![vec![(300, 1.0)], vec![(299, 2.0), (301, 1.0)], vec![(5, 0.1), (302, 9.0)]];
    // Term 399 exists, so that the dimension covers the unknown terms between.
    let mut wide = docs.clone();
    wide[250].push((399, 1.0));
    let rare: Vec<Row> = (0..1000).map(|row| vec![(row, 1.0 + random.unit())]).collect();
    let many: Vec<Row> = [1usize, 10, 100, 999]
        .map(|terms| (0..terms).map(|_| (random.below(1000) as u32, random.weight())).collect())
        .into();
    let at = |ids: &[u32], random: &mut Random| -> Vec<Row> {
        let mut some = |ids: &[u32]| -> Row {
            let kept = ids.iter().filter(|_| random.below(3) > 0).copied().collect::<Vec<_>>();
            kept.into_iter().map(|id| (id, random.weight())).collect()
        };
        (0..300).map(|_| some(ids)).collect()
    };
    let edges = [0, 1, 255, 256, 32_767, 32_768, 65_534, 65_535];
    let large = [0, 65_535, 65_536, 65_537, 131_072, 250_000];
    let each = |ids: &[u32]| -> Vec<Row> {
        let all = ids.iter().map(|&id| (id, 1.0)).collect();
        ids.iter().map(|&id| vec![(id, 1.0)]).chain([all]).collect()
    };
    let mut cases = vec![
        Case::new("terms that occur nowhere", wide, unknown, &[1, 10]),
        Case::new("terms in one document only", rare, many, &[1, 10, 1000]),
        Case::new("term ids 0 to 65,535", at(&edges, random), each(&edges), &[1, 10, 300]),
        Case::new("term ids above 65,535", at(&large, random), each(&large), &[1, 10, 300]),
    ];
    cases[3].needs.push("large_terms");
    cases
}

/// Deletes, filters, segments and merges, for engines that have them.
fn changes(random: &mut Random) -> Vec<Case> {
    let mut base = |name: &str, needs: &[&'static str]| {
        let mut docs = random.rows(1500, 30, 400);
        // Copies, so that ties cross segments; the heaviest documents, which will be deleted.
        for row in 750..1000 {
            docs[row] = docs[row - 750].clone();
        }
        docs.iter_mut().step_by(100).flatten().for_each(|pair| pair.1 *= 10.0);
        let queries = (0..16).map(|_| random.row(12, 400)).collect();
        let mut case = Case::new(name, docs, queries, &[1, 10, 100, 2000]);
        case.needs = needs.to_vec();
        case
    };
    let deleted: Vec<u32> = (0..1500).filter(|row| row % 100 == 0 || row % 7 == 3).collect();
    let admitted: Vec<u32> = (0..1500).filter(|row| row % 100 != 0 && row % 3 == 1).collect();
    let mut cases = vec![
        base("deletes", &["deleted"]),
        base("deletes: all but one", &["deleted"]),
        base("filter", &["admitted"]),
        base("filter: one document", &["admitted"]),
        base("segments: 5", &["segments"]),
        base("segments: 5, deletes and filter", &["segments", "deleted", "admitted"]),
        base("segments: 12, merged after deletes", &["segments", "deleted"]),
    ];
    cases[0].deleted = deleted.clone();
    cases[1].deleted = (0..1500).filter(|&row| row != 777).collect();
    cases[2].admitted = Some(admitted.clone());
    cases[3].admitted = Some(vec![1499]);
    (cases[4].segments, cases[4].merge) = (5, false);
    (cases[5].segments, cases[5].merge) = (5, false);
    (cases[5].deleted, cases[5].admitted) = (deleted.clone(), Some(admitted));
    (cases[6].segments, cases[6].deleted) = (12, deleted);
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_depend_on_the_seed_alone() {
        let (a, b) = (all(1), all(1));
        assert!(a.iter().zip(&b).all(|(a, b)| a.docs == b.docs && a.queries == b.queries));
        assert!(a.iter().all(|case| case.queries.iter().all(|query| !query.is_empty())));
        assert!(a.iter().any(|case| case.docs.len() == 65_537));
    }
}
