//! Record batches that left memory: in a file without a name, gone with the last who needs it.
//!
//! A table has one such file, to which each spill appends an Arrow file of its own: so however
//! often it spills, it holds one descriptor. (Mapping all of it at once would need none, and
//! address space for a table that is larger than memory.)
//!
//! What a reader needs of the footer is kept from when the spill was written. All batches in use
//! share one mapping, whose pages are read when they are touched; it ends with the last of them,
//! so that a spill that nobody reads costs no address space.

use crate::ipc::to_io;
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::writer::FileWriter;
use arrow_ipc::{Block, root_as_footer};
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use pwalk_engine::lock;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

/// When a table leaves memory, and where it goes.
#[derive(Clone, Debug)]
pub struct SpillConfig {
    /// Bytes held in memory.
    pub max_bytes: usize,
    /// The folder of the files; `None`: one for temporary files, which is looked for when the
    /// first is needed.
    pub folder: Option<PathBuf>,
}

/// Where temporary files go by default, in the order of Python's `tempfile`: what these variables
/// name, these folders, and the working directory.
const VARIABLES: [&str; 3] = ["TMPDIR", "TEMP", "TMP"];
const FOLDERS: [&str; 4] = ["/tmp", "/var/tmp", "/usr/tmp", "."];

impl SpillConfig {
    /// A file without a name. An error comes with the folder.
    fn create_file(&self) -> Result<File, (PathBuf, io::Error)> {
        let create = |folder: PathBuf| match tempfile::tempfile_in(&folder) {
            Ok(file) => Ok(file),
            Err(error) => Err((folder, error)),
        };
        if let Some(folder) = &self.folder {
            return create(folder.clone());
        }
        let named = VARIABLES.into_iter().filter_map(std::env::var_os).map(PathBuf::from);
        let mut folders = named.chain(FOLDERS.map(PathBuf::from)).filter(|path| path.is_dir());
        let first = create(folders.next().unwrap_or_else(|| PathBuf::from("/tmp")));
        match first {
            Ok(file) => Ok(file),
            // The first reason is what a user can mend.
            Err(error) => folders.find_map(|folder| create(folder).ok()).ok_or(error),
        }
    }
}

/// Where spills begin in the file: readers want the buffers in it aligned.
const ALIGNMENT: u64 = 4096;

/// Writes the spills of a table.
pub(crate) struct Spiller {
    pub(crate) config: SpillConfig,
    /// Made for the first spill, with where it ends.
    file: Option<(Arc<File>, u64)>,
}

impl Spiller {
    pub(crate) fn new(config: SpillConfig) -> Spiller {
        Spiller { config, file: None }
    }

    /// Writes record batches, at least one, behind the others. An error comes with the folder or
    /// file.
    pub(crate) fn write<'a>(
        &mut self,
        batches: impl Iterator<Item = &'a RecordBatch>,
    ) -> Result<Spill, (PathBuf, io::Error)> {
        let (file, end) = match &mut self.file {
            Some((file, end)) => (file.clone(), end),
            none => {
                let file = Arc::new(self.config.create_file()?);
                let (file, end) = none.insert((file, 0));
                (file.clone(), end)
            }
        };
        let spill = Spill::write(file, end.next_multiple_of(ALIGNMENT), batches);
        let spill = spill.map_err(|error| {
            let folder = self.config.folder.as_deref().unwrap_or(Path::new("temporary file"));
            (folder.to_owned(), error)
        })?;
        *end = spill.start + spill.len as u64;
        Ok(spill)
    }
}

/// Record batches in the file of a table.
pub(crate) struct Spill {
    file: Arc<File>,
    /// Where they begin in the file, and their bytes.
    start: u64,
    len: usize,
    /// Knows the schema, and holds the dictionaries.
    decoder: FileDecoder,
    /// Where each record batch lies.
    blocks: Vec<Block>,
    /// Rows of each.
    n_rows: Vec<usize>,
    /// What batches in use share.
    mapping: Mutex<Weak<Mapping>>,
}

struct Mapping(Box<dyn AsRef<[u8]> + Send + Sync>);

/// What a buffer holds on to.
struct Mapped(Arc<Mapping>);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        (*self.0.0).as_ref()
    }
}

impl Spill {
    fn write<'a>(
        file: Arc<File>,
        start: u64,
        batches: impl Iterator<Item = &'a RecordBatch>,
    ) -> io::Result<Spill> {
        let mut batches = batches.peekable();
        let schema = batches.peek().expect("what is full holds a batch").schema();
        (&*file).seek(SeekFrom::Start(start))?;
        let writer = io::BufWriter::new(&*file);
        let mut writer = FileWriter::try_new(writer, &schema).map_err(to_io)?;
        let mut n_rows = Vec::new();
        for batch in batches {
            writer.write(batch).map_err(to_io)?;
            n_rows.push(batch.num_rows());
        }
        writer.finish().map_err(to_io)?;
        let buffer = writer.into_inner().map_err(to_io)?;
        buffer.into_inner().map_err(|e| e.into_error())?;
        let len = usize::try_from((&*file).stream_position()? - start).map_err(io::Error::other)?;
        let map = pwalk_sys::map_file(&file, start, len)?;
        let (decoder, blocks) = read_footer(map.as_ref(), schema).map_err(to_io)?;
        Ok(Spill { file, start, len, decoder, blocks, n_rows, mapping: Mutex::default() })
    }

    /// Rows of a batch.
    pub(crate) fn n_rows(&self, index: usize) -> usize {
        self.n_rows[index]
    }

    /// A batch, in the mapping.
    pub(crate) fn batch(&self, index: usize) -> io::Result<RecordBatch> {
        let block = &self.blocks[index];
        let bytes = slice(&self.buffer()?, block);
        let batch = self.decoder.read_record_batch(block, &bytes).map_err(to_io)?;
        batch.ok_or_else(|| io::Error::other("a spilled batch is missing"))
    }

    /// All of it, mapped unless it is already.
    fn buffer(&self) -> io::Result<Buffer> {
        let mut known = lock(&self.mapping);
        let mapping = match known.upgrade() {
            Some(mapping) => mapping,
            None => {
                let mapped = pwalk_sys::map_file(&self.file, self.start, self.len)?;
                let mapping = Arc::new(Mapping(Box::new(mapped)));
                *known = Arc::downgrade(&mapping);
                mapping
            }
        };
        Ok(Buffer::from(Bytes::from_owner(Mapped(mapping))))
    }
}

