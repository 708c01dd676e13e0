//! Cores, processor time and memory, as the kernel counts them.

use std::fs;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

use crate::Res;

/// Descriptors up to the hard limit.
pub fn many_files() -> Res<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

/// Cores of this process now.
fn cores() -> Res<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect())
}

/// Runs `spawn` so that what it starts has one core: the first for a server, the last for a load.
pub fn pinned<T>(first: bool, spawn: impl FnOnce() -> Res<T>) -> Res<T> {
    let all = cores()?;
    let (Some(low), Some(high)) = (all.first(), all.last()) else { return spawn() };
    pin(&[if first { *low } else { *high }])?;
    let made = spawn();
    pin(&all)?;
    made
}

fn pin(cores: &[usize]) -> Res<()> {
    let mut set = CpuSet::new();
    cores.iter().try_for_each(|core| set.set(*core))?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// A server's processes: itself and, where it has children for its connections, those.
pub struct Group(i32);

/// Ticks of a second in /proc (`sysconf(_SC_CLK_TCK)`, 100 on every Linux).
const TICK: Duration = Duration::from_millis(10);

impl Group {
    pub fn new(leader: i32) -> Self {
        Self(leader)
    }

    /// Fields of /proc/PID/stat behind the name, of each process of the group.
    fn stats(&self) -> Vec<(i32, Vec<String>)> {
        let Ok(dir) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = dir.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let stat = |pid: i32| {
            let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let fields = text.rsplit_once(") ")?.1.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let in_group = pid == self.0 || fields.get(2)?.parse::<i32>().ok()? == self.0;
            in_group.then_some((pid, fields))
        };
        pids.filter_map(stat).collect()
    }

    /// Processor time of all, children that are over included.
    pub fn cpu(&self) -> Duration {
        let of = |(pid, fields): (i32, Vec<String>)| {
            let clock = clock_getcpuclockid(Pid::from_raw(pid)).and_then(|clock| clock.now());
            let own = clock.map_or(Duration::ZERO, Duration::from);
            // Fields 16 and 17 of proc_pid_stat(5): what children used that were waited for.
            let ticks: u32 = fields.get(13..15).unwrap_or_default().iter().flat_map(|text| text.parse::<u32>()).sum();
            own + TICK * ticks
        };
        self.stats().into_iter().map(of).sum()
    }

    /// Resident memory of all, in KiB.
    pub fn memory(&self) -> u64 {
        let of = |(pid, _): (i32, Vec<String>)| {
            let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        self.stats().into_iter().filter_map(of).sum()
    }
}

/// The machine in a line.
pub fn name() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = cores().map_or(0, |cores| cores.len());
    format!("{cores} cores of {}, Linux {}", model.unwrap_or("an unknown processor"), kernel.trim())
}

/// How busy the machine was in the last minute: more than one beside us, and figures are noise.
pub fn busy() -> String {
    fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| Some(text.split(' ').next()?.to_owned()))
        .unwrap_or_default()
}
