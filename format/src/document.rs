//! The documents of the formats as tests read them: their tables, their hex examples, their
//! sentences.
#![allow(clippy::unwrap_used)]

/// A document, and the name to complain with.
pub(crate) struct Document {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// A field as a document's table should have it: name, offset and length in bytes.
pub(crate) type Field = (&'static str, usize, usize);

impl Document {
    /// The hex bytes of the example that follow `label`; words in brackets are left out.
    pub(crate) fn hex(&self, label: &str) -> Vec<u8> {
        let line = self.text.lines().find(|line| line.starts_with(label));
        let line = line.unwrap_or_else(|| panic!("the example has no line {label}"));
        let outside = line[label.len()..].split(['(', ')']).step_by(2);
        let words = outside.flat_map(str::split_whitespace);
        words.map(|word| u8::from_str_radix(word, 16).unwrap()).collect()
    }

    /// The cells of a section's table, its head first; cell 0 of a row is empty.
    fn rows_of(&self, title: &str) -> Vec<Vec<String>> {
        let part = self.text.split("## ").find(|part| part.starts_with(title)).unwrap();
        let rows = part.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
        rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
    }

    /// A table of (offset, bytes, name, …) lists these fields and no other, without a gap.
    pub(crate) fn check_fields(&self, title: &str, fields: &[Field], len_bytes: usize) {
        let rows = self.rows_of(title);
        let mut end = 0;
        for (name, offset, len) in fields {
            let row = rows.iter().find(|row| row[3] == *name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((&row[1], &row[2]), (&offset.to_string(), &len.to_string()), "{name}");
            assert_eq!(*offset, end, "{name} follows the field before it");
            end += len;
        }
        assert_eq!((end, rows.len()), (len_bytes, fields.len() + 1), "{title}");
    }

    /// A table of (id, name, …) lists these and no other, in this order.
    pub(crate) fn check_ids(
        &self,
        title: &str,
        ids: impl IntoIterator<Item = (u32, &'static str)>,
    ) {
        let rows = self.rows_of(title).into_iter().skip(1);
        let found: Vec<(String, String)> =
            rows.map(|row| (row[1].clone(), row[2].clone())).collect();
        let ids = ids.into_iter().map(|(id, name)| (id.to_string(), name.to_owned()));
        assert_eq!(found, ids.collect::<Vec<_>>(), "{title}");
    }

    /// The document has each of these sentences, or pieces of one.
    pub(crate) fn check_says(&self, sentences: impl IntoIterator<Item = String>) {
        for sentence in sentences {
            assert!(self.text.contains(&sentence), "{} does not say: {sentence}", self.name);
        }
    }
}
