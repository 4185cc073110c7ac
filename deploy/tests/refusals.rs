//! The emulator refuses what AWS refuses, so that such mistakes cannot pass the other tests.

use crate::cloud::Cloud;

#[test]
fn the_emulator_refuses_what_aws_refuses() {
    Cloud::empty("free").python("refusals/refusals.py");
}
