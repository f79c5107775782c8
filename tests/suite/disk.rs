//! A disk that fills up: events are refused in time, nothing is lost, and it goes on by itself once there is room.

use crate::appliance::{Appliance, eventually, found, lossy, total};
use crate::client::Client;
use crate::samples::{plain, plain_with};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const EVENTS: &str = "/api/v1/audit/events";
const MIB: u64 = 1 << 20;

/// A small file system in memory; unmounted with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one where the data directory will be; `None`, said out loud, where that is not allowed.
    fn mount(place: &Path, bytes: u64) -> Option<SmallDisk> {
        std::fs::create_dir_all(place).expect("it can be made");
        let size = format!("size={bytes},mode=0700");
        let mounted = mounted_well(
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "sealwatch-test"]).arg(place),
        );
        if !mounted {
            println!("skipped: no file system can be mounted here");
        }
        mounted.then(|| SmallDisk(place.to_owned()))
    }

    fn resize(&self, bytes: u64) {
        let size = format!("remount,size={bytes}");
        assert!(mounted_well(Command::new("mount").args(["-o", &size]).arg(&self.0)), "it was mounted here");
    }

    fn remount(&self, how: &str) {
        let how = format!("remount,{how}");
        assert!(mounted_well(Command::new("mount").args(["-o", &how]).arg(&self.0)), "it was mounted here");
    }

    fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(&self.0).expect("it is mounted");
        disk.f_bavail * disk.f_frsize
    }

    /// Writes a file of someone else's until only so much is free.
    fn fill(&self, leave: u64) {
        let mut ballast = File::options().create(true).append(true).open(self.0.join("ballast"));
        let ballast = ballast.as_mut().expect("it can be made");
        while self.free() > leave {
            let step = usize::try_from((self.free() - leave).min(MIB)).expect("it is small");
            if ballast.write_all(&vec![0x55; step]).is_err() {
                return;
            }
        }
    }

    fn empty(&self) {
        drop(std::fs::remove_file(self.0.join("ballast")));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        mounted_well(Command::new("umount").arg("-l").arg(&self.0));
    }
}

fn mounted_well(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn state_of(client: &Client) -> Value {
    client.get("/api/v1/health/components/disk").expect(200).json()["status"].clone()
}

/// With limits that any disk is beyond: what is refused, and what goes on.
#[test]
fn on_a_full_disk_events_are_refused_and_everything_else_goes_on() {
    let mut appliance = Appliance::start();
    let key = appliance.key(&["--name", "disk", "--scope", "ingest", "--scope", "read", "--scope", "admin"]);
    let client = appliance.client().with_key(&key);
    client.post(EVENTS, &plain()).expect(201);
    appliance.stop();
    appliance.restart_with(&[
        ("SEALWATCH_HEALTH__DISK_WARN_PERCENT", "1"),
        ("SEALWATCH_HEALTH__DISK_ALERT_PERCENT", "1"),
        ("SEALWATCH_HEALTH__DISK_CRITICAL_PERCENT", "2"),
    ]);
    let client = appliance.client().with_key(&key);
    if state_of(&client) != "CRITICAL" {
        println!("skipped: the disk of this machine is empty");
        return;
    }
    for path in [EVENTS, "/api/v1/audit/events/bulk"] {
        let refused = client.post(path, &json!([plain()])).expect(507);
        assert_eq!(refused.json()["code"], "disk_full");
        assert!(refused.header("retry-after").is_some_and(|secs| secs.parse::<u64>().is_ok()), "{refused}");
    }
    assert_eq!(total(&client, ""), 1);
    assert_eq!(appliance.client().get("/healthz").status, 503);
    let alert = eventually("the alert", || found(&client, "&pattern=DISK_SPACE").into_iter().next());
    assert_eq!((&alert["type"], &alert["severity"]), (&json!("SYSTEM"), &json!("HIGH")));
    let step = format!("/api/v1/alerts/{}/acknowledge", alert["id"].as_str().expect("an id"));
    client.post(&step, &json!({})).expect(200);
    let books = client.get("/api/v1/metrics/audit").expect(200).json()["accounting"]["disk"].clone();
    assert_eq!(books, json!({"received": 1, "stored": 1, "duplicate": 0, "rejected": 0}), "it never came in");
    let noticed = client.get("/api/v1/activity?kind=appliance").expect(200).json();
    assert_eq!(noticed["activities"][0]["activity"]["state"], "full", "{noticed}");

    assert_eq!(appliance.stop().code(), Some(0));
    appliance.restart_with(&[]);
    let client = appliance.client().with_key(&key);
    client.post(EVENTS, &plain()).expect(201);
    eventually("it says that there is room again", || {
        let noticed = client.get("/api/v1/activity?kind=appliance").expect(200).json();
        (noticed["activities"][0]["activity"]["state"] == "roomy").then_some(())
    });
}

#[test]
fn a_disk_filled_to_the_last_byte_costs_nothing_and_it_goes_on_once_there_is_room() {
    let mut appliance = Appliance::at_rest();
    let Some(disk) = SmallDisk::mount(&appliance.data_dir(), 64 * MIB) else { return };
    appliance.restart_with(&[
        ("SEALWATCH_HEALTH__DISK_CRITICAL_PERCENT", "95"),
        ("SEALWATCH_HEALTH__DISK_ALERT_PERCENT", "90"),
        ("SEALWATCH_HEALTH__DISK_WARN_PERCENT", "80"),
        ("SEALWATCH_HEALTH__DISK_RESERVE_BYTES", "2097152"),
    ]);
    let key = appliance.key(&["--name", "disk", "--scope", "ingest", "--scope", "read", "--scope", "admin"]);
    let client = appliance.client().with_key(&key);
    let batch: Vec<Value> =
        (0..50).map(|n| plain_with(json!({ "n": n, "fill": incompressible(n) }))).collect();
    let batch = Value::from(batch);
    let mut acknowledged = 0;
    let refused = loop {
        let reply = client.post(EVENTS, &batch);
        if reply.status != 202 {
            break reply;
        }
        acknowledged += 50;
        assert!(acknowledged < 100_000, "the disk is small");
    };
    assert_eq!((refused.status, &refused.json()["code"]), (507, &json!("disk_full")));
    assert!(acknowledged > 0 && disk.free() >= MIB, "it stopped in time: {} are free", disk.free());
    assert_eq!(total(&client, ""), acknowledged);

    // Someone else takes the rest, to the last byte: what is there can be read, and nothing is written.
    eventually("it is full", || {
        // What is merged right now may remove files meanwhile.
        disk.fill(0);
        (disk.free() == 0).then_some(())
    });
    assert_eq!(client.post(EVENTS, &plain()).status, 507);
    assert_eq!(total(&client, ""), acknowledged, "reading goes on");
    assert_eq!(client.post("/api/v1/keys", &json!({"name": "more"})).status, 507, "nothing is written");
    eventually("it was looked at", || (state_of(&client) == "CRITICAL").then_some(()));
    disk.empty();
    disk.resize(128 * MIB);
    eventually("it takes events again", || (client.post(EVENTS, &plain()).status == 201).then_some(()));
    assert_eq!(total(&client, ""), acknowledged + 1);
    appliance.detection_is_done(&client);

    // It can be stopped while there is no room, says so, and comes back with everything.
    disk.fill(0);
    assert_eq!(client.post(EVENTS, &plain()).status, 507);
    let status = appliance.stop();
    assert!([Some(0), Some(74)].contains(&status.code()), "{status}");
    disk.empty();
    appliance.restart();
    let client = appliance.client().with_key(&key);
    assert_eq!(total(&client, ""), acknowledged + 2, "with the event of the fence");
    assert_eq!(appliance.stop().code(), Some(0));
    let verified = appliance.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}{}", lossy(&verified.stdout), lossy(&verified.stderr));
}

