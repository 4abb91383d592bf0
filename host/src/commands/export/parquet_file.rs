//! Rows as Parquet: one row group after another, each column of a group in memory until it is full.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use model::Instant;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::columns::{Cell, Column, Kind};

/// A row group ends with this many rows, or with this many bytes of texts: what is held in memory.
const GROUP_ROWS_MAX: usize = 50_000;
const GROUP_BYTES_MAX: usize = 32 << 20;

/// Definition levels of a column whose cells may be missing.
const MISSING: i16 = 0;
const THERE: i16 = 1;

pub(super) struct ParquetFile<'a> {
    writer: SerializedFileWriter<&'a mut (dyn Write + Send)>,
    columns: &'static [Column],
    group: Vec<Cells>,
    group_rows: usize,
    group_bytes: usize,
    rows: u64,
}

/// The cells of one column in the present group.
struct Cells {
    values: Values,
    levels: Vec<i16>,
}

enum Values {
    Texts(Vec<ByteArray>),
    Integers(Vec<i64>),
}

impl<'a> ParquetFile<'a> {
    pub(super) fn begin(
        out: &'a mut (dyn Write + Send),
        columns: &'static [Column],
    ) -> anyhow::Result<ParquetFile<'a>> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("heliu ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(out, schema(columns)?, Arc::new(properties))?;
        let group = columns.iter().map(Cells::of).collect();
        Ok(ParquetFile { writer, columns, group, group_rows: 0, group_bytes: 0, rows: 0 })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> anyhow::Result<()> {
        for ((cell, column), cells) in cells.iter().zip(self.columns).zip(&mut self.group) {
            self.group_bytes += cells.push(cell, column)?;
        }
        self.group_rows += 1;
        self.rows += 1;
        if self.group_rows >= GROUP_ROWS_MAX || self.group_bytes >= GROUP_BYTES_MAX {
            self.end_group()?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> anyhow::Result<()> {
        let mut group = self.writer.next_row_group()?;
        for (cells, column) in self.group.iter_mut().zip(self.columns) {
            let mut writer = group.next_column()?.context("the file has fewer columns than its schema")?;
            let levels = (!column.always).then_some(cells.levels.as_slice());
            match &mut cells.values {
                Values::Texts(texts) => {
                    writer.typed::<ByteArrayType>().write_batch(texts, levels, None)?;
                    texts.clear();
                }
                Values::Integers(integers) => {
                    writer.typed::<Int64Type>().write_batch(integers, levels, None)?;
                    integers.clear();
                }
            }
            cells.levels.clear();
            writer.close()?;
        }
        group.close()?;
        (self.group_rows, self.group_bytes) = (0, 0);
        Ok(())
    }

    pub(super) fn end(mut self) -> anyhow::Result<u64> {
        if self.group_rows > 0 {
            self.end_group()?;
        }
        self.writer.close()?;
        Ok(self.rows)
    }
}

impl Cells {
    fn of(column: &Column) -> Cells {
        let values = match column.kind {
            Kind::Text | Kind::Json => Values::Texts(Vec::new()),
            Kind::Integer | Kind::Time => Values::Integers(Vec::new()),
        };
        Cells { values, levels: Vec::new() }
    }

    /// Gives the bytes that the cell takes.
    fn push(&mut self, cell: &Cell<'_>, column: &Column) -> anyhow::Result<usize> {
        let bytes = match (cell, &mut self.values) {
            (Cell::None, _) => {
                ensure!(!column.always, "a row has no {}: a fault of the host", column.name);
                self.levels.push(MISSING);
                return Ok(0);
            }
            (Cell::Text(text), Values::Texts(texts)) => {
                texts.push(ByteArray::from(text.as_bytes().to_vec()));
                text.len()
            }
            (Cell::Integer(integer), Values::Integers(integers)) => {
                integers.push(*integer);
                size_of::<i64>()
            }
            (Cell::Time(time), Values::Integers(integers)) => {
                integers.push(signed(*time));
                size_of::<i64>()
            }
            (Cell::Text(_) | Cell::Integer(_) | Cell::Time(_), _) => {
                anyhow::bail!("{cell:?} stands in the column {}: a fault of the host", column.name)
            }
        };
        self.levels.push(THERE);
        Ok(bytes)
    }
}

/// A time beyond the sign, which only a broken channel can tell, is the last one that there is.
fn signed(time: Instant) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn schema(columns: &[Column]) -> anyhow::Result<TypePtr> {
    let fields =
        columns.iter().map(|column| Ok(Arc::new(field(column)?))).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Arc::new(Type::group_type_builder("heliu").with_fields(fields).build()?))
}

fn field(column: &Column) -> anyhow::Result<Type> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
        Kind::Integer => (Physical::INT64, None),
        Kind::Time => {
            let in_utc = true;
            (Physical::INT64, Some(LogicalType::timestamp(in_utc, TimeUnit::MILLIS)))
        }
    };
    let repetition = if column.always { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    let builder = Type::primitive_type_builder(column.name, physical).with_repetition(repetition);
    Ok(builder.with_logical_type(logical).build()?)
}
