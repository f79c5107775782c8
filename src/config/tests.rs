//! Files and variables in, settings or mistakes out.

use super::layers::uncommented;
use super::reader::Reader;
use super::{Config, Overrides, load};
use crate::model::{Pattern, Severity};
use crate::telemetry::LogLevel;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The settings of a text in place of a file, under these variables.
fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut reader = Reader::new(Path::new("sealwatch.toml"), text, variables);
    let config = Config::read(&mut reader);
    let mistakes = reader.finish();
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes.iter().map(ToString::to_string).collect()) }
}

fn check_mistakes(text: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let found = read(text, variables).expect_err("this text has mistakes");
    assert_eq!(found, expected);
}

fn manual() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/sealwatch.toml");
    std::fs::read_to_string(path).expect("the manual of every key is part of the repository")
}

/// `signing_secret_file` alone has no default that could be written down.
fn without_a_default(line: &str) -> bool {
    line.starts_with("signing_secret_file")
}

#[test]
fn an_empty_file_and_the_shipped_one_give_the_defaults() {
    assert_eq!(read("", &[]), Ok(Config::default()));
    assert_eq!(read(&manual(), &[]), Ok(Config::default()));
}

#[test]
fn the_shipped_file_with_every_line_uncommented_gives_the_defaults() {
    let manual = manual();
    let lines = manual.lines().map(uncommented).filter(|line| !without_a_default(line));
    assert_eq!(read(&lines.collect::<Vec<_>>().join("\n"), &[]), Ok(Config::default()));
}

#[test]
fn the_shipped_file_explains_every_key() {
    let text = manual().lines().map(uncommented).collect::<Vec<_>>().join("\n");
    let written = super::written::Document::parse(&text, Path::new(""));
    let mut reader = Reader::default();
    Config::read(&mut reader);
    let keys: Vec<String> = reader.keys().collect();
    for key in &keys {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        assert!(written.values.contains_key(&path), "{key} is missing in packaging/sealwatch.toml");
    }
    assert_eq!(written.values.len(), keys.len());
}

#[test]
fn the_shipped_file_names_the_range_of_every_number() {
    let manual = manual();
    let mut explained = String::new();
    for line in manual.lines() {
        let key = uncommented(line);
        let is_number =
            key.split(" = ").nth(1).is_some_and(|value| value.starts_with(|c: char| c.is_ascii_digit()));
        match line.is_empty() {
            true if !explained.contains("For each of the five") => explained.clear(),
            _ => explained.push_str(line),
        }
        assert!(!is_number || explained.contains(" to "), "{key} is not explained: {explained}");
    }
}

