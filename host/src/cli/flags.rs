//! The service's settings as flags: one for each key that is no secret.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::settings::{Row, rows};

/// Keys and their values, as flags gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flags(pub(super) Vec<(&'static str, String)>);

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.next_help_heading("Settings").args(rows().into_iter().filter_map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |key: &'static str| matches.get_one::<String>(key).map(|value| (key, value.clone()));
        let flags = rows().into_iter().filter(|row| row.flag.is_some());
        Ok(Self(flags.filter_map(|row| given(row.key)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What it may be is checked with everything else that was given, so that all is told at once.
fn flag(row: Row) -> Option<Arg> {
    let flag = row.flag?;
    let help = format!("{} [{}; without it: {}]", row.meaning, row.form, row.default).replace('`', "");
    let arg = Arg::new(row.key).long(flag).value_name("VALUE").help(help).allow_hyphen_values(true);
    Some(match row.switch {
        true => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        false => arg,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_keys() {
        #[track_caller]
        fn check(arguments: &[&str], expect: Result<&[(&'static str, &str)], &str>) {
            let command = Flags::augment_args(Command::new("serve"));
            let matches =
                command.try_get_matches_from(std::iter::once("serve").chain(arguments.iter().copied()));
            let found = matches.map_err(|error| error.to_string()).map(|matches| {
                let Flags(flags) = Flags::from_arg_matches(&matches).expect("flags are optional");
                flags
            });
            match (found, expect) {
                (Ok(found), Ok(expect)) => {
                    let expect: Vec<_> =
                        expect.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
                    assert_eq!(found, expect);
                }
                (Err(found), Err(expect)) => assert!(found.contains(expect), "{found}"),
                (found, expect) => panic!("{found:?} is not {expect:?}"),
            }
        }
        check(&[], Ok(&[]));
        check(
            &["--limits-burst", "5", "--listen=[::]:80"],
            Ok(&[("listen", "[::]:80"), ("limits.burst", "5")]),
        );
        check(&["--allow-private-hosts"], Ok(&[("allow_private_hosts", "true")]));
        check(&["--allow-private-hosts=false"], Ok(&[("allow_private_hosts", "false")]));
        check(&["--connections", "-1"], Ok(&[("connections", "-1")]));
        check(&["--secrets-key-file", "k"], Ok(&[("secrets.key_file", "k")]));
        check(&["--secrets-key", "k"], Err("unexpected argument '--secrets-key'"));
    }
}
