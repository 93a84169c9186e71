//! A warning where a database file lies on a file system that other machines share.

use std::path::Path;

/// File systems on which SQLite's locks, or its shared memory, cannot be relied on.
#[cfg(target_os = "linux")]
const SHARED: &[&str] = &[
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse.glusterfs",
    "fuse.sshfs",
    "gfs2",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "smb3",
    "smbfs",
];

/// Warns, on Linux, where the mount table says that the file is on a network file system.
#[cfg(target_os = "linux")]
pub(super) fn warn_if_shared(path: &Path, label: &str) {
    use std::os::unix::fs::MetadataExt;

    let Ok(device) = std::fs::metadata(path).map(|metadata| metadata.dev()) else { return };
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mountinfo") else { return };
    if let Some(kind) = kind_of_device(&mounts, device).filter(|kind| SHARED.contains(kind)) {
        tracing::warn!(
            "{label} is on a network file system ({kind}), where SQLite's locks may fail and \
             events may be lost; use a local disk"
        );
    }
}

/// Other systems have no such table.
#[cfg(not(target_os = "linux"))]
pub(super) fn warn_if_shared(_: &Path, _: &str) {}

/// Finds the file system's kind: the word after the lone hyphen of the device's line.
#[cfg(target_os = "linux")]
fn kind_of_device(mounts: &str, device: u64) -> Option<&str> {
    let major = ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff);
    let minor = (device & 0xff) | ((device >> 12) & 0xff_ff_ff_00);
    let wanted = format!("{major}:{minor}");
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some(&wanted))?;
    line.split(' ').skip_while(|word| *word != "-").nth(1)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::kind_of_device;

    #[test]
    fn a_network_file_system_is_found_in_the_mount_table() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      40 22 0:51 / /share rw,relatime shared:1 - nfs4 host:/x rw\n";
        assert_eq!(kind_of_device(mounts, 51), Some("nfs4"));
        assert_eq!(kind_of_device(mounts, 0x801), Some("ext4"));
        assert_eq!(kind_of_device(mounts, 52), None);
    }
}
