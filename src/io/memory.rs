//! What the C library does with memory that is freed.

/// The size from which on a block is mapped on its own, and given back to the system when it is freed: glibc's own, which
/// it raises for good as soon as a larger block is freed. The 12 MiB of a password's check would then stay with the phone.
#[cfg(target_env = "gnu")]
const MAPPED_FROM_BYTES: libc::c_int = 128 << 10;

/// One heap for all threads, in place of one for each, of which each keeps its own fullest moment. Nobody waits for
/// another: the threads of RTP allocate nothing in a call, and the others seldom work at once.
#[cfg(target_env = "gnu")]
const HEAPS: libc::c_int = 1;

/// Has what is freed serve all threads, and large blocks given back. To be called before any thread is started.
#[cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "settings of the C library, which the standard library doesn't know")
)]
pub fn keep_little() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets numbers of the allocator, any values of which are good; no other thread runs yet. Where they are
    // refused, memory is only kept for longer.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
        libc::mallopt(libc::M_ARENA_MAX, HEAPS);
    }
}

/// Gives all whole pages that are free back to the system: a flood of calls leaves hundreds. It takes some hundred
/// microseconds, so it is for a thread at rest.
#[cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "a function of the C library, which the standard library doesn't know")
)]
pub fn give_back_the_rest() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the allocator locks what it looks at, and frees nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}
