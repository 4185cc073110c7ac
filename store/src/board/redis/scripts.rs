//! The Lua scripts, each in its own file next to this one.

use deadpool_redis::redis::{Script, ScriptInvocation};
use protocol::names;

/// The scripts. Shared code, keys and leading arguments are in `prelude.lua`.
pub(super) struct Scripts {
    enqueue: Script,
    claim: Script,
    renew: Script,
    release: Script,
    fail: Script,
    finish: Script,
    index_states: Script,
    scan: Script,
    result: Script,
    reject: Script,
    mark_recorded: Script,
    evict: Script,
    check: Script,
}

/// A script, preceded by the shared prelude.
macro_rules! script {
    ($file:literal) => {
        Script::new(concat!(include_str!("prelude.lua"), "\n", include_str!($file)))
    };
}

/// Defines a method per script that prepares its invocation, to which its own arguments are added.
macro_rules! invocations {
    ($($name:ident),*) => {
        $(pub(super) fn $name(&self) -> ScriptInvocation<'_> {
            invocation(&self.$name)
        })*
    };
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            enqueue: script!("enqueue.lua"),
            claim: script!("claim.lua"),
            renew: script!("renew.lua"),
            release: script!("release.lua"),
            fail: script!("fail.lua"),
            finish: script!("finish.lua"),
            index_states: script!("index_states.lua"),
            scan: script!("scan.lua"),
            result: script!("result.lua"),
            reject: script!("reject.lua"),
            mark_recorded: script!("mark_recorded.lua"),
            evict: script!("evict.lua"),
            check: script!("check.lua"),
        }
    }

    invocations!(
        enqueue,
        claim,
        renew,
        release,
        fail,
        finish,
        index_states,
        scan,
        result,
        reject,
        mark_recorded,
        evict,
        check
    );
}

fn invocation(script: &Script) -> ScriptInvocation<'_> {
    let mut invocation = script.prepare_invoke();
    for key in [names::VALUES, names::PENDING, names::CLAIMS, names::FAILED, names::RESULTS, names::SIZES] {
        invocation.key(key);
    }
    for argument in [names::NOTHING_YET, names::INSERT, names::EVENTS] {
        invocation.arg(argument);
    }
    invocation
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    /// Names of the commands in a script, after any of these words.
    fn commands(script: &str, words: &[&str]) -> BTreeSet<String> {
        let calls = words.iter().flat_map(|word| script.split(word).skip(1));
        calls.filter_map(|call| call.split('\'').next()).map(str::to_owned).collect()
    }

    #[test]
    fn a_check_runs_every_command_of_the_scripts() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/board/redis");
        let words = ["redis.call('", "redis.pcall('"];
        let mut used = BTreeSet::new();
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "lua") {
                used.append(&mut commands(&fs::read_to_string(path).unwrap(), &words));
            }
        }
        assert!(used.len() > 10, "{used:?}");
        let checked = commands(include_str!("check.lua"), &["try('", "redis.pcall('"]);
        assert_eq!(checked, used);
    }
}
