//! Real-time priority for the threads that sound can't wait for.

#![allow(unsafe_code, reason = "no crate in use wraps pthread_setschedparam, the one call of this file")]

use std::mem;

/// Above everything ordinary, below what the kernel and sound servers take.
const PRIORITY: libc::c_int = 10;

/// Gives the calling thread SCHED_FIFO. False where that is refused: it takes root, CAP_SYS_NICE or an RLIMIT_RTPRIO,
/// and sound goes on without.
pub fn make_realtime() -> bool {
    set(libc::SCHED_FIFO, PRIORITY)
}

/// Gives the calling thread back its ordinary place.
pub(super) fn make_ordinary() {
    // Refused to nobody.
    set(libc::SCHED_OTHER, 0);
}

fn set(policy: libc::c_int, priority: libc::c_int) -> bool {
    // SAFETY: `sched_param` is a C struct of integers (of one or several, as the C library has it), for which zeroes
    // are valid. `pthread_self` names the calling thread, which lives, and the pointer is valid during the call.
    unsafe {
        let mut param: libc::sched_param = mem::zeroed();
        param.sched_priority = priority;
        libc::pthread_setschedparam(libc::pthread_self(), policy, &param) == 0
    }
}
