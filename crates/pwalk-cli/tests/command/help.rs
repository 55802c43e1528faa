//! Help, man pages and completions: all generated from the arguments, so none may lack one.

use crate::golden::assert_golden;
use crate::harness::{program, run, said};
use std::io::Write;
use std::process::Stdio;

/// Commands that are not hidden, and their long options that are not.
fn commands() -> Vec<(String, Vec<String>)> {
    let mut all = pwalk_cli::command();
    all.build();
    let visible = all.get_subcommands().filter(|command| !command.is_hide_set());
    visible
        .map(|command| {
            let options = command.get_arguments().filter(|option| !option.is_hide_set());
            let long =
                options.filter_map(|option| option.get_long()).map(|name| format!("--{name}"));
            (command.get_name().to_owned(), long.collect())
        })
        .collect()
}

#[test]
fn help_is_what_the_golden_files_say() {
    let help = run(&["--help"]).with_status(0);
    assert_eq!(help.stderr, "");
    assert_golden("help.txt", &help.stdout);
    let commands = commands();
    assert!(commands.len() >= 5);
    for (name, options) in commands {
        let help = run(&[&*name, "--help"]).with_status(0);
        assert_eq!(help.stderr, "");
        assert_golden(&format!("help-{name}.txt"), &help.stdout);
        for option in options {
            assert!(help.text().contains(&option), "{name} {option}");
        }
        assert!(run(&[&*name, "-h"]).with_status(0).text().contains(&format!("pwalk {name}")));
    }
}

#[test]
fn help_has_examples_and_hides_what_is_for_old_scripts() {
    for name in ["report", "walk", "info"] {
        let help = run(&[name, "--help"]);
        assert!(help.text().contains("\nExamples:\n  pwalk "), "{name}");
        assert!(!help.text().contains("NoSnap") && !help.text().contains("--header"), "{name}");
    }
}

#[test]
fn help_keeps_to_the_width_of_a_terminal() {
    for name in ["", "report", "walk", "info"] {
        let arguments: &[&str] = if name.is_empty() { &["--help"] } else { &[name, "--help"] };
        let help = run(arguments);
        let long: Vec<&str> =
            help.text().lines().filter(|line| line.chars().count() > 100).collect();
        assert_eq!(long, [""; 0], "{name}");
    }
}

/// What was wrapped twice has lines of one or two words among its long ones.
#[test]
fn help_is_not_wrapped_twice_on_a_terminal_of_80_columns() {
    for (name, options) in commands() {
        let script = format!("stty rows 24 cols 80; $PWALK {name} --help");
        let mut command = program("script");
        command.args(["-qec", &script, "/dev/null"]).env("PWALK", crate::harness::BIN);
        let help = said(command.env("SHELL", "/bin/sh")).with_status(0);
        assert!(help.text().lines().all(|line| line.trim_end().chars().count() <= 80), "{name}");
        for line in pwalk_cli::after_help(&name).lines().filter(|line| line.len() <= 80) {
            assert!(help.text().contains(&format!("{line}\r\n")), "{name}: {line}");
        }
        if options.iter().any(|option| option == "--columns") {
            let hanging = "last access, in seconds since the epoch\r\n\
                           \u{20}                            (negative before it)";
            assert!(help.text().contains(hanging), "{}", help.text());
        }
    }
}

#[test]
fn help_is_a_command_too() {
    assert_eq!(run(&["help"]).with_status(0).stdout, run(&["--help"]).stdout);
    assert_eq!(run(&["help", "walk"]).with_status(0).stdout, run(&["walk", "--help"]).stdout);
}

