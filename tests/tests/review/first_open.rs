//! Several processes that meet at a file that does not exist yet.

use std::process::{Command, Stdio};

#[test]
fn processes_that_create_one_file_at_once_all_succeed() {
    for _round in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events.db");
        let children: Vec<_> = (0..8)
            .map(|n| {
                Command::new(env!("CARGO_BIN_EXE_ledger"))
                    .args(["append", file.to_str().unwrap(), &format!("s-{n}"), "0", "1"])
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let db = rusqlite::Connection::open(&file).unwrap();
        let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT count(*) FROM events"), 8);
        assert_eq!(count("SELECT count(*) FROM projections_meta WHERE key = 'store_id'"), 1);
    }
}
