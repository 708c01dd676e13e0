//! The target this binary is named after.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert!(sockscope::run::noise::run(env!("CARGO_BIN_NAME"), bytes));
});
