//! The machine that functions run on: process groups, what it can run, what it tells of a process.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::lock;

/// The process groups that live, so that the cloud can end them all.
#[derive(Default)]
pub struct Groups(Mutex<BTreeSet<i32>>);

impl Groups {
    pub fn add(&self, group: i32) {
        lock(&self.0).insert(group);
    }

    pub fn remove(&self, group: i32) {
        lock(&self.0).remove(&group);
    }

    pub fn end_all(&self) {
        for group in lock(&self.0).iter().copied() {
            end(group);
        }
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }
}

/// Ends what a cloud left behind that was killed while a function was at work: everything that runs
/// in a folder of unpacked code. An idle function ends by itself when its Runtime API goes. Only Linux
/// shows where other processes run.
pub fn end_left_behind(codes: &Path) {
    let Ok(processes) = std::fs::read_dir("/proc") else { return };
    // The links in /proc are resolved, so the folder must be too.
    let Ok(codes) = codes.canonicalize() else { return };
    for process in processes.flatten() {
        let runs_here =
            std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&codes));
        let pid = process.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        if let (true, Some(pid)) = (runs_here, pid.and_then(Pid::from_raw)) {
            tracing::info!(pid = pid.as_raw_nonzero(), "ending a function's process of an earlier run");
            match rustix::process::kill_process(pid, Signal::KILL) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => tracing::warn!(%error, "a function's process could not be ended"),
            }
        }
    }
}

/// Kills a whole process group.
pub fn end(group: i32) {
    if let Some(group) = Pid::from_raw(group) {
        match kill_process_group(group, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => tracing::warn!(%error, "a function's process could not be ended"),
        }
    }
}

/// Starts the command. A file that was just written can be busy for a moment: another thread that
/// forks in between holds it open until it runs its own program.
pub async fn spawn_free(command: &mut Command) -> io::Result<Child> {
    for _ in 0..50 {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            spawned => return spawned,
        }
    }
    command.spawn()
}

/// Whether the host can run the file. Asked before the start, since exec falls back to the shell for
/// a program of another machine.
pub fn runnable(bootstrap: &Path) -> io::Result<()> {
    let mut head = [0_u8; 20];
    let mut file = std::fs::File::open(bootstrap).map_err(|_| {
        io::Error::other("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
    })?;
    let read = io::Read::read(&mut file, &mut head)?;
    if fits(&head[..read]) {
        Ok(())
    } else {
        Err(io::Error::other("fork/exec /var/task/bootstrap: exec format error"))
    }
}

fn fits(head: &[u8]) -> bool {
    if head.starts_with(b"#!") {
        return true;
    }
    if cfg!(target_os = "macos") {
        return head.starts_with(&[0xcf, 0xfa, 0xed, 0xfe]) || head.starts_with(&[0xca, 0xfe, 0xba, 0xbe]);
    }
    // e_machine of the ELF header: EM_X86_64 is 62, EM_AARCH64 is 183.
    let machine = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    head.starts_with(b"\x7fELF") && head.get(18..20) == Some(&u16::to_le_bytes(machine)[..])
}

/// MB; only Linux tells. The memory limit itself is not enforced.
pub fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_another_machine_is_told_by_its_elf_header() {
        let elf = |machine: u16| {
            let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
            head.extend(machine.to_le_bytes());
            head
        };
        if cfg!(target_os = "linux") {
            assert_eq!(fits(&elf(62)), cfg!(target_arch = "x86_64"));
            assert_eq!(fits(&elf(183)), cfg!(target_arch = "aarch64"));
        }
        assert!(fits(b"#!/bin/sh\n"));
        assert!(!fits(b"plain text"));
        assert!(!fits(b""));
    }
}
