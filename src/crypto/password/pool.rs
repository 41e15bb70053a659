//! The hash pool.
