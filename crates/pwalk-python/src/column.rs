//! One column of a table, for NumPy and for lists.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

/// The values of a column. NumPy views numbers without copying them, through
/// `__array_interface__`; the view keeps this object alive, and this object the memory.
#[pyclass(frozen, module = "pwalk._pwalk")]
pub(crate) struct Column {
    array: ArrayRef,
}

impl Column {
    pub(crate) fn new(array: ArrayRef) -> Column {
        Column { array }
    }

    /// NumPy's word for the type, the address of the first value; `None` for texts.
    fn numbers(&self) -> Option<(&'static str, usize)> {
        let array = &self.array;
        let (kind, start) = match array.data_type() {
            DataType::Int32 => ("<i4", array.as_primitive::<Int32Type>().values().as_ptr().addr()),
            DataType::Int64 => ("<i8", array.as_primitive::<Int64Type>().values().as_ptr().addr()),
            DataType::UInt32 => {
                ("<u4", array.as_primitive::<UInt32Type>().values().as_ptr().addr())
            }
            DataType::UInt64 => {
                ("<u8", array.as_primitive::<UInt64Type>().values().as_ptr().addr())
            }
            _ => return None,
        };
        Some((kind, start))
    }
}

#[pymethods]
impl Column {
    fn __len__(&self) -> usize {
        self.array.len()
    }

    /// True for numbers, which NumPy can view.
    #[getter]
    fn is_numeric(&self) -> bool {
        self.numbers().is_some()
    }

    /// Rows that have no value.
    #[getter]
    fn null_count(&self) -> usize {
        self.array.null_count()
    }

    #[getter(__array_interface__)]
    fn array_interface<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Some((kind, start)) = self.numbers() else {
            return Err(PyAttributeError::new_err("this column is not numeric"));
        };
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("shape", (self.array.len(),))?;
        interface.set_item("typestr", kind)?;
        interface.set_item("data", (start, true))?;
        Ok(interface)
    }

    /// The values as a list; `None` where there is none.
    fn to_list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let array = &self.array;
        match array.data_type() {
            DataType::Utf8 => PyList::new(py, array.as_string::<i32>().iter().collect::<Vec<_>>()),
            DataType::Binary => {
                let values = array.as_binary::<i32>().iter();
                PyList::new(py, values.map(|v| v.map(|v| PyBytes::new(py, v))).collect::<Vec<_>>())
            }
            DataType::Dictionary(..) => {
                let keys = array.as_dictionary::<Int8Type>();
                let values = keys.values().as_string::<i32>();
                let kinds: Vec<_> = values
                    .iter()
                    .map(|kind| pyo3::types::PyString::new(py, kind.unwrap_or_default()))
                    .collect();
                let of = |key: Option<i8>| key.map(|key| kinds[key as usize].clone());
                PyList::new(py, keys.keys().iter().map(of).collect::<Vec<_>>())
            }
            DataType::Int32 => {
                PyList::new(py, array.as_primitive::<Int32Type>().iter().collect::<Vec<_>>())
            }
            DataType::Int64 => {
                PyList::new(py, array.as_primitive::<Int64Type>().iter().collect::<Vec<_>>())
            }
            DataType::UInt32 => {
                PyList::new(py, array.as_primitive::<UInt32Type>().iter().collect::<Vec<_>>())
            }
            _ => PyList::new(py, array.as_primitive::<UInt64Type>().iter().collect::<Vec<_>>()),
        }
    }
}
