//! The emulator refuses what AWS refuses, so that such mistakes cannot pass the other tests.

use crate::cloud::Cloud;

#[test]
fn the_emulator_refuses_what_aws_refuses() {
    let cloud = Cloud::empty("free");
    cloud.python("refusals/collector.py");
    cloud.python("refusals/refusals.py");
}
