//! The memory limit of the control groups that the process is in, of version 1 and 2.
//!
//! Sources: cgroups(7), proc_pid_mountinfo(5) and the kernel's documentation of both memory controllers.

use std::fs;
use std::path::{Path, PathBuf};

/// What version 1 says for "no limit" is the largest number of whole pages, which depends on the page size.
const NO_LIMIT: u64 = 1 << 60;

/// The smallest limit of the process's control groups and of those they are in, in bytes, and the file that says so.
/// `None` where none of them is limited.
///
/// `root` is `/` but in tests.
pub fn limit(root: &Path) -> Option<(u64, PathBuf)> {
    let memberships = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let mounts: Vec<Mount> = mounts.lines().filter_map(Mount::parse).collect();
    let mut smallest: Option<(u64, PathBuf)> = None;
    for (version, path) in memberships.lines().filter_map(membership) {
        for mount in mounts.iter().filter(|mount| mount.version == version) {
            for file in mount.files(path) {
                let limit = fs::read_to_string(root.join(&file)).ok().and_then(|text| parse(&text));
                if let Some(limit) = limit
                    && smallest.as_ref().is_none_or(|(other, _)| limit < *other)
                {
                    smallest = Some((limit, Path::new("/").join(file)));
                }
            }
        }
    }
    smallest
}

/// A limit file's number, `None` for "max" and for what version 1 says instead.
fn parse(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|&bytes| bytes < NO_LIMIT)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// Version and path of the group that a line of /proc/self/cgroup names, `None` where it is not about memory:
/// `4:memory:/a/b` or, for all controllers of version 2, `0::/a/b`.
fn membership(line: &str) -> Option<(Version, &str)> {
    let mut fields = line.splitn(3, ':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    match controllers {
        "" => Some((Version::V2, path)),
        _ if controllers.split(',').any(|name| name == "memory") => Some((Version::V1, path)),
        _ => None,
    }
}

/// Where the groups of a version are mounted.
struct Mount {
    version: Version,
    /// The group that is mounted: `/`, or in a container without a cgroup namespace its own.
    group: String,
    /// Where, without the leading slash.
    point: PathBuf,
}

