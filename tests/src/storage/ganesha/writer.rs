//! A client that stays connected and goes on writing into one file, as a mounted share does: by the
//! library that `nfs-cp` stands on, loaded when it is needed.
//!
//! That library (4.0.0, Debian's) builds each request of NFS version 4 in a buffer of 4 KiB, whatever
//! is written: `nfs-cp`, which writes as much at once as the server takes, fails with every file of
//! more than some 3,900 bytes. The server has no part in it. So this client writes pieces, and large
//! files are written all the same.

#![expect(unsafe_code, reason = "the library is C")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::network::Machine;

/// Debian's name of the library.
pub const LIBRARY: &CStr = c"libnfs.so.13";

/// How much is written at once: what fits into a request, see above.
pub const PIECE: usize = 3000;

/// How long an answer may take.
const ANSWER_MS: c_int = 5000;

type Context = *mut c_void;
type Handle = *mut c_void;

/// A function of the library.
///
/// # Safety
/// `F` is the type of the function of this name.
unsafe fn function<F: Copy>(library: *mut c_void, name: &CStr) -> F {
    // SAFETY: a library that is open, and a name.
    let found = unsafe { libc::dlsym(library, name.as_ptr()) };
    assert!(!found.is_null() && size_of::<F>() == size_of::<*mut c_void>(), "{name:?}");
    // SAFETY: it is as large, and of that type.
    unsafe { std::mem::transmute_copy::<*mut c_void, F>(&found) }
}

/// Connects from a machine to a share, makes a file in it, and writes `content` over and over for as
/// long as `goes_on` says so after each piece. `written` counts the bytes that the server has taken.
/// Answers what the library says of the first failure.
pub fn write(
    machine: &Machine,
    location: &str,
    file: &str,
    content: &[u8],
    written: &AtomicU64,
    goes_on: impl Fn() -> bool + Send,
) -> Result<(), String> {
    let (host, share) = location.split_once(":/").unwrap();
    let text = |text: &str| CString::new(text).unwrap();
    let name = text(&format!("abaca {}", uuid::Uuid::new_v4()));
    let (host, share, file) = (text(host), text(&format!("/{share}")), text(&format!("/{file}")));
    machine.within(move || {
        // SAFETY: these are the types of the functions in nfsc/libnfs.h of version 4.0.0; a context
        // is used by this thread alone, a handle as long as its context, and all texts and buffers
        // live until the call returns.
        unsafe {
            let library = libc::dlopen(LIBRARY.as_ptr(), libc::RTLD_NOW);
            assert!(!library.is_null(), "{LIBRARY:?}");
            let init: unsafe extern "C" fn() -> Context = function(library, c"nfs_init_context");
            let set: unsafe extern "C" fn(Context, c_int) -> c_int =
                function(library, c"nfs_set_version");
            let call: unsafe extern "C" fn(Context, *const c_char) =
                function(library, c"nfs4_set_client_name");
            let patience: unsafe extern "C" fn(Context, c_int) =
                function(library, c"nfs_set_timeout");
            let mount: unsafe extern "C" fn(Context, *const c_char, *const c_char) -> c_int =
                function(library, c"nfs_mount");
            let create: unsafe extern "C" fn(Context, *const c_char, c_int, *mut Handle) -> c_int =
                function(library, c"nfs_creat");
            let open: unsafe extern "C" fn(Context, *const c_char, c_int, *mut Handle) -> c_int =
                function(library, c"nfs_open");
            let push: unsafe extern "C" fn(Context, Handle, u64, *const c_void) -> c_int =
                function(library, c"nfs_write");
            let why: unsafe extern "C" fn(Context) -> *const c_char =
                function(library, c"nfs_get_error");
            let close: unsafe extern "C" fn(Context, Handle) -> c_int =
                function(library, c"nfs_close");
            let destroy: unsafe extern "C" fn(Context) = function(library, c"nfs_destroy_context");

            let context = init();
            assert!(!context.is_null());
            set(context, 4);
            patience(context, ANSWER_MS);
            // Else two clients of one process and one second are one to the server.
            call(context, name.as_ptr());
            let mut handle: Handle = std::ptr::null_mut();
            let mut done = mount(context, host.as_ptr(), share.as_ptr());
            if done == 0 {
                done = create(context, file.as_ptr(), 0o644, &raw mut handle);
            }
            if done == 0 {
                done = close(context, handle);
                handle = std::ptr::null_mut();
            }
            if done == 0 {
                done = open(context, file.as_ptr(), libc::O_WRONLY, &raw mut handle);
            }
            while done >= 0 && !handle.is_null() {
                for piece in content.chunks(PIECE) {
                    done = push(context, handle, piece.len() as u64, piece.as_ptr().cast());
                    let Ok(taken) = u64::try_from(done) else { break };
                    written.fetch_add(taken, Ordering::Relaxed);
                }
                if done < 0 || !goes_on() {
                    break;
                }
            }
            let said = why(context);
            let said = if said.is_null() { c"no reason" } else { CStr::from_ptr(said) };
            let said = said.to_string_lossy().into_owned();
            if !handle.is_null() && done >= 0 {
                done = close(context, handle).min(done);
            }
            destroy(context);
            if done < 0 { Err(format!("{done}: {said}")) } else { Ok(()) }
        }
    })
}
