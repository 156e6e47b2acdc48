#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    (mutations::JSON.examine)(input);
});
