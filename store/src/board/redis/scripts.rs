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
