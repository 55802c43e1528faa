//! What an ordinary user may not see: every row that can be had, and every error said.

use crate::harness::{N_WORKERS, assert_as_walked, config, naive, report, try_report};
use pwalk::{Errno, ErrorKind, Operation};
use pwalk_testkit::fixture;
use pwalk_testkit::privileges::as_user;

#[test]
fn t20_unreadable_directories_have_rows_and_errors_and_hide_no_sibling() {
    // Made by the user himself, so that no walk changes an access time.
    as_user(|| {
        let tree = fixture("inaccessible").build().unwrap();
        let expected = naive(tree.path());
        for n_workers in N_WORKERS {
            let run = report(config([tree.path()], n_workers));
            assert_as_walked(&run, &expected);
            assert!(!run.summary.is_complete());
            let count = |op| run.errors.iter().filter(|error| error.operation == op).count();
            assert_eq!((count(Operation::Open), count(Operation::Stat)), (110, 30));
            assert!(run.errors.iter().all(|error| error.errno == Errno::ACCESS));
            assert_eq!(run.summary.errors.get("EACCES"), Some(&140));
        }
    });
}

#[test]
fn t20_the_list_of_errors_holds_each_error_once() {
    as_user(|| {
        let tree = fixture("inaccessible").build().unwrap();
        let list = tree.folder().join("errors.ndjson");
        let mut config = config([tree.path()], 8);
        config.errors = Some(list.clone());
        let run = report(config);
        let line = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
        let text = std::fs::read_to_string(list).unwrap();
        let mut listed: Vec<_> = text.lines().map(|text| line(text)["path"].to_string()).collect();
        let mut heard: Vec<_> =
            run.errors.iter().map(|error| format!("\"{}\"", error.path.escape_ascii())).collect();
        listed.sort();
        heard.sort();
        assert_eq!(listed, heard);
        let first = line(text.lines().next().unwrap());
        assert_eq!((&first["errno"], &first["error"]), (&13.into(), &"EACCES".into()));
        assert_eq!(first["message"], "Permission denied");
    });
}

#[test]
fn t10_a_root_that_cannot_be_read_is_refused_by_its_name() {
    as_user(|| {
        let tree = fixture("inaccessible").build().unwrap();
        for (name, may_start) in [
            ("closed_000", false),
            ("searched_000", false),
            ("closed_000/a.txt", false),
            ("listed_000", true),
            ("searched_000/a.txt", true),
            ("searched_000/inner", true),
            ("closed_file", true),
        ] {
            let path = tree.path().join(name);
            let error = try_report(config([&path], 2)).err();
            assert_eq!(error.is_none(), may_start, "{name}: {error:?}");
            if let Some(error) = error {
                assert_eq!((error.kind(), error.errno()), (ErrorKind::Root, Some(Errno::ACCESS)));
                assert_eq!(error.to_string(), format!("{}: Permission denied", path.display()));
            }
        }
    });
}
