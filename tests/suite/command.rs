//! Programs that a test runs to their end: none is waited for without a bound, and none outlives its test.

use crate::appliance::lossy;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a command of the program may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(240);

/// A program on its way. What it says goes to files, so that nothing which inherits them can keep the test waiting.
pub(crate) struct Run {
    what: String,
    child: Child,
    stdout: File,
    stderr: File,
}

impl Run {
    /// Starts it, in a process group of its own.
    #[track_caller]
    pub(crate) fn begin(command: &mut Command) -> Run {
        let file = || tempfile::tempfile().expect("a temporary file can be made");
        let (stdout, stderr) = (file(), file());
        let to = |file: &File| Stdio::from(file.try_clone().expect("there is room for a descriptor"));
        command.stdout(to(&stdout)).stderr(to(&stderr)).process_group(0);
        let what = format!("{command:?}");
        let child = command.spawn().unwrap_or_else(|error| panic!("{what} cannot be started: {error}"));
        Run { what, child, stdout, stderr }
    }

    /// The program itself.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// What it came to; one that takes longer fails the test with what it has said.
    #[track_caller]
    pub(crate) fn end_within(mut self, patience: Duration) -> Output {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + patience;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it was started here") {
                break status;
            }
            if Instant::now() > deadline {
                let Output { stdout, stderr, .. } = self.said(std::process::ExitStatus::default());
                panic!(
                    "{:.300} did not end within {patience:?}; it said: {} {}",
                    self.what,
                    lossy(&stdout),
                    lossy(&stderr)
                );
            }
            std::thread::park_timeout(Duration::from_millis(5));
        };
        self.said(status)
    }

    /// The same within the usual time.
    #[track_caller]
    pub(crate) fn end(self) -> Output {
        self.end_within(PATIENCE)
    }

    fn said(&mut self, status: std::process::ExitStatus) -> Output {
        let read = |file: &mut File| {
            let mut bytes = Vec::new();
            file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("it can be read");
            bytes
        };
        Output { status, stdout: read(&mut self.stdout), stderr: read(&mut self.stderr) }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Whoever has been waited for leaves nobody behind whose number could be someone else's now.
        if matches!(self.child.try_wait(), Ok(None)) {
            let group = rustix::process::Pid::from_child(&self.child);
            // Where that fails it has just ended.
            let _killed = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            drop(self.child.wait());
        }
    }
}

/// What that command comes to.
#[track_caller]
pub(crate) fn output_of(command: &mut Command) -> Output {
    Run::begin(command).end()
}