#[test]
fn all_mistakes_are_named_at_once_with_key_line_and_what_is_allowed() {
    let text = "listen = \"nowhere\"\n\
                colour = \"red\"\n\
                [intake]\n\
                depth_max = 0\n\
                dept_max = 3\n\
                keys_max = \"1000\"\n\
                [patterns.FAILED_AUTH]\n\
                severity = \"SEVERE\"\n\
                [detection]\n\
                off_hours = [22, 24]\n\
                time_zone = \"Europe/Atlantis\"\n\
                holidays = [2026-02-30]\n\
                weekends = 1\n";
    let found = read(text, &[]).expect_err("nearly every line is a mistake");
    let expected = [
        "sealwatch.toml:1: listen: \"nowhere\" is not an address with a port",
        "sealwatch.toml:2: colour: unknown key",
        "sealwatch.toml:4: intake.depth_max: 0 is not a whole number from 1 to 64",
        "sealwatch.toml:5: intake.dept_max: unknown key; did you mean intake.depth_max?",
        "sealwatch.toml:6: intake.keys_max: \"1000\" is not a whole number from 8 to 100000",
        "sealwatch.toml:8: patterns.FAILED_AUTH.severity: \"SEVERE\" is not one of \"CRITICAL\", \"HIGH\"",
        "sealwatch.toml:10: detection.off_hours: a list is not a list of hours from 0 to 23",
        "sealwatch.toml:11: detection.time_zone: \"Europe/Atlantis\" is not an IANA time zone",
        "sealwatch.toml:12: ",
        "sealwatch.toml:13: detection.weekends: 1 is not true or false",
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\nshould begin: {expected}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn both_ends_of_a_range_are_allowed_and_nothing_beyond() {
    let depth = |depth: i64| {
        read(&format!("[intake]\ndepth_max = {depth}"), &[]).map(|config| config.intake.limits.depth_max)
    };
    assert_eq!(depth(1), Ok(1));
    assert_eq!(depth(64), Ok(64));
    assert!(depth(0).is_err() && depth(65).is_err() && depth(-1).is_err() && depth(i64::MAX).is_err());
}

#[test]
fn a_key_under_the_wrong_section_is_told_where_it_belongs() {
    check_mistakes(
        "[web]\nlisten = \"127.0.0.1:1\"",
        &[],
        &["sealwatch.toml:2: web.listen: unknown key; did you mean listen, above the first [section]?"],
    );
    check_mistakes(
        "intake = 3",
        &[],
        &["sealwatch.toml:1: intake: is a section; write [intake] and its keys below it"],
    );
    let mistakes = read("[patterns.failed_auth]\nthreshold = 3", &[]).expect_err("patterns are in capitals");
    assert!(mistakes[0].ends_with("did you mean patterns.FAILED_AUTH.threshold?"), "{mistakes:?}");
    check_mistakes("[webb]\nx = 1", &[], &["sealwatch.toml:2: webb.x: unknown section; did you mean [web]?"]);
    assert!(read("[webb]", &[]).is_err() && read("[web]", &[]).is_ok());
}

#[test]
fn what_is_no_toml_is_told_with_its_line_and_the_rest_is_still_checked() {
    let found = read("listen = = 1\n[intake]\ndepth_max = 0", &[]).expect_err("two mistakes");
    assert!(found[0].starts_with("sealwatch.toml:1: not TOML"), "{found:?}");
    assert_eq!(
        found.last().map(String::as_str),
        Some("sealwatch.toml:3: intake.depth_max: 0 is not a whole number from 1 to 64")
    );
}

#[test]
fn values_that_contradict_each_other_are_told() {
    check_mistakes(
        "[web]\nsession_idle_secs = 3600\nsession_max_secs = 3599",
        &[],
        &["sealwatch.toml:2: web.session_idle_secs: must not be above session_max_secs (3599)"],
    );
    assert!(read("[web]\nsession_idle_secs = 3600\nsession_max_secs = 3600", &[]).is_ok());
    assert!(read("[health]\ndisk_warn_percent = 95", &[]).is_err());
    assert!(read("[patterns.OFF_HOURS]\nthreshold = 2", &[]).is_err());
    assert!(read("[intake]\nbody_bytes_max = 70000", &[]).is_err(), "below the largest event");
}

#[test]
fn a_variable_sets_any_key_and_wins_over_the_file() {
    let variables = [
        ("SEALWATCH_PATTERNS__FAILED_AUTH__THRESHOLD", "7"),
        ("SEALWATCH_DETECTION__OFF_HOURS", "1, 2"),
        ("SEALWATCH_WEB__SECURE_COOKIES", "true"),
        ("SEALWATCH_LISTEN", "[::]:80"),
    ];
    let config =
        read("listen = \"127.0.0.1:1\"\n[web]\nsecure_cookies = false", &variables).expect("all is well");
    assert_eq!(config.detection.settings.all.get(Pattern::FailedAuth).threshold, 7);
    assert_eq!(config.detection.settings.all.off_hours.hours, [1, 2].into());
    assert!(config.web.secure_cookies);
    assert_eq!(config.listen.to_string(), "[::]:80");
}

#[test]
fn a_mistake_in_a_variable_names_it() {
    check_mistakes(
        "",
        &[("SEALWATCH_INTAKE__DEPTH_MAX", "deep")],
        &["SEALWATCH_INTAKE__DEPTH_MAX: \"deep\" is not a whole number from 1 to 64"],
    );
    check_mistakes(
        "",
        &[("SEALWATCH_INTAKE__DEPHT_MAX", "3")],
        &["SEALWATCH_INTAKE__DEPHT_MAX: stands for no key; did you mean SEALWATCH_INTAKE__DEPTH_MAX?"],
    );
    check_mistakes(
        "[intake]\ndepth_max = 0",
        &[("SEALWATCH_INTAKE__DEPTH_MAX", "3")],
        &["sealwatch.toml:2: intake.depth_max: 0 is not a whole number from 1 to 64"],
    );
    check_mistakes(
        "",
        &[("LOG_LEVEL", "loud")],
        &["LOG_LEVEL: \"loud\" is not one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\""],
    );
}

#[test]
fn variables_that_others_set_are_passed_over() {
    let foreign = [("SEALWATCH_SERVICE_HOST", "10.0.0.1"), ("SEALWATCH_API_KEY", "sw_x"), ("PATH", "/bin")];
    assert_eq!(read("", &foreign), Ok(Config::default()));
}

#[test]
fn log_level_is_taken_in_any_case_and_our_own_name_for_it_wins() {
    let level = |variables: &[(&str, &str)]| read("", variables).map(|config| config.telemetry.log_level);
    assert_eq!(level(&[("LOG_LEVEL", "WARN")]), Ok(LogLevel::Warn));
    assert_eq!(level(&[("LOG_LEVEL", "")]), Ok(LogLevel::Info));
    let both = [("LOG_LEVEL", "warn"), ("SEALWATCH_TELEMETRY__LOG_LEVEL", "debug")];
    assert_eq!(level(&both), Ok(LogLevel::Debug));
}

#[test]
fn an_organisation_changes_what_it_names_and_keeps_the_rest() {
    let text = "[patterns.FAILED_AUTH]\nthreshold = 4\n\
                [organizations.\"St. Mary\"]\ntime_zone = \"Europe/London\"\n\
                [organizations.\"St. Mary\".patterns.FAILED_AUTH]\nseverity = \"LOW\"\n\
                [organizations.empty]\n";
    let variables = [
        ("SEALWATCH_ORGANIZATIONS__ACME__WEEKENDS", "true"),
        ("SEALWATCH_ORGANIZATIONS__ST__MARY__HOLIDAYS", "2026-12-25"),
    ];
    let settings = read(text, &variables).expect("all is well").detection.settings;
    let own = settings.for_organization(Some("St. Mary"));
    assert_eq!(own.off_hours.time_zone.iana_name(), Some("Europe/London"));
    assert_eq!(own.off_hours.holidays.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2026-12-25"]);
    assert_eq!(own.get(Pattern::FailedAuth).threshold, 4);
    assert_eq!(own.get(Pattern::FailedAuth).severity, Severity::Low);
    assert_eq!(settings.all.get(Pattern::FailedAuth).severity, Severity::High);
    assert!(settings.for_organization(Some("acme")).off_hours.weekends);
    assert!(!settings.for_organization(Some("other")).off_hours.weekends);
    assert_eq!(settings.for_organization(Some("empty")), settings.for_organization(None));
    let names: std::collections::BTreeSet<&str> = settings.organizations.keys().map(String::as_str).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["St. Mary", "acme", "empty"]);
}

#[test]
fn the_defaults_are_those_of_decoding_and_detection() {
    let config = Config::default();
    assert_eq!(config.intake.limits, crate::decode::Limits::default());
    assert_eq!(config.detection.settings, crate::detect::Settings::default());
}

#[test]
fn the_secret_comes_from_the_variable_then_the_file_then_the_credential() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("the temporary directory takes files");
        path
    };
    let secret_file = write("secret", "from the file\r\n");
    write("audit-hmac-key", "from the credential\n");
    let settings = format!("[integrity]\nsigning_secret_file = {secret_file:?}");
    let settings = write("sealwatch.toml", &settings);
    let credentials = ("CREDENTIALS_DIRECTORY".to_owned(), directory.path().display().to_string());
    let variable = ("AUDIT_CRYPTO_SECRET".to_owned(), "from the variable".to_owned());
    let secret = |file: Option<&PathBuf>, variables: &[&(String, String)]| {
        let variables = variables.iter().map(|variable| (*variable).clone());
        let config = load(file.map(PathBuf::as_path), Overrides::default(), variables).expect("all is well");
        config.integrity.signing_secret.map(|secret| secret.reveal().to_owned())
    };
    assert_eq!(secret(Some(&settings), &[&credentials, &variable]).as_deref(), Some("from the variable"));
    assert_eq!(secret(Some(&settings), &[&credentials]).as_deref(), Some("from the file"));
    assert_eq!(secret(None, &[&credentials]).as_deref(), Some("from the credential"));
    assert_eq!(secret(None, &[]), None);
    write("audit-hmac-key", "\n");
    assert_eq!(secret(None, &[&credentials]), None, "the unit's fallback is an empty credential");
    write("secret", "\n");
    let mistakes = load(Some(&settings), Overrides::default(), []).expect_err("the file holds no secret");
    assert_eq!((mistakes[0].key.as_str(), mistakes[0].line), ("integrity.signing_secret_file", Some(2)));
}

