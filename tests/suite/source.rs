//! Properties of the source: layers, first lines, sizes, who knows which crate, no clock in pure code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rows of `ARCHITECTURE.md`, top to bottom. A module imports from the rows above its own only.
const ROWS: [&[&str]; 9] = [
    &["model"],
    &["decode", "integrity", "detect", "merkle", "archive", "breaker", "secrets", "retention"],
    &["witness", "evidence"],
    &["store", "counters", "keys", "search", "notify", "telemetry"],
    &["config"],
    &["ingest"],
    &["readers"],
    &["web"],
    &["app", "cli", "main", "lib"],
];

/// Rows whose modules are pure: functions of their arguments.
const PURE_ROWS: usize = 3;
const LINES_MAX: usize = 500;

struct SourceFile {
    /// Relative to the directory that was walked.
    path: PathBuf,
    text: String,
}

impl SourceFile {
    /// The module of the first level that it belongs to.
    fn module(&self) -> String {
        let first = self.path.components().next().expect("a path has a first part");
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    }

    fn is_test(&self) -> bool {
        let in_tests = self.path.components().any(|part| part.as_os_str() == "tests");
        in_tests || self.path.file_name().is_some_and(|name| name == "tests.rs" || name == "scripts.rs")
    }

    /// Its code without comments, texts and the tests at its end.
    fn code(&self) -> String {
        let end = self.text.find("\n#[cfg(test)]\nmod tests").unwrap_or(self.text.len());
        without_comments_and_texts(&self.text[..end])
    }
}

/// Leaves out what no compiler reads, and what stands between quotes.
fn without_comments_and_texts(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let mut quoted = false;
        let mut previous = '\0';
        for (at, character) in line.char_indices() {
            if !quoted && line[at..].starts_with("//") {
                break;
            }
            let quote = character == '"'
                && previous != '\\'
                && !(previous == '\'' && line[at + 1..].starts_with('\''));
            quoted ^= quote;
            if !quoted || quote {
                code.push(character);
            }
            previous = if previous == '\\' { '\0' } else { character };
        }
        code.push('\n');
    }
    code
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All of the library and the program.
fn files() -> Vec<SourceFile> {
    let found = files_in("src");
    assert!(found.len() > 50, "the walk found the source");
    found
}

/// All Rust files below a directory of the repository.
fn files_in(directory: &str) -> Vec<SourceFile> {
    let top = root().join(directory);
    let mut found = Vec::new();
    let mut directories = vec![top.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("the source is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("source is text");
                let path = path.strip_prefix(&top).expect("it lies there").to_owned();
                found.push(SourceFile { path, text });
            }
        }
    }
    found
}

/// Complaints about files, all at once.
#[track_caller]
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The modules of the first level that code names by `crate::` or, in the binary, by `sealwatch::`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for root in ["crate::", "sealwatch::"] {
        for (at, _) in code.match_indices(root) {
            let rest = code[at + root.len()..].trim_start();
            if let Some(list) = rest.strip_prefix('{') {
                found.extend(first_names(list));
            } else {
                found.extend(identifier(rest));
            }
        }
    }
    found
}

