//! What is said of a filesystem, and of the threads that a walk of it gets.

use pwalk::{ErrorKind, Info, THREADS_MAX};
use std::path::Path;

#[test]
fn a_filesystem_is_known_by_its_mount() {
    let info = Info::of(Path::new("/proc/self"), Some(3)).unwrap();
    let mount = info.filesystem.mount.as_ref().expect("/proc is mounted");
    assert_eq!((mount.point.as_slice(), mount.fs_type.as_str()), (&b"/proc"[..], "proc"));
    assert_eq!((info.kind.name, info.filesystem.magic), ("local", 0x9fa0));
    assert_eq!((info.threads.count, info.threads.reason.as_str()), (3, "asked for"));
    assert_eq!(info.path, Path::new("/proc/self"));
}

#[test]
fn t32_without_a_wish_a_local_filesystem_gets_a_thread_a_core() {
    let info = Info::of(Path::new("/"), None).unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    let is_set = ["PWALK_THREADS", "SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    if !is_set && !info.kind.is_remote() {
        assert_eq!((info.threads.count, info.threads.n_cores), (cores, cores));
    }
    assert!(info.threads.count >= 1);
}

#[test]
fn what_cannot_be_asked_is_refused_by_name() {
    let error = Info::of(Path::new("/no/such/path"), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Root);
    assert_eq!(error.to_string(), "/no/such/path: No such file or directory");
    for n in [0, THREADS_MAX + 1] {
        let error = Info::of(Path::new("/"), Some(n)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert_eq!(error.argument(), Some("threads"));
        assert_eq!(error.value(), Some(n.to_string().as_str()));
    }
    assert_eq!(Info::of(Path::new("/"), Some(THREADS_MAX)).unwrap().threads.count, THREADS_MAX);
}
