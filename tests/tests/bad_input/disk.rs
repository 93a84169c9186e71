//! Disks without room.

use std::{os::unix::fs::symlink, process::Command};

use crate::{
    support::{App, CATCH_UP, Ended, Running, STATUS, Tmpfs, ended, lines, skipped},
    wiring::wired,
};

const LINES: u64 = 20_000;

/// What stands for a disk that is too small.
enum Disk {
    /// A file system of its own.
    Small(Tmpfs),
    /// A limit on the size of each file, for one process.
    Limit,
}

impl Disk {
    /// Those that this user can have, by name.
    fn all(size: &str) -> Vec<(&'static str, Self)> {
        let small = Tmpfs::new(size).map(|disk| ("a small tmpfs", Self::Small(disk)));
        if small.is_none() {
            skipped("a small tmpfs: this user may not mount");
        }
        small.into_iter().chain([("a limit on file sizes", Self::Limit)]).collect()
    }

    fn command(&self, app: &App, arguments: &[&str]) -> Command {
        match self {
            Self::Small(_) => app.through("env", &[], arguments),
            // 600 blocks of 512 or 1,024 bytes; only the soft limit, so that it can be lifted.
            Self::Limit => {
                let limited = "trap '' XFSZ; ulimit -S -f 600; exec \"$0\" \"$@\"";
                app.through("sh", &["-c", limited], arguments)
            }
        }
    }

    fn make_room(&self, running: Option<&Running>) {
        match (self, running) {
            (Self::Small(disk), _) => disk.remount("size=64m"),
            (Self::Limit, None) => {}
            (Self::Limit, Some(running)) => {
                let lift = ["--pid", &running.pid(), "--fsize=unlimited:"];
                assert!(Command::new("prlimit").args(lift).status().unwrap().success());
            }
        }
    }
}

#[track_caller]
fn names_the_disk(done: &Ended, file: &str) {
    done.refused(&[file]);
    let said = &done.err;
    assert!(said.contains("is full; make room") || said.contains("check the disk, the"), "{said}");
    assert!(said.len() < 1_000, "{said}");
}

#[test]
fn an_import_says_so_and_goes_on_where_it_stopped() {
    let numbers = App::new();
    let file = numbers.file("numbers.ndjson", lines(1..=LINES));
    for (name, disk) in Disk::all("600k") {
        println!("{name}");
        let app = match &disk {
            Disk::Small(disk) => App::at(disk.path()),
            Disk::Limit => App::new(),
        };
        let import = ["events", "import", &file];
        let full = ended(disk.command(&app, &import));
        names_the_disk(&full, "events.db");
        full.refused(&[
            "numbers.ndjson`: stopped after 0 of 20000 lines",
            "same command continues",
        ]);
        disk.make_room(None);
        assert_eq!(app.head(), 0, "half a chunk");
        app.succeed(&import);
        app.catch_up(LINES);
    }
}

/// An application whose read models are on the small disk, and its events are not.
fn with_read_models_on(disk: &Disk) -> App {
    let app = App::new();
    app.import(&lines(1..=LINES));
    if let Disk::Small(disk) = disk {
        std::fs::remove_file(app.path("read.db")).unwrap();
        symlink(disk.path().join("read.db"), app.path("read.db")).unwrap();
    }
    app
}

#[test]
fn a_one_shot_run_ends_with_the_reason_and_its_repeat_completes() {
    for (name, disk) in Disk::all("500k") {
        println!("{name}");
        let app = with_read_models_on(&disk);
        let full = ended(disk.command(&app, &CATCH_UP));
        names_the_disk(&full, "read.db");
        full.refused(&["projector `ledger` halted: ", "projector `ledger` waits and retries: "]);
        disk.make_room(None);
        // What is there is a whole number of batches.
        let applied = app.status("ledger")["position"].as_u64().unwrap();
        assert!(applied < LINES && applied.is_multiple_of(1_000), "{applied}");
        app.catch_up(LINES);
    }
}

#[test]
fn a_disk_that_is_full_in_setup_is_waited_for_and_not_blamed_on_the_hook() {
    for (name, disk) in Disk::all("500k") {
        println!("{name}");
        let app = with_read_models_on(&disk);
        let arguments: Vec<_> =
            ["--wiring", "big-setup"].iter().chain(&CATCH_UP).copied().collect();
        let full = ended(disk.command(&app, &arguments));
        names_the_disk(&full, "read.db");
        full.refused(&["projector `ledger` waits and retries: cannot write to"]);
        assert!(!full.err.contains("#[setup]"), "{full:?}");
        disk.make_room(None);
        assert_eq!(app.count("read.db", "SELECT count(*) FROM sqlite_schema"), 0);
        app.succeed(&arguments);
        app.catch_up(LINES);
    }
}

#[test]
fn a_disk_that_is_full_of_rows_is_waited_for_and_no_event_is_to_blame() {
    for (name, disk) in Disk::all("500k") {
        println!("{name}");
        let app = with_read_models_on(&disk);
        let run = wired("rows", &CATCH_UP);
        let full = ended(disk.command(&app, &run));
        names_the_disk(&full, "read.db");
        full.refused(&["projector `numbers` waits and retries: cannot "]);
        assert!(!full.err.contains("at position"), "{full:?}");
        disk.make_room(None);
        app.succeed(&run);
        let rows = "SELECT count(*) FROM numbers WHERE times = 1";
        assert_eq!(app.count("read.db", rows), i64::try_from(LINES).unwrap());
    }
}

#[test]
fn a_run_waits_says_so_and_goes_on_by_itself_once_there_is_room() {
    if Command::new("prlimit").arg("--version").output().is_err() {
        return skipped("there is no prlimit");
    }
    for (name, disk) in Disk::all("500k") {
        println!("{name}");
        let app = with_read_models_on(&disk);
        let running = Running::start(disk.command(&app, &["projection", "run"]));
        let waits = running.hear("projector `ledger` waits and retries: ");
        assert!(waits.contains("read.db"), "{waits}");
        let status = app.status("ledger");
        assert!(status["behind"].as_u64().unwrap() > 0, "{status}");
        assert_ne!(status["state"], "caught up");
        disk.make_room(Some(&running));
        running.hear("projector `ledger` goes on");
        app.until("state", "caught up");
        running.signal("-TERM");
        running.hear("stopping; another Ctrl-C stops at once");
        let (code, said) = running.end();
        assert_eq!((code, said.as_str()), (Some(0), "stopped"), "{name}");
        app.catch_up(LINES);
        assert_eq!(app.succeed(&STATUS).err, "");
    }
}
