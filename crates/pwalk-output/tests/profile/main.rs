//! Profiles of fake trees against a naive count of the same rows.

mod bounds;
mod lists;
mod naive;
mod properties;