#[test]
fn the_version_is_said() {
    for flag in ["-V", "--version"] {
        let said = run(&[flag]).with_status(0);
        assert_eq!(said.text(), format!("pwalk {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn without_a_command_there_is_help_and_a_failure() {
    let said = run(&[""; 0]).with_status(2);
    assert_eq!(said.stdout, b"");
    assert!(said.stderr.contains("Usage: pwalk <COMMAND>"));
}

#[test]
fn man_pages_name_every_option_of_every_command() {
    let unescaped = |page: &str| page.replace("\\-", "-");
    let page = run(&["man"]).with_status(0);
    assert!(page.text().contains("\n.TH pwalk 1"), "{}", page.text());
    for (name, options) in commands() {
        assert!(unescaped(page.text()).contains(&format!("pwalk-{name}(1)")), "{name}");
        let page = run(&["man", &name]).with_status(0);
        let text = unescaped(page.text());
        let title = format!("\n.TH pwalk-{name} 1");
        assert!(text.contains(&title), "{title}: {}", &text[..200]);
        for option in options {
            assert!(text.contains(&format!("\\fB{option}\\fR")), "{name} {option}");
        }
    }
    for (name, page) in [("report", "pwalk-report"), ("pwalk", "pwalk")] {
        assert_eq!(run(&["man", page]).with_status(0).stdout, run(&["man", name]).stdout);
    }
    assert_eq!(run(&["man", "pwalk"]).stdout, run(&["man"]).stdout);
    let said = run(&["man", "nonsense"]).with_status(2);
    assert_eq!(said.lines().len(), 1);
    assert!(said.stderr.contains("nonsense"));
}

#[test]
fn man_pages_have_the_usual_sections_and_unfilled_examples() {
    for name in commands().into_iter().map(|(name, _)| name).chain(["pwalk".to_owned()]) {
        let page = run(&["man", &name]).with_status(0);
        let text = page.text();
        let unfilled = text.split_once(".SH EXAMPLES\n.nf\npwalk ").and_then(|(_, rest)| {
            rest.split_once(".fi\n.SH \"EXIT STATUS\"\n.TP 8\n\\fB0\\fR\ncomplete")
        });
        assert!(unfilled.is_some() && !text.contains("SH EXTRA"), "{text}");
        let title = text.lines().find(|line| line.starts_with(".TH")).unwrap();
        assert!(title.contains(&format!("\"pwalk {}\"", env!("CARGO_PKG_VERSION"))), "{title}");
        let (_, also) = text.split_once(".SH \"SEE ALSO\"\n").expect("other pages");
        assert!(also.contains("find(1)") && also.contains("pwalk\\-walk(1)") != (name == "walk"));
    }
}

#[test]
fn completions_offer_the_pages_of_the_manual() {
    let script = "source <(\"$0\" completions bash); COMP_WORDS=(pwalk man ''); COMP_CWORD=2; \
                  _pwalk pwalk '' man; echo \"${COMPREPLY[@]}\"";
    let mut bash = program("bash");
    let said = said(bash.args(["-c", script, crate::harness::BIN])).with_status(0);
    assert!(
        said.text().contains("report walk profile repair convert info"),
        "{}{}",
        said.text(),
        said.stderr
    );
}

#[test]
fn completions_name_every_option_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).with_status(0);
        for (name, options) in commands() {
            assert!(script.text().contains(&name), "{shell}: {name}");
            for option in options {
                let option = if shell == "fish" { option.replace("--", "-l ") } else { option };
                assert!(script.text().contains(&option), "{shell}: {name} {option}");
            }
        }
    }
    let said = run(&["completions", "csh"]).with_status(2);
    assert_eq!(said.lines().len(), 1);
    assert!(said.stderr.contains("'csh'") && said.stderr.contains("bash"));
}

#[test]
fn the_completions_of_bash_are_bash() {
    let script = run(&["completions", "bash"]).with_status(0);
    let mut bash = program("bash");
    let mut child = bash.arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&script.stdout).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    let asked = "source <(\"$0\" completions bash) && complete -p pwalk";
    let mut bash = program("bash");
    let said = said(bash.args(["-c", asked, crate::harness::BIN])).with_status(0);
    assert!(said.text().contains("pwalk"), "{}", said.text());
}
