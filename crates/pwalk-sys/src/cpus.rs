//! Processors and NUMA nodes, and where a thread runs.

#![allow(unsafe_code)]

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fs;
use std::path::Path;

/// The processors that this process may use.
pub fn allowed_cpus() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}

/// How many processors' time the cgroups of this process let it use: 1.9, for example. `None` where
/// they set no limit. Source: the kernel's documentation of cgroups, versions 1 and 2.
pub fn cpu_quota() -> Option<f64> {
    quota(Path::new("/sys/fs/cgroup"), &fs::read_to_string("/proc/self/cgroup").ok()?)
}

/// The smallest of the limits of a process's cgroups and of all above them. In a container the groups
/// above its own are out of sight, and its own is the top.
fn quota(top: &Path, cgroups: &str) -> Option<f64> {
    let limits = cgroups.lines().filter_map(|line| {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        let top = match controllers {
            "" => top.to_owned(),
            names if names.split(',').any(|name| name == "cpu") => {
                [names, "cpu"].map(|name| top.join(name)).into_iter().find(|top| top.exists())?
            }
            _ => return None,
        };
        let group = top.join(group.trim_start_matches('/'));
        let groups = group.ancestors().take_while(|group| group.starts_with(&top));
        groups.filter_map(limit).reduce(f64::min)
    });
    limits.reduce(f64::min)
}

fn limit(group: &Path) -> Option<f64> {
    let read = |name| fs::read_to_string(group.join(name));
    let text = read("cpu.max").or_else(|_| {
        Ok::<_, std::io::Error>([read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?].join(" "))
    });
    let text = text.ok()?;
    let mut numbers = text.split_whitespace().map(|number| number.parse::<f64>().ok());
    let (quota, period) = (numbers.next()??, numbers.next()??);
    // Without a limit the first is `max` or -1.
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// Of each NUMA node the processors that this process may use; nodes without any are left out.
pub fn numa_nodes() -> Vec<Vec<usize>> {
    let allowed = allowed_cpus();
    let Ok(entries) = fs::read_dir("/sys/devices/system/node") else { return vec![allowed] };
    let lists = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        let is_node = name.to_str()?.strip_prefix("node")?.parse::<usize>().is_ok();
        is_node.then(|| fs::read_to_string(entry.path().join("cpulist")).ok())?
    });
    let nodes = lists.map(|list| {
        parse_cpu_list(&list).into_iter().filter(|cpu| allowed.contains(cpu)).collect()
    });
    let nodes: Vec<Vec<usize>> = nodes.filter(|cpus: &Vec<usize>| !cpus.is_empty()).collect();
    if nodes.is_empty() { vec![allowed] } else { nodes }
}

/// Binds the calling thread to some processors. Without effect where the kernel refuses.
pub fn bind_thread(cpus: &[usize]) {
    let mut set = CpuSet::new();
    cpus.iter().filter(|&&cpu| cpu < CpuSet::MAX_CPU).for_each(|&cpu| set.set(cpu));
    let _ = sched_setaffinity(None, &set);
}

/// Asks for memory of the node that the calling thread runs on. Without effect where the kernel
/// knows no nodes.
pub fn prefer_local_memory() {
    // SAFETY: with this mode the call takes no mask, and reads no memory of ours.
    unsafe { libc::syscall(libc::SYS_set_mempolicy, libc::MPOL_LOCAL, 0, 0) };
}

/// Gives the calling thread the lowest priority for processors (nice 19) and for disks (the idle
/// class). Source: setpriority(2), ioprio_set(2). Without effect where the kernel refuses.
pub fn give_way() {
    const OF_THREAD: libc::c_int = 1;
    const IDLE_CLASS: libc::c_int = 3 << 13;
    // SAFETY: neither call takes a pointer. Relied on: in Linux 0 is the calling thread for both.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, 19);
        libc::syscall(libc::SYS_ioprio_set, OF_THREAD, 0, IDLE_CLASS);
    }
}

/// Reads `0-3,8,10-11`. What is no number is left out.
fn parse_cpu_list(list: &str) -> Vec<usize> {
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    ranges.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(parse_cpu_list("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
        assert_eq!(parse_cpu_list(""), []);
    }

    #[test]
    fn quotas_are_fractions_and_the_smallest_counts() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        let write = |path: &str, text: &str| {
            let path = top.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/cpu.max", "190000 100000\n");
        write("a/b/cpu.max", "max 100000\n");
        write("a/c/cpu.max", "50000 100000\n");
        write("cpu/d/cpu.cfs_quota_us", "250000\n");
        write("cpu/d/cpu.cfs_period_us", "100000\n");
        write("cpu/cpu.cfs_quota_us", "-1\n");
        write("cpu/cpu.cfs_period_us", "100000\n");
        let cases = [
            ("0::/a/b\n", Some(1.9)),
            ("0::/a/c\n", Some(0.5)),
            ("0::/\n", None),
            ("0::/../../elsewhere\n", None),
            ("4:memory:/a\n3:cpu,cpuacct:/d\n0::/\n", Some(2.5)),
            ("2:cpu:/\n", None),
            ("nothing", None),
        ];
        for (cgroups, expected) in cases {
            assert_eq!(quota(top, cgroups), expected, "{cgroups}");
        }
    }

    #[test]
    fn a_bound_thread_stays_where_it_is_put() {
        let allowed = allowed_cpus();
        assert!(!allowed.is_empty());
        assert_eq!(numa_nodes().concat().len(), allowed.len());
        let first = allowed[0];
        let bound = std::thread::spawn(move || {
            bind_thread(&[first]);
            prefer_local_memory();
            allowed_cpus()
        });
        assert_eq!(bound.join().unwrap(), [first]);
        assert_eq!(allowed_cpus(), allowed);
    }
}
