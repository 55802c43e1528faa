//! Arrow IPC files, record batch by record batch.
//!
//! Lengths are checked before anything is read or unpacked by them: those in the footer against
//! the file, those of packed columns against a bound. The library trusts them.

use super::assemble::Assembler;
use super::record::{columns_of, own_metadata, push_record};
use super::wanted::Wanted;
use super::{Reason, RowSource, plain_reason};
use crate::columns::Columns;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::{Block, root_as_footer, root_as_message};
use arrow_schema::Schema;
use pwalk_engine::Batch;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// The length of the footer's length and the magic word behind it.
const TRAILER_LEN: usize = 10;

/// Bytes that the columns of a packed record batch may unpack to.
const UNPACKED_MAX: u64 = 1 << 30;

/// What precedes the metadata of a message: a mark and their length.
const MESSAGE_PREFIX_LEN: usize = 8;

/// Record batches of a piece.
const N_OF_PIECE: usize = 16;

pub(crate) struct IpcSource {
    file: Arc<OpenFile>,
    /// Record batches still to be read.
    blocks: VecDeque<Block>,
    assembler: Assembler,
}

/// What all pieces of a file share.
struct OpenFile {
    file: File,
    n_bytes: u64,
    decoder: FileDecoder,
    columns: Columns,
    metadata: BTreeMap<String, String>,
}

impl IpcSource {
    pub(crate) fn new(file: File, wanted: &Wanted) -> Reason<IpcSource> {
        let n_bytes = file.metadata().map_err(|e| plain_reason(&e))?.len();
        let trailer_start = n_bytes.checked_sub(TRAILER_LEN as u64).ok_or("is too short")?;
        let trailer = read_at(&file, n_bytes, trailer_start, TRAILER_LEN as u64)?;
        let trailer = trailer.try_into().map_err(|_| "is too short")?;
        let footer_len = read_footer_length(trailer).map_err(|e| e.to_string())? as u64;
        let footer_start = trailer_start.checked_sub(footer_len).ok_or("its footer is too long")?;
        let footer_bytes = read_at(&file, n_bytes, footer_start, footer_len)?;
        let footer = root_as_footer(&footer_bytes).map_err(|e| e.to_string())?;
        let schema = footer.schema().ok_or("its footer has no schema")?;
        let schema = Arc::new(try_fb_to_schema(schema).map_err(|e| e.to_string())?);
        let columns = columns_of(&schema, wanted)?;
        let pairs = schema.metadata().iter();
        let mut metadata = own_metadata(pairs.map(|(key, value)| (key.as_str(), value.as_str())));
        let pairs = footer.custom_metadata().into_iter().flatten();
        metadata.extend(own_metadata(pairs.filter_map(|pair| Some((pair.key()?, pair.value()?)))));
        let decoder = FileDecoder::new(schema.clone(), footer.version());
        let mut decoder = decoder.with_projection(projection(&schema, &columns));
        for block in footer.dictionaries().into_iter().flatten() {
            let bytes = read_block(&file, n_bytes, block)?;
            decoder.read_dictionary(block, &bytes).map_err(|e| e.to_string())?;
        }
        let blocks = footer.recordBatches().into_iter().flatten().copied().collect();
        Ok(IpcSource::of(Arc::new(OpenFile { file, n_bytes, decoder, columns, metadata }), blocks))
    }

    fn of(file: Arc<OpenFile>, blocks: VecDeque<Block>) -> IpcSource {
        let assembler = Assembler::of_records(&file.columns);
        IpcSource { file, blocks, assembler }
    }
}

impl RowSource for IpcSource {
    fn columns(&self) -> &Columns {
        &self.file.columns
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.file.metadata.clone()
    }

    fn next(&mut self, batch: &mut Batch) -> Reason<bool> {
        while let Some(block) = self.blocks.pop_front() {
            let OpenFile { file, n_bytes, decoder, columns, .. } = &*self.file;
            let bytes = read_block(file, *n_bytes, &block)?;
            let record = decoder.read_record_batch(&block, &bytes).map_err(|e| e.to_string())?;
            if let Some(record) = record.filter(|record| record.num_rows() > 0) {
                self.assembler.start();
                push_record(&mut self.assembler, batch, &record, columns)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn split_off(&mut self) -> Reason<Option<Box<dyn RowSource>>> {
        if self.blocks.is_empty() {
            return Ok(None);
        }
        let blocks = self.blocks.drain(..N_OF_PIECE.min(self.blocks.len())).collect();
        Ok(Some(Box::new(IpcSource::of(self.file.clone(), blocks))))
    }
}

/// The places of the columns that are read.
fn projection(schema: &Schema, columns: &Columns) -> Vec<usize> {
    let is_read = |name: &String| columns.has(name);
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, field)| is_read(field.name())).map(|(place, _)| place).collect()
}

fn read_block(file: &File, n_bytes: u64, block: &Block) -> Reason<Buffer> {
    let bad = "its footer has an invalid block";
    let [start, metadata_len, body_len] =
        [block.offset(), block.metaDataLength().into(), block.bodyLength()].map(u64::try_from);
    let (metadata_len, body_len) = metadata_len.ok().zip(body_len.ok()).ok_or(bad)?;
    let len = metadata_len.checked_add(body_len).ok_or(bad)?;
    let bytes = read_at(file, n_bytes, start.map_err(|_| bad)?, len)?;
    let (metadata, body) = bytes.split_at(metadata_len as usize);
    check_unpacked(metadata.get(MESSAGE_PREFIX_LEN..).ok_or(bad)?, body)?;
    Ok(Buffer::from_vec(bytes))
}

/// Each packed column begins with the length that it unpacks to.
fn check_unpacked(metadata: &[u8], body: &[u8]) -> Reason<()> {
    let message = root_as_message(metadata).map_err(|e| e.to_string())?;
    let in_dictionary = || message.header_as_dictionary_batch().and_then(|batch| batch.data());
    let Some(batch) = message.header_as_record_batch().or_else(in_dictionary) else {
        return Ok(());
    };
    if batch.compression().is_none() {
        return Ok(());
    }
    let unpacked_len = |buffer: &arrow_ipc::Buffer| {
        let start = usize::try_from(buffer.offset()).ok()?;
        let len = body.get(start..)?.first_chunk().map(|len| i64::from_le_bytes(*len))?;
        // -1: it is not packed after all.
        u64::try_from(len).ok()
    };
    let lens = batch.buffers().into_iter().flatten().filter_map(unpacked_len);
    match lens.fold(0, u64::saturating_add) {
        0..=UNPACKED_MAX => Ok(()),
        _ => Err("would unpack to more than a gigabyte at once".to_owned()),
    }
}

fn read_at(file: &File, n_bytes: u64, start: u64, len: u64) -> Reason<Vec<u8>> {
    if start.checked_add(len).is_none_or(|end| end > n_bytes) {
        return Err("refers to a range beyond its end".to_owned());
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(|_| "is too large for this machine")?];
    file.read_exact_at(&mut bytes, start).map_err(|e| plain_reason(&e))?;
    Ok(bytes)
}
