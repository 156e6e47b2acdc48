//! How many descriptors this process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Takes as many descriptors as the system allows. It usually gives 1,024 to who doesn't ask, for the sake of programs that
/// wait by select(2): fewer than the programs that may be connected at once.
pub fn take_all() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Where it is refused, what there is does for most.
        setrlimit(Resource::RLIMIT_NOFILE, most, most).ok();
    }
}
