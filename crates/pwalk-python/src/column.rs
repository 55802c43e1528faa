//! One column of a table, for NumPy, for Arrow and as a list, and how it is found by its name.
//!
//! Its memory is the table's: nothing is copied but into lists. Knows no scan.

use arrow_array::cast::AsArray;
use arrow_array::ffi::to_ffi;
use arrow_array::types::{Int8Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{ArrowError, DataType, Schema};
use pwalk::did_you_mean;
use pyo3::exceptions::{PyAttributeError, PyImportError, PyKeyError, PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyIterator, PyList, PySlice, PyTuple};

/// The values of a column, for NumPy, for Arrow and as a list.
// NumPy views numbers through `__array_interface__`; the view keeps this object alive, and this
// object the memory.
#[pyclass(frozen, module = "pwalk")]
pub(crate) struct Column {
    name: String,
    array: ArrayRef,
}

impl Column {
    pub(crate) fn new(name: &str, array: ArrayRef) -> Column {
        Column { name: name.to_owned(), array }
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

/// Arrow's word for a type, as PyArrow spells it.
pub(crate) fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 => "string".to_owned(),
        DataType::Dictionary(key, value) => {
            format!("dictionary<{}, {}>", type_name(key), type_name(value))
        }
        kind => kind.to_string().to_lowercase(),
    }
}

/// The two capsules of an array: its schema and its values.
pub(crate) fn array_capsules<'py>(
    py: Python<'py>,
    array: &dyn Array,
) -> PyResult<Bound<'py, PyTuple>> {
    let (array, schema) = to_ffi(&array.to_data()).map_err(to_os_error)?;
    let schema = PyCapsule::new_with_value(py, schema, c"arrow_schema")?;
    let array = PyCapsule::new_with_value(py, array, c"arrow_array")?;
    PyTuple::new(py, [schema, array])
}

/// What Arrow could not do.
pub(crate) fn to_os_error(error: ArrowError) -> PyErr {
    PyOSError::new_err(error.to_string())
}

/// The name of a column in a table, from what a user has put between brackets.
pub(crate) fn name_in(key: &Bound<'_, PyAny>, schema: &Schema) -> PyResult<String> {
    let Ok(name) = key.extract::<String>() else {
        let kind = key.get_type().name()?;
        let reason = format!("a column is taken by its name, such as 'inode', not by {kind}");
        return Err(PyTypeError::new_err(reason));
    };
    if schema.index_of(&name).is_ok() {
        return Ok(name);
    }
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let (list, hint) = (names.join(", "), did_you_mean(&name, names));
    Err(PyKeyError::new_err(format!("no column '{name}' among {list}{hint}")))
}

#[pymethods]
impl Column {
    fn __repr__(&self) -> String {
        let (name, kind, n_rows) = (&self.name, self.data_type(), self.array.len());
        let n_nulls = match self.array.null_count() {
            0 => String::new(),
            count => format!(", {count} null"),
        };
        format!("Column('{name}', {kind}, {n_rows} rows{n_nulls})")
    }

    /// The name of the column.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// The type of the values, in Arrow's words.
    #[getter]
    fn data_type(&self) -> String {
        type_name(self.array.data_type())
    }

    /// The number of values.
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
            let reason = format!("column '{}' is not numeric", self.name);
            return Err(PyAttributeError::new_err(reason));
        };
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("shape", (self.array.len(),))?;
        interface.set_item("typestr", kind)?;
        interface.set_item("data", (start, true))?;
        Ok(interface)
    }

    /// The values as a NumPy array: numbers as a read-only view of this memory, with 0 where there
    /// is none; texts copied, as objects.
    pub(crate) fn to_numpy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (py, column) = (slf.py(), slf.get());
        let numpy = py.import("numpy").map_err(|_| {
            PyImportError::new_err(
                "a column as an array needs NumPy: pip install 'pwalk-rs[numpy]'",
            )
        })?;
        if column.is_numeric() {
            return numpy.call_method1("asarray", (slf,));
        }
        let array = numpy.call_method1("empty", (column.array.len(), "object"))?;
        array.set_item(PySlice::full(py), column.to_list(py)?)?;
        Ok(array)
    }

    /// What NumPy takes for texts.
    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let array = Column::to_numpy(slf)?;
        match (dtype, copy) {
            (Some(dtype), _) => array.call_method1("astype", (dtype,)),
            (None, Some(true)) => array.call_method0("copy"),
            (None, _) => Ok(array),
        }
    }

    /// The values for readers of Arrow arrays, without copying.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        // The protocol allows to answer any request with the own schema.
        drop(requested_schema);
        array_capsules(py, &self.array)
    }

    /// The values one after the other, as `to_list` gives them.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.to_list(py)?.try_iter()
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
