//! Real-time priority for the threads that sound can't wait for.

#![allow(unsafe_code, reason = "no crate in use wraps the two calls of this file")]

use std::mem;

/// Above everything ordinary, below what the kernel and sound servers take.
const PRIORITY: libc::c_int = 10;

/// Gives the calling thread SCHED_FIFO, unless whoever started the phone gave it a real-time priority already. False
/// where that is refused: it takes root, CAP_SYS_NICE or an RLIMIT_RTPRIO, and sound goes on without.
pub fn make_realtime() -> bool {
    is_realtime() || set(libc::SCHED_FIFO, PRIORITY)
}

/// Gives the calling thread back its ordinary place.
pub(super) fn make_ordinary() {
    // Refused to nobody.
    set(libc::SCHED_OTHER, 0);
}

fn is_realtime() -> bool {
    let mut policy = 0;
    // SAFETY: as in `set`; both pointers are valid and not shared during the call.
    let told = unsafe {
        let mut param: libc::sched_param = mem::zeroed();
        libc::pthread_getschedparam(libc::pthread_self(), &raw mut policy, &raw mut param) == 0
    };
    told && matches!(policy, libc::SCHED_FIFO | libc::SCHED_RR)
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