#[test]
fn a_mistake_about_a_secret_does_not_show_it() {
    let hidden = "hunter2\u{fffd}";
    let variable = [("AUDIT_CRYPTO_SECRET".to_owned(), hidden.to_owned())];
    let mistakes = load(None, Overrides::default(), variable).expect_err("the secret was not UTF-8");
    assert!(mistakes.iter().all(|mistake| !mistake.to_string().contains("hunter2")));
    let config = load(None, Overrides::default(), [("AUDIT_CRYPTO_SECRET".to_owned(), "hunter2".to_owned())]);
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_and_the_command_line_wins() {
    let mistakes = load(Some(Path::new("/nonexistent/x.toml")), Overrides::default(), []);
    assert_eq!(mistakes.expect_err("there is no such file").len(), 1);
    let overrides = Overrides { data_dir: Some("/srv".into()), listen: Some(([0, 0, 0, 0], 1).into()) };
    let config =
        load(None, overrides, [("SEALWATCH_DATA_DIR".to_owned(), "/env".to_owned())]).expect("all is well");
    assert_eq!(config.data_dir, Path::new("/srv"));
    assert_eq!(config.listen.port(), 1);
}

#[test]
fn every_key_has_its_value_in_force_as_text_and_a_secret_only_says_that_it_is_set() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let text = "[patterns.FAILED_AUTH]\nthreshold = 7\nseverity = \"low\"\n[detection]\noff_hours = [1, 2]\n";
    std::fs::write(file.path(), text).expect("it takes text");
    let variables = [
        ("AUDIT_CRYPTO_SECRET".to_owned(), "hush-hush".to_owned()),
        ("SEALWATCH_ORGANIZATIONS__ACME__WEEKENDS".to_owned(), "true".to_owned()),
    ];
    let overrides = Overrides { data_dir: Some(PathBuf::from("/var/x")), listen: None };
    let config = load(Some(file.path()), overrides, variables).expect("all is well");
    for (key, value) in [
        ("patterns.FAILED_AUTH.threshold", "7"),
        ("patterns.FAILED_AUTH.severity", "LOW"),
        ("detection.off_hours", "1, 2"),
        ("detection.time_zone", "UTC"),
        ("organizations.acme.weekends", "true"),
        ("organizations.acme.patterns.FAILED_AUTH.threshold", "7"),
        ("data_dir", "/var/x"),
        ("listen", "127.0.0.1:5600"),
        ("web.secure_cookies", "false"),
        ("integrity.signing_secret", "set"),
    ] {
        assert_eq!(config.texts.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert!(!config.texts.values().any(|value| value.contains("hush")));
    let mut reader = Reader::default();
    let defaults = Config::read(&mut reader).texts;
    assert!(reader.keys().all(|key| defaults.contains_key(&key)), "{defaults:?}");
    assert_eq!(defaults.len(), reader.keys().count() + 1, "the secret beside them");
    assert_eq!(defaults["integrity.signing_secret"], "not set");
}