/// The first names of a list in braces: `a::{x, y}, b` gives `a` and `b`.
fn first_names(list: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut depth, mut begins) = (0_i32, true);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && depth == 0 && !c.is_whitespace() => {
                found.extend(identifier(&list[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    found
}

fn identifier(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

fn row_of(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

#[test]
fn a_module_imports_only_from_the_rows_above_it() {
    let mut complaints = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for file in files().iter().filter(|file| !file.is_test()) {
        let module = file.module();
        let Some(row) = row_of(&module) else {
            complaints.push(format!("{}: the module {module} stands in no row", file.path.display()));
            continue;
        };
        known.insert(module.clone(), row);
        for imported in imports(&file.code()).into_iter().filter(|name| *name != module) {
            match row_of(&imported) {
                Some(other) if other < row => {}
                // The root wires everything; what stands there are parts of one program.
                Some(other) if other == row && row == ROWS.len() - 1 => {}
                Some(_) => complaints.push(format!("{}: {module} imports {imported}", file.path.display())),
                None => complaints.push(format!("{}: {imported} stands in no row", file.path.display())),
            }
        }
    }
    assert!(known.len() > 10, "{known:?}");
    none(complaints);
}

#[test]
fn the_check_of_layers_sees_what_it_must() {
    let code = "use crate::{a, b::{c, d}, e};\nuse crate::model::Seq;\n\
                fn f() { crate::store::open() } // crate::no\n\"crate::text\"";
    let expected: BTreeSet<String> = ["a", "b", "e", "model", "store"].map(str::to_owned).into();
    assert_eq!(imports(&without_comments_and_texts(code)), expected);
}

#[test]
fn the_first_line_of_each_file_says_what_it_is_for() {
    let mut paths: Vec<(PathBuf, String)> = files().into_iter().map(|file| (file.path, file.text)).collect();
    paths.extend(files_in("tests").into_iter().map(|file| (file.path, file.text)));
    let bad = paths.iter().filter(|(_, text)| !text.starts_with("//! ") || text.starts_with("//! \n"));
    none(
        bad.map(|(path, _)| format!("{}: the first line is no sentence after `//! `", path.display()))
            .collect(),
    );
}

#[test]
fn each_store_has_one_user() {
    let mut complaints = Vec::new();
    for (krate, module) in
        [("redb", "store"), ("sled", "counters"), ("tantivy", "search"), ("lettre", "notify")]
    {
        for file in files().iter().filter(|file| file.module() != module) {
            let code = file.code();
            let uses = [format!("{krate}::"), format!("use {krate};")];
            let starts =
                |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if uses.iter().any(|text| code.match_indices(text.as_str()).any(|(at, _)| starts(at))) {
                complaints.push(format!("{}: {krate} is for {module} alone", file.path.display()));
            }
        }
    }
    none(complaints);
}

#[test]
fn pure_modules_read_no_clock_and_do_no_io() {
    let impure = [
        "Timestamp::now",
        "Zoned::now",
        "SystemTime::now",
        "Instant::now",
        "std::fs",
        "std::env::var",
        "std::process",
        "std::thread",
        "tokio::",
        "TcpStream",
        "File::",
        "getrandom",
        "now_v7",
        "new_v4",
    ];
    let mut complaints = Vec::new();
    let pure =
        |file: &&SourceFile| row_of(&file.module()).is_some_and(|row| row < PURE_ROWS) && !file.is_test();
    for file in files().iter().filter(pure) {
        let code = file.code();
        let found = impure.iter().filter(|word| code.contains(**word));
        complaints.extend(found.map(|word| format!("{}: {word}", file.path.display())));
    }
    none(complaints);
}

#[test]
fn nothing_outside_of_tests_unwraps_and_nothing_is_allowed_without_a_reason() {
    let mut complaints = Vec::new();
    for file in files().iter().filter(|file| !file.is_test()) {
        let code = file.code();
        for word in [".unwrap()", "#[allow(", "#![allow(", "todo!(", "unimplemented!(", "dbg!("] {
            if code.contains(word) {
                complaints.push(format!("{}: {word}", file.path.display()));
            }
        }
    }
    none(complaints);
}

#[test]
fn no_file_is_too_long_and_no_line_too_wide() {
    let mut complaints = Vec::new();
    for file in files() {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            complaints.push(format!("{}: {lines} lines, at most {LINES_MAX}", file.path.display()));
        }
        if file.text.contains('\t') || file.text.contains('\r') || !file.text.ends_with('\n') {
            complaints
                .push(format!("{}: tabs, carriage returns, or no line end at the end", file.path.display()));
        }
    }
    none(complaints);
}

/// Hosts that may stand in the source: this one, and names that are reserved for examples or name a standard.
fn is_harmless_host(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let ours = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "www.w3.org", "host", "a", "x", ""];
    let reserved = [".example", ".example.com", ".example.org", ".test", ".invalid"];
    ours.contains(&name)
        || name.starts_with("example.")
        || reserved.iter().any(|end| name.ends_with(end))
        || name.starts_with(['{', '<'])
}

#[test]
fn the_source_names_no_machine_that_it_was_made_on() {
    let mut complaints = Vec::new();
    let mut texts: Vec<(PathBuf, String)> = files().into_iter().map(|file| (file.path, file.text)).collect();
    for name in ["Cargo.toml", "Cargo.lock", "tests/browser/package-lock.json", "tests/all", ".ci/run"] {
        if let Ok(text) = std::fs::read_to_string(root().join(name)) {
            texts.push((PathBuf::from(name), text));
        }
    }
    for (path, text) in &texts {
        for directory in ["/home/", "/root/", "/Users/", "/workspace/", concat!("/wo", "rk/")] {
            if text.contains(directory) {
                complaints.push(format!("{}: the path {directory}", path.display()));
            }
        }
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        for (at, _) in text.match_indices("://").filter(|_| is_source) {
            let host: String =
                text[at + 3..].chars().take_while(|c| !"/\"'` )>?#\\\n\u{2026}".contains(*c)).collect();
            if !is_harmless_host(&host) {
                complaints.push(format!("{}: the host {host}", path.display()));
            }
        }
        if text.contains("\"resolved\":") && path.ends_with("package-lock.json") {
            complaints.push(format!("{}: it says from where packages come", path.display()));
        }
    }
    none(complaints);
}

/// Which part of the table of routes one stands in.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Table {
    Api,
    Pages,
    Root,
}

/// Every route in the source: its table, its address and its methods.
pub(crate) fn routes() -> Vec<(Table, String, Vec<String>)> {
    let text =
        std::fs::read_to_string(root().join("src/web/routes.rs")).expect("the table of routes is there");
    let mut table = Table::Root;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        match line {
            _ if line.starts_with("let api") => table = Table::Api,
            _ if line.starts_with("let pages") => table = Table::Pages,
            _ if line.starts_with("Router::new") => table = Table::Root,
            _ => {}
        }
        let Some(rest) = line.strip_prefix(".route(\"") else { continue };
        let (path, handlers) = rest.split_once('"').expect("an address ends with a quote");
        let methods = ["get", "post", "put", "delete", "patch"].into_iter();
        let methods = methods.filter(|method| handlers.contains(&format!("{method}("))).map(str::to_owned);
        let prefix = if table == Table::Api { "/api/v1" } else { "" };
        // What the router writes as the rest of a path is a parameter like any other to the description.
        found.push((table, format!("{prefix}{path}").replace("{*", "{"), methods.collect()));
    }
    assert!(found.len() > 20, "the table was read");
    found
}

#[test]
fn every_route_of_the_api_is_described() {
    let text =
        std::fs::read_to_string(root().join("src/web/api/openapi.json")).expect("the description is there");
    let described: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let paths = &described["paths"];
    let mut complaints = Vec::new();
    let is_described = |table: Table, path: &str| table != Table::Pages && !path.starts_with("/static");
    for (_, path, methods) in routes().into_iter().filter(|(table, path, _)| is_described(*table, path)) {
        // A path may stand whole, or below a server's address that ends in /api/v1.
        let short = path.strip_prefix("/api/v1").unwrap_or(&path);
        let entry = [path.as_str(), short].into_iter().find_map(|path| paths.get(path));
        for method in methods {
            let operation = entry.and_then(|entry| entry.get(&method));
            if operation.is_none_or(|operation| {
                operation["responses"].as_object().is_none_or(serde_json::Map::is_empty)
            }) {
                complaints.push(format!("{} {path} is not described", method.to_uppercase()));
            }
        }
    }
    none(complaints);
}
