//! The Lua scripts, each in its own file beside this one.

use deadpool_redis::redis::{Script, ScriptInvocation};
use protocol::names;

/// The scripts. What they share, keys and first arguments included, stands in `prelude.lua`.
pub(super) struct Scripts {
    enqueue: Script,
    claim: Script,
    renew: Script,
    give_back: Script,
    fail: Script,
    finish: Script,
    look: Script,
    scan: Script,
    result: Script,
    reject: Script,
    copied: Script,
}

/// A script with what all of them share in front.
macro_rules! script {
    ($file:literal) => {
        Script::new(concat!(include_str!("prelude.lua"), "\n", include_str!($file)))
    };
}

/// A method for each script that begins its invocation; its own arguments come after.
macro_rules! invocations {
    ($($name:ident),*) => {
        $(pub(super) fn $name(&self) -> ScriptInvocation<'_> {
            begin(&self.$name)
        })*
    };
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            enqueue: script!("enqueue.lua"),
            claim: script!("claim.lua"),
            renew: script!("renew.lua"),
            give_back: script!("give_back.lua"),
            fail: script!("fail.lua"),
            finish: script!("finish.lua"),
            look: script!("look.lua"),
            scan: script!("scan.lua"),
            result: script!("result.lua"),
            reject: script!("reject.lua"),
            copied: script!("copied.lua"),
        }
    }

    invocations!(enqueue, claim, renew, give_back, fail, finish, look, scan, result, reject, copied);
}

fn begin(script: &Script) -> ScriptInvocation<'_> {
    let mut invocation = script.prepare_invoke();
    for key in [names::VALUES, names::PENDING, names::CLAIMS, names::FAILED, names::RESULTS, names::SIZES] {
        invocation.key(key);
    }
    for argument in [names::NOTHING_YET, names::INSERT, names::EVENTS] {
        invocation.arg(argument);
    }
    invocation
}
