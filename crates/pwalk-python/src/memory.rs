//! The allocator of the module. Memory of Python itself is not its matter.

/// So that a lack of memory is a `MemoryError`, and not the end of the process.
#[global_allocator]
static ALLOCATOR: pwalk::Reserve = pwalk::Reserve;
