//! Database files that are none, damaged, newer, or only to be read.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use crate::support::{
    App, CATCH_UP, HEALTH, REBUILD, Running, STATUS, Tmpfs, ended, lines, numbered, skipped,
};

const PAGE: u64 = 4_096;

/// Writes rubbish over a part of a file.
fn scribble(path: &Path, pages: std::ops::Range<u64>) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(pages.start * PAGE)).unwrap();
    file.write_all(&vec![0xa5; ((pages.end - pages.start) * PAGE) as usize]).unwrap();
}

fn pages(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len() / PAGE
}

#[test]
fn what_is_no_database_of_ours_is_named_and_left_alone() {
    for file in ["events.db", "read.db"] {
        let schema = if file == "events.db" { "events_schema" } else { "checkpoints_schema" };
        let newer = format!("UPDATE projections_meta SET value = '7' WHERE key = '{schema}'");
        let newer_says = format!("newer version of this library ({schema} is 7, this program");
        let garbled = format!("UPDATE projections_meta SET value = 'x' WHERE key = '{schema}'");
        let garbled_says = format!("`{schema}` in `projections_meta` is damaged");
        type Damage<'a> = &'a dyn Fn(&App, &Path);
        let cases: [(Damage<'_>, &[&str]); 6] = [
            (&|app, _| app.sql(file, &newer), &[&newer_says, "upgrade the program"]),
            (&|app, _| app.sql(file, &garbled), &[&garbled_says, "restore the file from a backup"]),
            (
                &|_, path| {
                    fs::write(path, "a shopping list that is long enough: ".repeat(9)).unwrap()
                },
                &["not an SQLite database; choose another path, or restore it from a backup"],
            ),
            (
                &|_, path| {
                    fs::remove_file(path).unwrap();
                    fs::create_dir(path).unwrap();
                },
                &["it is a folder; name a file in it"],
            ),
            (
                &|_, path| {
                    let file = OpenOptions::new().write(true).open(path).unwrap();
                    file.set_len(pages(path) / 2 * PAGE).unwrap();
                },
                &["the file is damaged; restore it from a backup"],
            ),
            (
                &|_, path| {
                    fs::remove_file(path).unwrap();
                    std::os::unix::net::UnixListener::bind(path).unwrap();
                },
                &["it is not a regular file"],
            ),
        ];
        for (damage, texts) in cases {
            let app = App::projected(3_000);
            damage(&app, &app.path(file));
            let before = fs::read(app.path(file)).ok();
            for command in [&CATCH_UP[..], &STATUS, &HEALTH, &REBUILD, &["events", "head"]] {
                app.refuse(command, &[file]);
                app.refuse(command, texts);
            }
            app.refuse(&["projection", "run"], texts);
            assert!(fs::read(app.path(file)).ok() == before, "{texts:?}: the file was changed");
        }
    }
}

#[test]
fn what_is_not_there_is_said_so_and_not_made() {
    let app = App::new();
    let lost = App::at(&app.path("no such folder"));
    for command in [&CATCH_UP[..], &STATUS, &["events", "head"]] {
        lost.refuse(command, &["no such folder/events.db: its folder does not exist; create it"]);
    }
    assert!(!lost.path("").exists());
    let app = App::projected(10);
    let other = "UPDATE projections_meta SET value = 'mine' WHERE key = 'store_id'";
    app.sql("events.db", other);
    app.refuse(&STATUS, &["events.db", "the store's id", "is damaged; restore the file from a"]);
}

#[test]
fn an_import_that_left_rubbish_is_named() {
    let app = App::projected(10);
    app.sql("events.db", "INSERT INTO projections_imports VALUES ('mine', 'f', 1, 2)");
    app.refuse(&STATUS, &["events.db", "`mine` in `projections_imports` is no id", "delete the"]);
    // It is a matter of status alone.
    app.import(&lines(11..=20));
    app.catch_up(20);
}

#[test]
fn a_damaged_page_of_the_log_halts_and_a_restored_file_completes() {
    let app = App::projected(3_000);
    let (path, backup) = (app.path("events.db"), app.path("backup"));
    // All processes have ended, and the last one has put its write-ahead log into the file.
    assert!(!app.path("events.db-wal").exists());
    fs::copy(&path, &backup).unwrap();
    let middle = pages(&path) / 2;
    scribble(&path, middle - 8..middle + 8);
    let texts = ["events.db", "the file is damaged; restore it from a backup"];
    app.refuse(&CATCH_UP, &texts);
    app.refuse(&REBUILD, &["projector `ledger` halted: cannot read"]);
    // A rebuild came up to the damage; nothing of what follows it was invented.
    let came = app.ledger().rows.len() as u64;
    assert!(came < 3_000 && app.ledger() == numbered(came));
    let export = app.run(&["events", "export"]);
    assert!(export.code == Some(1) && export.err.contains(texts[1]), "{}", export.err);
    // `run` ends, too: it has nothing left that goes on.
    app.refuse(&["projection", "run"], &["projector `ledger` halted: "]);

    fs::copy(&backup, &path).unwrap();
    app.catch_up(3_000);
}

#[test]
fn a_damaged_page_of_the_read_model_halts_and_a_new_file_is_filled() {
    let app = App::projected(3_000);
    app.import(&lines(3_001..=3_010));
    let path = app.path("read.db");
    scribble(&path, 4..pages(&path));
    for command in [&CATCH_UP[..], &REBUILD] {
        app.refuse(
            command,
            &["projector `ledger` halted: cannot ", "read.db", "the file is damaged; restore it"],
        );
    }
    fs::remove_file(&path).unwrap();
    app.catch_up(3_010);
}

#[test]
fn a_write_ahead_log_that_is_missing_after_a_crash_is_a_step_back_and_no_mixture() {
    let app = App::projected(1_000);
    let running = Running::start(app.through("env", &[], &["projection", "run"]));
    running.hear("running 2 projectors on ");
    app.import(&lines(1_001..=2_000));
    app.until("position", 2_000);
    running.signal("-KILL");
    drop(running);
    fs::remove_file(app.path("read.db-wal")).unwrap();
    let went_back_to = app.status("ledger")["position"].as_u64().unwrap();
    assert_eq!(went_back_to, 1_000);
    app.catch_up(2_000);

    let running = Running::start(app.through("env", &[], &["projection", "run"]));
    running.hear("running 2 projectors on ");
    app.import(&lines(2_001..=3_000));
    app.until("position", 3_000);
    running.signal("-KILL");
    drop(running);
    fs::remove_file(app.path("events.db-wal")).unwrap();
    assert_eq!(app.head(), 2_000);
    app.refuse(&CATCH_UP, &["diverged: the log no longer holds event", "rebuild the projector"]);
    assert_eq!(app.status("ledger")["state"], "diverged");
    // Other events where the lost ones were are not taken for them.
    app.import(&lines(2_001..=2_500).replace("s-", "t-"));
    app.refuse(&CATCH_UP, &["diverged"]);
    assert!(app.ledger() == numbered(3_000));
    app.succeed(&REBUILD);
    assert!(app.ledger() == numbered(2_500));
}

#[test]
fn a_disk_that_may_only_be_read_is_said_so() {
    let Some(disk) = Tmpfs::new("16m") else { return skipped("this user may not mount") };
    let app = App::at(disk.path());
    app.import(&lines(1..=100));
    app.catch_up(100);
    let file = app.file("more", lines(101..=200));
    disk.remount("ro");
    for command in [&CATCH_UP[..], &STATUS, &HEALTH, &REBUILD, &["events", "import", &file]] {
        app.refuse(command, &["events.db: the file may only be read; ", "not mounted read-only"]);
    }
    disk.remount("rw");
    app.succeed(&["events", "import", &file]);
    app.catch_up(200);
}

#[test]
fn files_of_another_user_are_said_to_be_so() {
    for file in ["events.db", "read.db"] {
        let app = App::projected(100);
        app.import(&lines(101..=200));
        // Only this file may not be written; everybody may make others beside it.
        fs::set_permissions(app.path(""), PermissionsExt::from_mode(0o777)).unwrap();
        for (name, mode) in [("events.db", 0o666), ("read.db", 0o666), (file, 0o444)] {
            fs::set_permissions(app.path(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
        let mut probe = Command::new("setpriv");
        probe.args(nobody).args([env!("CARGO_BIN_EXE_bad-luck"), "--help"]);
        let as_nobody = |arguments: &[&str]| ended(app.through("setpriv", &nobody, arguments));
        if !probe.output().is_ok_and(|probe| probe.status.success()) {
            return skipped("this user may not become another, or the other may not start this");
        }
        for command in [&CATCH_UP[..], &STATUS, &["events", "head"]] {
            as_nobody(command).refused(&[file, "may only be read; allow this user to write"]);
        }
        fs::set_permissions(app.path(file), PermissionsExt::from_mode(0o666)).unwrap();
        let done = as_nobody(&CATCH_UP);
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(app.ledger() == numbered(200));
    }
}

#[test]
fn a_file_that_is_replaced_under_a_running_application_ends_it() {
    let app = App::projected(100);
    let other = App::projected(100);
    let running = Running::start(app.through("env", &[], &["projection", "run"]));
    running.hear("running 2 projectors on ");
    app.until("state", "caught up");
    fs::rename(other.path("events.db"), app.path("events.db")).unwrap();
    let (code, said) = running.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("was removed or replaced while it was open; stop the program"), "{said}");
    let mut magic = [0; 6];
    fs::File::open(app.path("events.db")).unwrap().read_exact(&mut magic).unwrap();
    assert_eq!(&magic, b"SQLite");
}