impl Mount {
    /// Reads a line of /proc/self/mountinfo, `None` where it is not about control groups with memory:
    /// `35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory`.
    fn parse(line: &str) -> Option<Mount> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (group, point) = (mount.next()?, mount.next()?);
        let mut filesystem = filesystem.split(' ');
        let version = match (filesystem.next()?, filesystem.nth(1)?) {
            ("cgroup2", _) => Version::V2,
            ("cgroup", options) if options.split(',').any(|option| option == "memory") => Version::V1,
            _ => return None,
        };
        Some(Mount {
            version,
            group: group.to_owned(),
            point: point.trim_start_matches('/').into(),
        })
    }

    /// The limit files of the group and of those it is in, as far as they can be seen from here.
    fn files(&self, group: &str) -> Vec<PathBuf> {
        // A group outside of what is mounted cannot be seen: what is mounted is then the nearest.
        let below = Path::new(group).strip_prefix(&self.group).unwrap_or(Path::new(""));
        let name = match self.version {
            Version::V1 => "memory.limit_in_bytes",
            Version::V2 => "memory.max",
        };
        let groups = below.ancestors();
        groups.map(|group| self.point.join(group).join(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root with these files, and the limit found there in MiB, with the file that says so.
    fn found(files: &[(&str, &str)]) -> Option<(u64, String)> {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = root.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        limit(root.path()).map(|(bytes, file)| (bytes >> 20, file.display().to_string()))
    }

    fn is(mebibytes: u64, file: &str) -> Option<(u64, String)> {
        Some((mebibytes, file.to_owned()))
    }

    const V2: &str = "24 1 0:21 / /proc rw - proc proc rw\n\
                      29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1: &str = "34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";
    const UNLIMITED: &str = "9223372036854771712\n";
    const M256: &str = "268435456\n";
    const M512: &str = "536870912\n";

    #[test]
    fn of_nested_groups_the_smallest_limit_counts() {
        let files = |inner, outer| {
            found(&[
                ("proc/self/cgroup", "0::/kubepods.slice/pod1.slice/c1.scope\n"),
                ("proc/self/mountinfo", V2),
                ("sys/fs/cgroup/kubepods.slice/pod1.slice/c1.scope/memory.max", inner),
                ("sys/fs/cgroup/kubepods.slice/pod1.slice/memory.max", outer),
                ("sys/fs/cgroup/kubepods.slice/memory.max", "max\n"),
            ])
        };
        let inner = "/sys/fs/cgroup/kubepods.slice/pod1.slice/c1.scope/memory.max";
        let outer = "/sys/fs/cgroup/kubepods.slice/pod1.slice/memory.max";
        assert_eq!(files(M256, M512), is(256, inner));
        assert_eq!(files(M512, M256), is(256, outer));
        assert_eq!(files("max\n", M512), is(512, outer));
        assert_eq!(files("max\n", "max\n"), None);
    }

    #[test]
    fn in_a_container_with_a_cgroup_namespace_the_group_is_the_root() {
        let files = [
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/mountinfo", V2),
            ("sys/fs/cgroup/memory.max", M256),
        ];
        assert_eq!(found(&files), is(256, "/sys/fs/cgroup/memory.max"));
    }

    #[test]
    fn version_1_is_read_and_its_large_number_is_no_limit() {
        let files = |limit| {
            found(&[
                (
                    "proc/self/cgroup",
                    "5:cpu,cpuacct:/mesos/x\n4:memory:/mesos/x\n1:name=systemd:/\n",
                ),
                ("proc/self/mountinfo", V1),
                ("sys/fs/cgroup/memory/mesos/x/memory.limit_in_bytes", limit),
                ("sys/fs/cgroup/memory/mesos/memory.limit_in_bytes", UNLIMITED),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", UNLIMITED),
                // Of another controller, and of another group.
                ("sys/fs/cgroup/cpu,cpuacct/mesos/x/memory.limit_in_bytes", "1"),
                ("sys/fs/cgroup/memory/mesos/y/memory.limit_in_bytes", "1"),
            ])
        };
        assert_eq!(
            files(M256),
            is(256, "/sys/fs/cgroup/memory/mesos/x/memory.limit_in_bytes")
        );
        assert_eq!(files(UNLIMITED), None);
    }

    #[test]
    fn in_a_container_without_a_namespace_the_path_is_the_hosts_and_the_mount_its_own_group() {
        let mounts = V1.replace("0:32 / ", "0:32 /docker/4f2a ");
        let files = |group| {
            found(&[
                ("proc/self/cgroup", group),
                ("proc/self/mountinfo", &mounts),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", M256),
                ("sys/fs/cgroup/memory/init/memory.limit_in_bytes", M512),
            ])
        };
        let own = is(256, "/sys/fs/cgroup/memory/memory.limit_in_bytes");
        assert_eq!(files("4:memory:/docker/4f2a\n"), own);
        assert_eq!(files("4:memory:/docker/4f2a/init\n"), own);
        assert_eq!(files("4:memory:/somewhere/else\n"), own);
        // The host's path is not to be looked for below the container's mount.
        assert_eq!(files("4:memory:/docker\n"), own);
    }

    #[test]
    fn with_both_versions_the_one_that_has_the_memory_controller_tells() {
        let mounts = format!("{V1}41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
        let files = [
            ("proc/self/cgroup", "4:memory:/app\n0::/app\n"),
            ("proc/self/mountinfo", &mounts),
            ("sys/fs/cgroup/memory/app/memory.limit_in_bytes", M512),
            ("sys/fs/cgroup/unified/app/cgroup.procs", "1\n"),
        ];
        assert_eq!(
            found(&files),
            is(512, "/sys/fs/cgroup/memory/app/memory.limit_in_bytes")
        );
    }

    #[test]
    fn where_nothing_tells_there_is_no_limit() {
        assert_eq!(found(&[]), None);
        assert_eq!(
            found(&[("proc/self/cgroup", "0::/x\n"), ("proc/self/mountinfo", "nonsense\n")]),
            None
        );
        let unreadable = [
            ("proc/self/cgroup", "0::/\nnonsense\n"),
            ("proc/self/mountinfo", V2),
            ("sys/fs/cgroup/memory.max", "a lot\n"),
        ];
        assert_eq!(found(&unreadable), None);
    }
}
