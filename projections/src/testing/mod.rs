//! For tests: conformance suites, and a storage double.
