//! The exploration within small bounds, and traces that once broke a promise.

mod short;
