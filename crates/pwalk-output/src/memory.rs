//! A table in memory, which grows while it is read, and spills to files beyond a bound.
//!
//! A sink fills it with record batches; readers take them one by one, wait for more, or ask for
//! a whole column. Batches beyond the bound go into files (`spill.rs`).

use crate::collect::{RecordLen, RowsSink};
use crate::columns::Columns;
use crate::file::OutputError;
use crate::ipc::{IpcEncoder, RECORD_TEXT_BYTES, to_io};
use crate::rows::arrow_schema;
use crate::spill::{Spill, SpillConfig, Spiller};
use crate::table::{Ending, Piece, Pooled, RecordTable, Table, TableSink};
use arrow_array::cast::AsArray;
use arrow_array::types::Int8Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, RecordBatch};
use arrow_schema::SchemaRef;
use pwalk_engine::lock;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Readers that follow the table want something soon, and later few batches; the memory stays with
/// the table anyway.
const RECORDS: RecordLen =
    RecordLen { first: 1 << 10, max: 32 << 10, n_text_bytes: RECORD_TEXT_BYTES };

/// What messages call such a table.
pub(crate) const NAME: &str = "table in memory";

/// What a reader gets for the number of a batch.
#[derive(Debug)]
pub enum Next {
    /// The batch.
    Batch(RecordBatch),
    /// It is not ready yet.
    Pending,
    /// There are no more batches.
    End,
}

/// Record batches, to which more may be added.
pub struct MemoryTable {
    schema: SchemaRef,
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    chunks: Vec<Chunk>,
    n_rows: usize,
    /// Of the chunks in memory.
    n_bytes: usize,
    n_spills: usize,
    /// Columns that were asked for as a whole, where the chunks don't hold them so.
    whole: Vec<(usize, ArrayRef)>,
    has_ended: bool,
}

#[derive(Clone)]
enum Chunk {
    Held(RecordBatch),
    /// A batch of a file, by its number there.
    Spilled(Arc<Spill>, usize),
}

impl MemoryTable {
    /// An empty table, and the sink that fills it with these columns.
    pub fn new(
        columns: &Columns,
        n_encoders: usize,
        spill: SpillConfig,
    ) -> (Arc<MemoryTable>, Box<dyn TableSink>) {
        let schema = Arc::new(arrow_schema(columns));
        let (table, records) = MemoryTable::of_records(schema, n_encoders, spill);
        let (name, n_encoders) = (PathBuf::from(NAME), n_encoders.max(1));
        (table, Box::new(RowsSink::new(columns, RECORDS, u64::MAX, n_encoders, name, records)))
    }