/// What the footer says, and the dictionaries in memory of their own: in the mapping they would
/// keep it.
fn read_footer(file: &[u8], schema: SchemaRef) -> Result<(FileDecoder, Vec<Block>), ArrowError> {
    let too_short = || ArrowError::ParseError("a spilled table is too short".to_owned());
    let (rest, trailer) = file.split_last_chunk().ok_or_else(too_short)?;
    let footer_len = read_footer_length(*trailer)?;
    let footer_start = rest.len().checked_sub(footer_len).ok_or_else(too_short)?;
    let footer = root_as_footer(&rest[footer_start..])
        .map_err(|error| ArrowError::ParseError(error.to_string()))?;
    let mut decoder = FileDecoder::new(schema, footer.version());
    for block in footer.dictionaries().into_iter().flatten() {
        let (start, len) = range(block);
        decoder.read_dictionary(block, &Buffer::from(&file[start..start + len]))?;
    }
    let blocks = footer.recordBatches().ok_or_else(too_short)?;
    Ok((decoder, blocks.iter().copied().collect()))
}

fn slice(buffer: &Buffer, block: &Block) -> Buffer {
    let (start, len) = range(block);
    buffer.slice_with_length(start, len)
}

/// Where a block starts, and its length. We wrote the file: no number in it is out of range.
fn range(block: &Block) -> (usize, usize) {
    let len = block.metaDataLength() as usize + block.bodyLength() as usize;
    (block.offset() as usize, len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int8Type;
    use arrow_array::{ArrayRef, DictionaryArray, UInt64Array};
    use std::os::unix::fs::MetadataExt;

    fn batches() -> Vec<RecordBatch> {
        let kinds: DictionaryArray<Int8Type> = ["file", "dir", "file"].into_iter().collect();
        let kinds: ArrayRef = Arc::new(kinds);
        let batch = |number: u64| {
            let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(number..number + 3));
            RecordBatch::try_from_iter([("n", numbers), ("kind", kinds.clone())])
                .expect("of one length")
        };
        (0..100).map(batch).collect()
    }

    fn spill(folder: Option<&Path>) -> Result<Spill, (PathBuf, io::Error)> {
        let config = SpillConfig { max_bytes: 0, folder: folder.map(Path::to_owned) };
        Spiller::new(config).write(batches().iter())
    }

    fn n_mappings(spill: &Spill) -> usize {
        let inode = spill.file.metadata().expect("it is open").ino().to_string();
        let maps = std::fs::read_to_string("/proc/self/maps").expect("it is there");
        maps.lines().filter(|line| line.split_whitespace().nth(4) == Some(&inode)).count()
    }

    #[test]
    fn batches_in_use_share_one_mapping_and_leave_none() {
        let spill = spill(None).expect("there is a folder for temporary files");
        assert_eq!(n_mappings(&spill), 0);
        for _ in 0..2 {
            let read: Vec<_> = (0..100).map(|index| spill.batch(index).expect("reads")).collect();
            assert_eq!(read, batches());
            assert_eq!(n_mappings(&spill), 1);
            drop(read);
            assert_eq!(n_mappings(&spill), 0);
        }
    }

    #[test]
    fn t28_spills_of_one_table_share_a_descriptor() {
        let mut spiller = Spiller::new(SpillConfig { max_bytes: 0, folder: None });
        let mut write = || spiller.write(batches().iter()).expect("there is a folder");
        let spills = [write(), write(), write()];
        assert!(spills.iter().all(|spill| Arc::ptr_eq(&spill.file, &spills[0].file)));
        let mut end = 0;
        for spill in &spills {
            assert!(spill.start >= end && spill.start % ALIGNMENT == 0);
            end = spill.start + spill.len as u64;
            let read: Vec<_> = (0..100).map(|index| spill.batch(index).expect("reads")).collect();
            assert_eq!(read, batches());
        }
    }

    #[test]
    fn a_batch_outlives_its_file() {
        let spill = spill(None).expect("there is a folder for temporary files");
        let batch = spill.batch(7).expect("reads");
        drop(spill);
        assert_eq!(batch, batches()[7]);
    }

    #[test]
    fn a_folder_that_is_missing_is_named_and_not_before_it_is_needed() {
        let missing = Path::new("/nowhere/at/all");
        let (path, error) = spill(Some(missing)).err().expect("it is missing");
        assert_eq!((path.as_path(), error.kind()), (missing, io::ErrorKind::NotFound));
    }
}