/// A file system that takes nothing any more: the process ends and says why, instead of acknowledging.
#[test]
fn a_file_system_gone_read_only_ends_the_process_with_a_clear_message() {
    let mut appliance = Appliance::at_rest();
    let Some(disk) = SmallDisk::mount(&appliance.data_dir(), 64 * MIB) else { return };
    appliance.restart();
    appliance.stop();
    disk.remount("ro");
    let refused = appliance.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(74), "{}", lossy(&refused.stderr));
    let told = lossy(&refused.stderr);
    assert!(told.contains("Read-only file system") && told.contains("check"), "{told}");
    disk.remount("rw");
    appliance.restart();
}

/// A sync or a write that fails leaves open what is on the disk: the process ends without a word to whoever waited.
#[test]
fn a_disk_that_fails_under_load_ends_the_process_and_nothing_acknowledged_is_lost() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: there is no strace");
        return;
    }
    fails_under_load("trace=fdatasync", "inject=fdatasync:error=EIO:when=60+", "Input/output error");
    fails_under_load("trace=pwrite64", "inject=pwrite64:error=EIO:when=400+", "Input/output error");
    fails_under_load("trace=pwrite64", "inject=pwrite64:error=EROFS:when=400+", "Read-only file system");
}

/// The system calls fail from some place in the run on, as strace has it; `told` is what the system says of it.
#[track_caller]
fn fails_under_load(trace: &'static str, inject: &'static str, told: &str) {
    let mut appliance = Appliance::start();
    let key = appliance.key(&["--name", "disk", "--scope", "ingest", "--scope", "read"]);
    appliance.stop();
    // In the background (-D), so that the program stays this process's own child.
    appliance.under = vec!["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", trace, "-e", inject];
    appliance.restart();
    let client = appliance.client().with_key(&key).with("Content-Type", "application/json");
    let mut acknowledged = 0;
    while let Ok(reply) = client.try_call("POST", EVENTS, plain().to_string().as_bytes()) {
        if reply.status != 201 {
            assert_eq!((reply.status, reply.json()["code"].clone()), (503, json!("stopping")));
            break;
        }
        acknowledged += 1;
        assert!(acknowledged < 1_000, "{inject} did nothing");
    }
    assert!(acknowledged > 0, "it took some first");
    assert_eq!(appliance.end().code(), Some(74), "{}", appliance.log());
    let log = appliance.log();
    assert!(log.contains(told) && log.contains("nothing more is acknowledged"), "{log}");
    appliance.under.clear();
    appliance.restart();
    let there = total(&appliance.client().with_key(&key), "");
    assert!((acknowledged..=acknowledged + 1).contains(&there), "{acknowledged} acknowledged, {there} there");
}

/// A text of a few kilobytes that no compression makes smaller.
fn incompressible(seed: u64) -> String {
    use sha2::{Digest, Sha256};
    (0..64_u64).map(|n| hex::encode(Sha256::digest([seed.to_le_bytes(), n.to_le_bytes()].concat()))).collect()
}