    /// An empty table of any columns, and what fills it with record batches.
    pub(crate) fn of_records(
        schema: SchemaRef,
        n_encoders: usize,
        spill: SpillConfig,
    ) -> (Arc<MemoryTable>, Box<dyn RecordTable>) {
        let (state, news) = (Mutex::default(), Condvar::new());
        let table = Arc::new(MemoryTable { schema, state, news });
        let encoders = (0..n_encoders.max(1)).map(|_| IpcEncoder { max_rows: u64::MAX }).collect();
        let writer = MemoryWriter { table: table.clone(), spiller: Spiller::new(spill) };
        (table, Box::new(Pooled::new(encoders, writer)))
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows so far.
    pub fn n_rows(&self) -> usize {
        lock(&self.state).n_rows
    }

    /// The batches of a table that gets no more of them, one after the other.
    pub fn batches(
        self: &Arc<Self>,
    ) -> impl Iterator<Item = Result<RecordBatch, String>> + Send + use<> {
        let table = self.clone();
        (0..).map_while(move |number| match table.batch(number, Duration::ZERO) {
            Ok(Next::Batch(batch)) => Some(Ok(batch)),
            Ok(Next::Pending | Next::End) => None,
            Err(error) => Some(Err(error.to_string())),
        })
    }

    /// How often batches were written to a file.
    pub fn n_spills(&self) -> usize {
        lock(&self.state).n_spills
    }

    /// No more batches will come, for whatever reason; those that do are dropped. The sink calls
    /// it at its end, too.
    pub fn end(&self) {
        lock(&self.state).has_ended = true;
        self.news.notify_all();
    }

    /// The batch with this number; waits for it no longer than `patience`.
    ///
    /// # Errors
    ///
    /// If it was spilled, and can't be read again.
    pub fn batch(&self, number: usize, patience: Duration) -> io::Result<Next> {
        let mut state = lock(&self.state);
        if state.chunks.len() <= number && !state.has_ended && !patience.is_zero() {
            let waited = self.news.wait_timeout(state, patience);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let chunk = state.chunks.get(number).cloned();
        let has_ended = state.has_ended;
        drop(state);
        match chunk {
            Some(chunk) => chunk.batch().map(Next::Batch),
            None if has_ended => Ok(Next::End),
            None => Ok(Next::Pending),
        }
    }

    /// A whole column, in one piece. The first call for a column puts it together; from then on
    /// the batches in memory share that piece.
    ///
    /// # Errors
    ///
    /// If a spilled batch can't be read again, or the column is too large for one piece (texts
    /// of two gigabytes).
    pub fn column(&self, index: usize) -> io::Result<ArrayRef> {
        let mut state = lock(&self.state);
        if let Some((_, whole)) = state.whole.iter().find(|(known, _)| *known == index) {
            return Ok(whole.clone());
        }
        let arrays: Vec<ArrayRef> = state
            .chunks
            .iter()
            .map(|chunk| Ok(chunk.batch()?.column(index).clone()))
            .collect::<io::Result<_>>()?;
        let whole = match &arrays[..] {
            [] => arrow_array::new_empty_array(self.schema.field(index).data_type()),
            [one] => one.clone(),
            several => {
                let several: Vec<&dyn Array> = several.iter().map(AsRef::as_ref).collect();
                join(&several)?
            }
        };
        let mut start = 0;
        for chunk in &mut state.chunks {
            let n_rows = chunk.n_rows();
            if let Chunk::Held(batch) = chunk {
                let mut columns = batch.columns().to_vec();
                columns[index] = whole.slice(start, n_rows);
                *batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(to_io)?;
            }
            start += n_rows;
        }
        state.whole.push((index, whole.clone()));
        Ok(whole)
    }

    fn push(&self, batch: RecordBatch) -> usize {
        let mut state = lock(&self.state);
        if state.has_ended {
            return state.n_bytes;
        }
        state.n_rows += batch.num_rows();
        state.n_bytes += batch.get_array_memory_size();
        state.chunks.push(Chunk::Held(batch));
        self.news.notify_all();
        state.n_bytes
    }

    /// Moves all batches in memory into the file.
    fn spill(&self, spiller: &mut Spiller) -> Result<(), OutputError> {
        let held: Vec<(usize, RecordBatch)> = {
            let state = lock(&self.state);
            let held = state.chunks.iter().enumerate();
            held.filter_map(|(number, chunk)| match chunk {
                Chunk::Held(batch) => Some((number, batch.clone())),
                Chunk::Spilled(..) => None,
            })
            .collect()
        };
        let spill = spiller.write(held.iter().map(|(_, batch)| batch));
        let spill = Arc::new(spill.map_err(|(path, error)| OutputError::new(&path, error))?);
        let mut state = lock(&self.state);
        state.n_spills += 1;
        for (index, (number, batch)) in held.into_iter().enumerate() {
            state.n_bytes -= batch.get_array_memory_size();
            state.chunks[number] = Chunk::Spilled(spill.clone(), index);
        }
        Ok(())
    }
}

impl Chunk {
    fn batch(&self) -> io::Result<RecordBatch> {
        match self {
            Chunk::Held(batch) => Ok(batch.clone()),
            Chunk::Spilled(spill, index) => spill.batch(*index),
        }
    }

    fn n_rows(&self) -> usize {
        match self {
            Chunk::Held(batch) => batch.num_rows(),
            Chunk::Spilled(spill, index) => spill.n_rows(*index),
        }
    }
}

/// Puts pieces into the table.
struct MemoryWriter {
    table: Arc<MemoryTable>,
    spiller: Spiller,
}

impl Table for MemoryWriter {
    type Content = RecordBatch;

    fn append(&mut self, piece: Piece<RecordBatch>) -> Result<(), OutputError> {
        if self.table.push(piece.content) > self.spiller.config.max_bytes {
            self.table.spill(&mut self.spiller)?;
        }
        Ok(())
    }

    fn n_bytes(&self) -> u64 {
        lock(&self.table.state).n_bytes as u64
    }

    fn finish(self, _ending: Option<&Ending>) -> Result<u64, OutputError> {
        Ok(self.n_bytes())
    }
}

impl Drop for MemoryWriter {
    /// At its end, or because the walk was cut short: nobody waits for ever.
    fn drop(&mut self) {
        self.table.end();
    }
}

/// One array of several, those of a column. Arrow can put their dictionaries one behind the other,
/// and pandas takes none that has a word twice: here, where all have the same one, it stays.
fn join(arrays: &[&dyn Array]) -> io::Result<ArrayRef> {
    let dictionaries = arrays.iter().map(|array| array.as_dictionary_opt::<Int8Type>());
    if let Some(dictionaries) = dictionaries.collect::<Option<Vec<_>>>()
        && let Some(first) = dictionaries.first()
        && dictionaries.iter().all(|other| other.values() == first.values())
    {
        let keys: Vec<&dyn Array> = dictionaries.iter().map(|own| own.keys() as _).collect();
        let keys = arrow_select::concat::concat(&keys).map_err(to_io)?;
        let keys = keys.as_primitive::<Int8Type>().clone();
        let whole = DictionaryArray::try_new(keys, first.values().clone()).map_err(to_io)?;
        return Ok(Arc::new(whole));
    }
    arrow_select::concat::concat(arrays).map_err(to_io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pwalk_engine::{Batch, Contents, Kind, Stat};

    fn fill(sink: &dyn TableSink, n_batches: u64) {
        for number in 0..n_batches {
            let mut batch = Batch::new(sink.fields());
            let dir = batch.push_dir(b"/r/", 1, 0, -1);
            for ino in number * 5000..(number + 1) * 5000 {
                let stat = Stat { ino, size: ino as i64, ..Stat::default() };
                batch.push(dir, format!("f{ino}").as_bytes(), Kind::File, &stat, Contents::None);
            }
            sink.put(&mut batch).expect("there is memory");
        }
    }

    fn rows(table: &MemoryTable) -> Vec<RecordBatch> {
        let mut batches = Vec::new();
        while let Next::Batch(batch) = table.batch(batches.len(), Duration::ZERO).expect("reads") {
            batches.push(batch);
        }
        batches
    }

    #[test]
    fn t36_a_table_beyond_its_bound_is_spilled_and_reads_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let spill = |max_bytes| SpillConfig { max_bytes, folder: Some(folder.path().to_owned()) };
        let (held, sink) = MemoryTable::new(&Columns::columnar(), 1, spill(usize::MAX));
        fill(&*sink, 60);
        let (spilled, small_sink) = MemoryTable::new(&Columns::columnar(), 1, spill(1 << 20));
        fill(&*small_sink, 60);
        drop((sink, small_sink));
        assert_eq!(held.n_spills(), 0);
        assert!(spilled.n_spills() > 3, "{}", spilled.n_spills());
        assert_eq!(rows(&held), rows(&spilled));
        for index in 0..held.schema().fields().len() {
            let whole = held.column(index).expect("it is there");
            assert_eq!(&whole, &spilled.column(index).expect("it is there"));
        }
        assert_eq!(rows(&held), rows(&spilled));
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
    }

    #[test]
    fn a_whole_column_and_the_batches_share_their_memory() {
        let spill = SpillConfig { max_bytes: usize::MAX, folder: None };
        let (table, sink) = MemoryTable::new(&Columns::columnar(), 1, spill);
        fill(&*sink, 4);
        drop(sink);
        let whole = table.column(0).expect("it is there").to_data();
        let start = whole.buffers()[0].as_ptr();
        let mut n_before = 0;
        for batch in rows(&table) {
            let data = batch.column(0).to_data();
            // A slice keeps the buffer and moves its start.
            let offset = data.offset() * 8;
            let address = data.buffers()[0].as_ptr() as usize + offset;
            assert_eq!(address, start as usize + 8 * n_before);
            n_before += batch.num_rows();
        }
    }

    #[test]
    fn a_whole_column_has_no_word_of_its_dictionary_twice() {
        // Of two encoders: equal, and not the same memory.
        let batch =
            || -> DictionaryArray<Int8Type> { ["file", "dir", "file"].into_iter().collect() };
        let whole = join(&[&batch(), &batch()]).expect("they have one type");
        let whole = whole.as_dictionary::<Int8Type>();
        assert_eq!(whole.values().len(), 2);
        assert_eq!(whole.keys().values(), &[0, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn a_reader_waits_and_is_told_of_the_end() {
        let spill = SpillConfig { max_bytes: usize::MAX, folder: None };
        let (table, sink) = MemoryTable::new(&Columns::columnar(), 1, spill);
        assert!(matches!(table.batch(0, Duration::from_millis(1)), Ok(Next::Pending)));
        let reader = std::thread::spawn(move || table.batch(0, Duration::from_secs(60)));
        drop(sink);
        assert!(matches!(reader.join().expect("it ends"), Ok(Next::End)));
    }
}
